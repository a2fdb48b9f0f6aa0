"""The file of flags as the SDK has it: how it is watched, and what of it is taken."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from codeagent.rollout.flagfile import dump, problems
from codeagent.rollout.source import FileSource, watched_file

from .support import CAPABILITIES, KEY, LIVE, PREFIX, document


class Sink:
    """What the SDK has for a data source, without the SDK around it."""

    def __init__(self) -> None:
        self.loaded: list[Any] = []
        self.states: list[str] = []

    def init(self, data: Any) -> None:
        self.loaded.append(data)

    def update_status(self, state: Any, error: Any) -> None:
        self.states.append(state.name + ("" if error is None else f": {error.message}"))


def source(file: Path) -> tuple[FileSource, Sink]:
    sink = Sink()
    made = FileSource(file, 3600, lambda found: (), sink, threading.Event())
    return made, sink


def stage_of(sink: Sink) -> str:
    flag = next(items[KEY] for items in sink.loaded[-1].values() if KEY in items)
    return "on" if flag["on"] else "off"


def test_the_source_notices_every_way_to_change_a_file(tmp_path: Path) -> None:
    file = tmp_path / "flags.json"
    on, off = dump(document(files_read=LIVE)), dump(document())
    made, sink = source(file)
    file.write_bytes(off)
    made.look()
    assert stage_of(sink) == "off"
    file.write_bytes(on)  # in place
    made.look()
    assert stage_of(sink) == "on"
    (tmp_path / "new").write_bytes(off)
    (tmp_path / "new").replace(file)
    made.look()
    assert stage_of(sink) == "off"
    old = file.stat()
    file.write_bytes(on)
    os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))  # as `cp -p` does
    made.look()
    assert stage_of(sink) == "on"
    assert sink.states == ["VALID"] * 4


def test_a_link_to_another_directory_is_followed(tmp_path: Path) -> None:
    for name, found in (("one", document()), ("two", document(files_read=LIVE))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "flags.json").write_bytes(dump(found))
    (tmp_path / "current").symlink_to("one")
    made, sink = source(tmp_path / "current" / "flags.json")
    made.look()
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(tmp_path / "current")
    made.look()
    assert stage_of(sink) == "on"


def test_a_file_that_does_not_change_is_loaded_once(tmp_path: Path) -> None:
    file = tmp_path / "flags.json"
    file.write_bytes(dump(document()))
    made, sink = source(file)
    for _ in range(20):
        made.look()
    assert len(sink.loaded) == 1


@pytest.mark.parametrize("broken", [b"", b"{", b'{"flags": {"x": {"on": 5}}}', b"\0" * 99])
def test_a_torn_file_leaves_the_last_good_flags(tmp_path: Path, broken: bytes) -> None:
    file = tmp_path / "flags.json"
    good = dump(document(files_read=LIVE))
    file.write_bytes(good)
    made, sink = source(file)
    made.look()
    file.write_bytes(broken)
    made.look()
    made.look()
    assert len(sink.loaded) == 1
    assert [state.partition(":")[0] for state in sink.states] == ["VALID", "INTERRUPTED"]
    file.write_bytes(good)
    made.look()
    assert sink.states[-1] == "VALID"


def test_a_file_that_goes_and_comes_back_is_taken_again(tmp_path: Path) -> None:
    file, aside = tmp_path / "flags.json", tmp_path / "aside"
    file.write_bytes(dump(document()))
    made, sink = source(file)
    made.look()
    file.rename(aside)
    made.look()
    assert "does not exist" in sink.states[-1]
    aside.rename(file)
    made.look()
    assert sink.states[-1] == "VALID"


def test_a_pipe_in_the_place_of_the_file_blocks_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "flags.json")
    made, sink = source(tmp_path / "flags.json")
    made.look()
    assert "not a regular file" in sink.states[-1]
    assert not made.initialized()


def test_a_wrong_rollout_is_not_taken_over(tmp_path: Path) -> None:
    wrong = document(files_read=LIVE)
    wrong["flags"][KEY]["fallthrough"]["rollout"]["variations"][0]["weight"] = 7
    (tmp_path / "flags.json").write_bytes(dump(wrong))
    sink, ready = Sink(), threading.Event()
    made = FileSource(
        tmp_path / "flags.json",
        3600,
        lambda found: problems(found, CAPABILITIES, prefix=PREFIX),
        sink,
        ready,
    )
    made.look()
    assert sink.loaded == []
    assert "weights must sum to 100000" in sink.states[-1]


def test_the_factory_gives_the_sdk_what_it_calls(tmp_path: Path) -> None:
    (tmp_path / "flags.json").write_bytes(dump(document()))

    class Configuration:
        data_source_update_sink = Sink()

    ready = threading.Event()
    make: Any = watched_file(tmp_path / "flags.json")
    made = make(Configuration(), None, ready)
    made.start()
    assert ready.is_set()
    assert made.initialized()
    assert made.is_alive()
    made.stop()
    assert not made.is_alive()
