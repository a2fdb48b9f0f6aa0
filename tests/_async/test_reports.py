"""Reports: which files count, and when they are seen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codeagent._async import reports
from codeagent._async.io import AsyncIOManager
from codeagent._async.reports import AsyncReportWatch, Report
from codeagent._runtime import async_runtime as rt
from codeagent._runtime import files
from codeagent.core.report import Signature, Verdict

NAME = "docs/results/r.md"
GOOD = "# Report\n\nDone!\n"


@pytest.fixture(autouse=True)
def _heard_of_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that is only found by looking again now and then makes a test hang."""
    monkeypatch.setattr(reports, "RECHECK", 3600.0)


def write(project: Path, text: str, name: str = NAME) -> Path:
    file = project / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def write_whole(project: Path) -> None:
    """As a whole, so that it is heard of once."""
    draft = write(project, GOOD, f"{NAME}.draft")
    draft.rename(project / NAME)


class Waiting:
    """A watch with somebody who waits on it."""

    def __init__(self, io: AsyncIOManager, project: Path, *names: str) -> None:
        self.watch = AsyncReportWatch(io, project, names or (NAME,), "Done!")
        self.report: Report | None = None

    async def run(self) -> None:
        self.report = await self.watch.wait()

    async def looked(self, verdict: Verdict, name: str = NAME) -> None:
        """Wait until it has judged the file so."""
        while self.watch.verdicts.get(name) is not verdict:
            await rt.sleep(0.002)


async def test_a_report_that_is_new_is_taken(tmp_path: Path) -> None:
    async with AsyncIOManager() as io:
        waiting = Waiting(io, tmp_path)
        async with waiting.watch, rt.TaskGroup() as group:
            group.start_soon(waiting.run)
            await waiting.looked(Verdict.MISSING)
            await rt.run_blocking(write, tmp_path, GOOD)
    assert waiting.report is not None
    assert (waiting.report.path, waiting.report.text) == (NAME, GOOD)
    assert len(waiting.report.digest) == 64


async def test_a_report_written_between_the_beginning_and_the_wait_is_taken(
    tmp_path: Path,
) -> None:
    async with AsyncIOManager() as io:
        waiting = Waiting(io, tmp_path)
        async with waiting.watch:
            write(tmp_path, GOOD)
            await waiting.run()
    assert waiting.report is not None


async def test_the_report_of_an_earlier_instruction_is_not_taken_until_it_changes(
    tmp_path: Path,
) -> None:
    write(tmp_path, GOOD)
    async with AsyncIOManager() as io:
        waiting = Waiting(io, tmp_path)
        async with waiting.watch, rt.TaskGroup() as group:
            group.start_soon(waiting.run)
            await waiting.looked(Verdict.STALE)
            assert waiting.report is None
            await rt.run_blocking(write, tmp_path, f"More.\n{GOOD}")
    assert waiting.report is not None
    assert waiting.report.text == f"More.\n{GOOD}"


async def test_the_same_report_written_again_counts_for_it_was_seen_to_be_written(
    tmp_path: Path,
) -> None:
    file = write(tmp_path, GOOD)
    stamp = file.stat()

    def again() -> None:
        file.write_text(GOOD, "utf-8")
        os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

    async with AsyncIOManager() as io:
        waiting = Waiting(io, tmp_path)
        assert io.watching
        async with waiting.watch, rt.TaskGroup() as group:
            group.start_soon(waiting.run)
            await waiting.looked(Verdict.STALE)
            await rt.run_blocking(again)
    assert waiting.report is not None


