"""Files on either path under either core."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from codeagent._async.io import AsyncIOManager
from codeagent._sync.io import IOManager
from codeagent.rollout.stages import Stage

from .rig import rigged


@pytest.mark.parametrize("stage", list(Stage))
def test_every_operation_does_the_same_on_every_stage(
    tmp_path: Path, path: str, stage: Stage
) -> None:
    file, gone = tmp_path / "file", tmp_path / "gone"
    reads = stage if stage in ("off", "shadow", "live", "complete") else "off"
    with rigged(tmp_path, path, {}, files_read=reads, files_write=stage) as rig:

        def all_of_them(ports: Any) -> Any:
            files = ports.files

            async def run() -> list[Any]:
                await files.make_directories([tmp_path / "made"])
                await files.write(file, b"one\n")
                await files.append(file, "two\n")
                changed = await files.edit(file, bytes.upper)
                same = await files.edit(file, bytes.upper)
                found = [changed, same, await files.read(file), await files.read(gone)]
                await files.remove([file])
                return [*found, await files.snapshot(file, 10), await files.signatures([file])]

            if path == "async":
                return run()
            files_run = [
                files.make_directories([tmp_path / "made"]),
                files.write(file, b"one\n"),
                files.append(file, "two\n"),
            ]
            assert files_run == [None] * 3
            changed, same = files.edit(file, bytes.upper), files.edit(file, bytes.upper)
            found = [changed, same, files.read(file), files.read(gone)]
            files.remove([file])
            return [*found, files.snapshot(file, 10), files.signatures([file])]

        assert rig.do(all_of_them) == [True, False, b"ONE\nTWO\n", None, None, [None]]
        assert (tmp_path / "made").is_dir()
        compared = {"dualwrite": 4, "shadow": 4, "live": 4, "rampdown": 4}.get(stage, 0)
        assert rig.compared("files-write") == (compared, 0)
        assert rig.compared("files-read")[1] == 0
        sync, asynchronous = rig.counts("files-write")
        if stage == "off":
            assert (sync > 0, asynchronous) == (True, 0)
        if stage == "complete":
            assert (sync, asynchronous > 0) == (0, True)
        assert rig.rollout.override.entries() == {}
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("codeagent-")] == []


def test_writers_of_one_file_take_turns_across_paths(tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_bytes(b"")
    with rigged(tmp_path, "async", {}, files_write="complete") as rig:

        async def edits(ports: Any) -> None:
            async def one(number: int) -> None:
                await ports.files.edit(file, lambda data: data + b"%d\n" % number)

            await asyncio.gather(*(one(number) for number in range(50)))

        rig.do(edits)
        rig.rollout.rollback("files-write", actor="test", reason="half way")
        rig.do(edits)
        assert rig.counts("files-write") == (50, 50)
    assert sorted(map(int, file.read_text().split())) == sorted([*range(50), *range(50)])


@pytest.mark.parametrize("share", [1, 5, 20, 100])
def test_faults_on_the_asynchronous_path_are_found_and_it_is_left(
    tmp_path: Path, path: str, share: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One per cent is allowed, so that is not found."""
    (tmp_path / "file").write_bytes(b"x")
    counted = iter(range(10**9))

    async def faulty(self: AsyncIOManager, file: Path, limit: int) -> Any:
        if next(counted) % (100 // share) == 0:
            raise OSError(5, "injected")
        return await original(self, file, limit)

    original = AsyncIOManager.snapshot
    monkeypatch.setattr(AsyncIOManager, "snapshot", faulty)
    most = 400
    with rigged(tmp_path, path, {}, files_read="complete") as rig:
        # What is known of the synchronous path decides what the other may do.
        healthy = IOManager()
        for _ in range(1000):
            rig.rollout.observe(_sync_read())
        assert healthy.read(tmp_path / "file") == b"x"

        async def reads(ports: Any) -> int:
            failed = 0
            for _ in range(most):
                try:
                    await ports.files.read(tmp_path / "file")
                except OSError:
                    failed += 1
            return failed

        def reads_sync(ports: Any) -> int:
            failed = 0
            for _ in range(most):
                try:
                    ports.files.read(tmp_path / "file")
                except OSError:
                    failed += 1
            return failed

        failed = rig.do(reads if path == "async" else reads_sync)
        held = "files-read" in rig.rollout.override.entries()
    if share == 1:
        assert not held
    else:
        assert held
        assert failed <= {5: 40, 20: 12, 100: 3}[share]


def _sync_read() -> Any:
    from codeagent.rollout.observation import Observation
    from codeagent.rollout.stages import Colour, Operation

    seconds = {Colour.SYNC: 0.0001}
    return Observation("files-read", Operation.READ, Colour.SYNC, seconds=seconds)
