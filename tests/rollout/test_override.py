"""Ceilings: environment, file and memory; the lowest wins."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.rollout.files import write_durably
from codeagent.rollout.override import ALL, Override, parse
from codeagent.rollout.stages import STAGES, Stage, lowest

from .support import Clock

NOW = 1_790_000_000.0


class Bench:
    """An override with its clock and its environment in hand."""

    def __init__(self, directory: Path) -> None:
        self.clock = Clock()
        self.environment: dict[str, str] = {}
        self.path = directory / "override.json"
        self.override = self.another()

    def another(self) -> Override:
        return Override(self.path, environment=self.environment, clock=self.clock)

    def stage(self, name: str = "files-read") -> Stage | None:
        found = self.override.ceiling(name)
        return None if found is None else found.stage


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_nothing_is_held_down_without_a_file(bench: Bench) -> None:
    assert bench.stage() is None


def test_a_kill_by_another_process_is_seen_one_interval_later(bench: Bench) -> None:
    assert bench.stage() is None
    other = bench.another()
    other.put(ALL, Stage.OFF, reason="it burns", actor="ann", now=NOW)
    assert bench.stage() is None
    bench.clock.now += 0.05
    found = bench.override.ceiling("files-read")
    assert found is not None
    assert (found.stage, found.source, found.actor) == (Stage.OFF, "file", "ann")


def test_between_two_looks_the_file_is_left_alone(bench: Bench) -> None:
    bench.stage()
    bench.path.write_text('{"*": "off"}')
    bench.clock.now += 0.049
    assert bench.stage() is None


def test_a_trip_is_in_force_at_the_next_operation(bench: Bench) -> None:
    assert bench.stage() is None
    bench.override.trip("files-read", reason="mismatch", actor="guard", now=NOW, durable=False)
    found = bench.override.ceiling("files-read")
    assert found is not None
    assert (found.stage, found.source, found.reason) == (Stage.OFF, "trip", "mismatch")
    assert bench.stage("git-write") is None
    assert not bench.path.exists()


def test_a_trip_outlives_the_process_and_is_lifted_by_name(bench: Bench) -> None:
    bench.override.trip("files-read", reason="errors", actor="guard", now=NOW)
    restarted = bench.another()
    found = restarted.ceiling("files-read")
    assert found is not None
    assert (found.actor, found.reason, found.at) == ("guard", "errors", NOW)
    assert not restarted.lift("git-write")
    assert restarted.lift("files-read")
    assert restarted.ceiling("files-read") is None
    bench.clock.now += 1
    assert bench.stage() is None  # the process that tripped obeys too


def test_a_trip_holds_though_the_file_cannot_be_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("codeagent.rollout.override.write_durably", full)
    with pytest.raises(OSError, match="No space"):
        bench.override.trip("files-read", reason="errors", actor="guard", now=NOW)
    assert bench.stage() is Stage.OFF
    monkeypatch.undo()
    bench.override.settle()
    assert json.loads(bench.path.read_text())["files-read"]["stage"] == "off"


def test_lifting_one_name_leaves_the_other(bench: Bench) -> None:
    bench.override.put(ALL, Stage.OFF, reason="", actor="", now=NOW)
    bench.override.put("files-read", Stage.OFF, reason="", actor="", now=NOW)
    assert bench.override.lift("files-read")
    assert bench.stage() is Stage.OFF
    assert bench.override.lift(ALL)
    assert bench.stage() is None


stages = st.none() | st.sampled_from(STAGES)


@given(stages, stages, stages, stages)
@settings(deadline=None, max_examples=60)
def test_the_lowest_of_all_wins(
    tmp_path_factory: pytest.TempPathFactory,
    env: Stage | None,
    everyone: Stage | None,
    named: Stage | None,
    other: Stage | None,
) -> None:
    bench = Bench(tmp_path_factory.mktemp("o"))
    if env is not None:
        bench.environment["ROLLOUT_FORCE"] = f"git-write=off,files-read={env}"
    entries = {ALL: everyone, "files-read": named, "llm": other}
    bench.path.write_text(json.dumps({k: v for k, v in entries.items() if v is not None}))
    given_ = [stage for stage in (env, everyone, named) if stage is not None]
    assert bench.stage() == (lowest(*given_) if given_ else None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("off", Stage.OFF),
        (" SHADOW ", Stage.SHADOW),
        ("files-read=live, git-write=off", Stage.LIVE),
        ("git-write=off", None),
        ("", None),
        ("of", Stage.OFF),
        ("files-read=", Stage.OFF),
        ("=live", Stage.OFF),
        ("live,", Stage.OFF),
    ],
)
def test_the_environment_forces_and_a_slip_there_means_off(
    bench: Bench, text: str, expected: Stage | None
) -> None:
    bench.environment["ROLLOUT_FORCE"] = text
    assert bench.stage() is expected


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"off"',
        b"\xff",
        b'{"a": "on"}',
        b'{"a": null}',
        b'{"a": {}}',
        b'{"a": {"stage": 1}}',
        b'{"a": ["off"]}',
        b"[" * 50_000,
    ],
)
def test_a_file_that_makes_no_sense_puts_everything_off(bench: Bench, content: bytes) -> None:
    bench.path.write_bytes(content)
    found = bench.override.ceiling("anything")
    assert found is not None
    assert found.stage is Stage.OFF
    assert "unusable" in found.reason


def test_a_directory_or_a_pipe_in_its_place_puts_everything_off(tmp_path: Path) -> None:
    for name, make in (("one", os.mkdir), ("two", os.mkfifo)):
        (tmp_path / name).mkdir()
        bench = Bench(tmp_path / name)
        make(bench.path)
        assert bench.stage() is Stage.OFF


def test_a_kill_over_an_unusable_file_keeps_everything_off(bench: Bench) -> None:
    bench.path.write_text("{")
    bench.override.put("files-read", Stage.OFF, reason="", actor="", now=NOW)
    assert {name: c.stage for name, c in parse(bench.path.read_bytes()).items()} == {
        ALL: Stage.OFF,
        "files-read": Stage.OFF,
    }


def test_an_unusable_file_is_not_mended_by_lifting_something_else(bench: Bench) -> None:
    bench.path.write_text("{")
    with pytest.raises(ValueError, match=r"everything is off .* lift \*"):
        bench.override.lift("files-read")
    assert bench.path.read_text() == "{"
    assert bench.stage() is Stage.OFF
    bench.override.lift(ALL)
    assert bench.stage() is None


def test_an_edit_in_the_same_tick_of_the_clock_is_seen(bench: Bench) -> None:
    bench.path.write_text('{"files-read": "live"}')
    before = bench.path.stat()
    assert bench.stage() is Stage.LIVE
    bench.path.write_text('{"files-read": "of" }'.replace('of" ', 'off"'))
    bench.path.write_text('{"files-read":  "off"}')
    os.utime(bench.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    bench.clock.now += 0.05
    assert bench.stage() is Stage.OFF


def test_what_was_put_down_can_be_listed(bench: Bench) -> None:
    bench.environment["ROLLOUT_FORCE"] = "shadow"
    bench.override.put("files-read", Stage.OFF, reason="why", actor="ann", now=NOW)
    found = bench.override.entries()
    assert [(c.source, c.stage) for c in found[ALL]] == [("env", Stage.SHADOW)]
    assert [(c.source, c.reason) for c in found["files-read"]] == [("file", "why")]


def put(path: Path, name: str) -> None:
    Override(path).put(name, Stage.OFF, reason="", actor="", now=NOW)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it has threads
def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "override.json"
    fork = multiprocessing.get_context("fork")
    names = [f"c{number}" for number in range(8)]
    writers = [fork.Process(target=put, args=(path, name)) for name in names]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(parse(path.read_bytes())) == names


def test_a_replaced_file_is_whole_and_leaves_no_scraps(tmp_path: Path) -> None:
    write_durably(tmp_path / "deep" / "file", b"one")
    write_durably(tmp_path / "deep" / "file", b"two")
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["file"]
    assert (tmp_path / "deep" / "file").read_bytes() == b"two"