async def test_a_report_whose_times_change_while_it_is_read_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, "")
    snapshot = files.snapshot
    touched: list[int] = []

    def disturbed(path: Path, limit: int, *, wait: bool) -> files.Snapshot | None:
        seen = snapshot(path, limit, wait=wait)
        if seen is not None and not touched:
            touched.append(1)  # nobody is told of a change of its times
            return seen._replace(after=Signature(0, seen.after.size, seen.after.inode))
        return seen

    monkeypatch.setattr(files, "snapshot", disturbed)
    async with AsyncIOManager() as io:
        waiting = Waiting(io, tmp_path)
        async with waiting.watch, rt.TaskGroup() as group:
            group.start_soon(waiting.run)
            await rt.run_blocking(file.write_text, GOOD, "utf-8")
    assert touched
    assert waiting.report is not None


async def test_half_a_report_is_never_taken(tmp_path: Path) -> None:
    file = write(tmp_path, "")
    with file.open("w", encoding="utf-8") as half:
        half.write(GOOD)
        half.flush()  # the phrase stands already, but the writer is still at it
        async with AsyncIOManager() as io:
            waiting = Waiting(io, tmp_path)
            async with waiting.watch, rt.TaskGroup() as group:
                group.start_soon(waiting.run)
                half.write("and more\n")
                half.flush()
                os.utime(file)
                for _ in range(20):
                    assert await waiting.watch.look() is None
                half.write("the end\n")
                await rt.run_blocking(half.close)
    assert waiting.report is not None
    assert waiting.report.text == f"{GOOD}and more\nthe end\n"


async def test_a_report_put_in_place_by_renaming_is_taken_whole(tmp_path: Path) -> None:
    async with AsyncIOManager() as io:
        waiting = Waiting(io, tmp_path)
        async with waiting.watch, rt.TaskGroup() as group:
            group.start_soon(waiting.run)
            await waiting.looked(Verdict.MISSING)
            draft = await rt.run_blocking(write, tmp_path, GOOD, "docs/results/draft")
            await rt.run_blocking(draft.rename, tmp_path / NAME)
    assert waiting.report is not None


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (b"no phrase\n", Verdict.NO_PHRASE),
        (b"", Verdict.NO_PHRASE),
        ("Done!".encode("utf-16"), Verdict.UNDECODABLE),
        (b"Done! \xd0", Verdict.UNDECODABLE),
        (b"x" * (10 * 1024 * 1024) + b"Done!", Verdict.TOO_LARGE),
    ],
)
async def test_what_is_no_report_yet_is_judged_and_waited_on(
    data: bytes, verdict: Verdict, tmp_path: Path
) -> None:
    (tmp_path / NAME).parent.mkdir(parents=True)
    async with AsyncIOManager() as io:
        waiting = Waiting(io, tmp_path)
        async with waiting.watch, rt.TaskGroup() as group:
            group.start_soon(waiting.run)
            await rt.run_blocking((tmp_path / NAME).write_bytes, data)
            await waiting.looked(verdict)
            assert waiting.report is None
            await rt.run_blocking(write, tmp_path, GOOD)
    assert waiting.report is not None
    assert waiting.report.text == GOOD


async def test_any_of_the_candidates_will_do(tmp_path: Path) -> None:
    other = "cursor_results/task.txt"
    write(tmp_path, GOOD)
    async with AsyncIOManager() as io:
        waiting = Waiting(io, tmp_path, NAME, other)
        async with waiting.watch, rt.TaskGroup() as group:
            group.start_soon(waiting.run)
            await waiting.looked(Verdict.MISSING, other)
            await rt.run_blocking(write, tmp_path, GOOD, other)
    assert waiting.report is not None
    assert waiting.report.path == other


async def test_a_report_in_a_directory_that_went_away_and_came_back_is_seen(
    tmp_path: Path,
) -> None:
    write(tmp_path, "not yet")
    async with AsyncIOManager() as io:
        waiting = Waiting(io, tmp_path)
        async with waiting.watch, rt.TaskGroup() as group:
            group.start_soon(waiting.run)
            await waiting.looked(Verdict.STALE)
            await rt.run_blocking(shutil.rmtree, tmp_path / "docs")
            await waiting.looked(Verdict.MISSING)
            await rt.run_blocking(write, tmp_path, GOOD)
    assert waiting.report is not None


async def test_a_directory_or_a_pipe_in_the_place_of_the_report_holds_nobody_up(
    tmp_path: Path,
) -> None:
    (tmp_path / NAME).mkdir(parents=True)
    async with AsyncIOManager() as io:
        waiting = Waiting(io, tmp_path)
        async with waiting.watch, rt.TaskGroup() as group:
            group.start_soon(waiting.run)
            await waiting.looked(Verdict.STALE)
            await rt.run_blocking((tmp_path / NAME).rmdir)
            await rt.run_blocking(os.mkfifo, tmp_path / NAME)
            await waiting.looked(Verdict.MISSING)
            await rt.run_blocking((tmp_path / NAME).unlink)
            await rt.run_blocking(write, tmp_path, GOOD)
    assert waiting.report is not None


async def test_many_wait_at_once_and_each_gets_his_own(tmp_path: Path) -> None:
    async with AsyncIOManager() as io:
        waiters = [Waiting(io, tmp_path, f"docs/{n}.md") for n in range(20)]

        async def wait(waiting: Waiting) -> None:
            async with waiting.watch:
                await waiting.run()

        async with rt.TaskGroup() as group:
            for waiting in waiters:
                group.start_soon(wait, waiting)
            for n, waiting in enumerate(waiters):
                await waiting.looked(Verdict.MISSING, f"docs/{n}.md")
            for n in range(20):
                await rt.run_blocking(write, tmp_path, f"{n} Done!", f"docs/{n}.md")
    assert [w.report.text for w in waiters if w.report] == [f"{n} Done!" for n in range(20)]


async def test_nothing_is_looked_at_before_something_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, GOOD)
    looks: list[list[Path]] = []
    look = files.look

    def counted(paths: list[Path], *about: Any, **how: Any) -> list[files.Look]:
        looks.append(paths)
        return look(paths, *about, **how)

    monkeypatch.setattr(files, "look", counted)
    async with AsyncIOManager() as io:
        waiting = Waiting(io, tmp_path, NAME, "absent.md")
        async with waiting.watch, rt.TaskGroup() as group:
            group.start_soon(waiting.run)
            await waiting.looked(Verdict.MISSING, "absent.md")
            assert waiting.watch.verdicts[NAME] is Verdict.STALE
            assert looks == []
            await rt.run_blocking(write, tmp_path, f"More.\n{GOOD}")
    assert waiting.report is not None
    assert looks


@pytest.mark.parametrize("in_memory", [True, False])
async def test_nobody_is_sent_to_read_what_lies_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: bool
) -> None:
    waits: list[bool] = []
    look = files.look

    def noted(
        paths: list[Path], limit: int, wanted: Callable[..., bool], *, wait: bool = True
    ) -> list[files.Look]:
        waits.append(wait)
        if not (wait or in_memory):
            raise BlockingIOError
        return look(paths, limit, wanted)

    monkeypatch.setattr(files, "look", noted)
    (tmp_path / NAME).parent.mkdir(parents=True)
    async with AsyncIOManager() as io:
        waiting = Waiting(io, tmp_path)
        async with waiting.watch, rt.TaskGroup() as group:
            group.start_soon(waiting.run)
            await waiting.looked(Verdict.MISSING)
            await rt.run_blocking(write_whole, tmp_path)
    assert waiting.report is not None
    assert waits == ([False] if in_memory else [False, True])


async def test_missing_places_are_made_when_asked_for(tmp_path: Path) -> None:
    async with AsyncIOManager() as io:
        waiting = Waiting(io, tmp_path, "a/b/report.md")
        async with waiting.watch, rt.TaskGroup() as group:
            assert not (tmp_path / "a").exists()
            await waiting.watch.make_directories()
            group.start_soon(waiting.run)
            await rt.run_blocking((tmp_path / "a/b/report.md").write_text, GOOD, "utf-8")
    assert waiting.report is not None
