"""The audit trail: durable, chained, rotated, shared between processes."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.rollout.audit import Audit, rotated
from codeagent.rollout.chain import verify
from codeagent.rollout.observation import Observation
from codeagent.rollout.plan import Decision
from codeagent.rollout.stages import Colour, Operation, Stage

from .support import Clock


def audit_in(directory: Path, **how: Any) -> Audit:
    return Audit(directory / "audit.jsonl", clock=Clock(), **how)


def operation(stage: Stage = Stage.LIVE, capability: str = "files-read") -> Observation:
    return Observation(
        capability,
        Operation.READ,
        Colour.ASYNC,
        Decision(stage, "flag"),
        "t",
        "p",
        {Colour.ASYNC: 0.0123},
    )


def filled(directory: Path, count: int = 5, **how: Any) -> Audit:
    audit = audit_in(directory, **how)
    for number in range(count):
        audit.transition("advance", {"capability": "files-read", "actor": "ann", "n": number})
    return audit


def test_a_transition_is_one_line_that_vouches_for_the_one_before(tmp_path: Path) -> None:
    audit = filled(tmp_path, 2)
    first, second = (json.loads(line) for line in audit.path.read_text().splitlines())
    assert first["prev"] == "0" * 64
    assert second["prev"] != first["prev"]
    assert (second["kind"], second["actor"], second["at"]) == ("advance", "ann", 1000.0)
    assert audit.verify().ok
    assert audit.verify().lines == 2
    assert audit.path.stat().st_mode & 0o777 == 0o600


def test_a_transition_is_on_the_disk_on_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("codeagent.rollout.audit.os.fsync", synced.append)
    filled(tmp_path, 3)
    assert len(synced) >= 3


def change(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[2].replace(b"ann", b"bob"), *lines[3:]]


def remove(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], *lines[3:]]


def insert(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[1], *lines[2:]]


def swap(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[3], lines[2], lines[4]]


def scribble(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], b"# a note", *lines[3:]]


@pytest.mark.parametrize(
    ("tamper", "line"), [(change, 4), (remove, 3), (insert, 3), (swap, 3), (scribble, 3)]
)
def test_tampering_is_found_at_its_first_line(
    tmp_path: Path, tamper: Callable[[list[bytes]], list[bytes]], line: int
) -> None:
    audit = filled(tmp_path)
    lines = audit.path.read_bytes().splitlines()
    audit.path.write_bytes(b"\n".join(tamper(lines)) + b"\n")
    found = audit.verify()
    assert not found.ok
    assert found.broken is not None
    assert found.broken[:2] == (audit.path, line)


@given(st.data())
@settings(deadline=None, max_examples=30)
def test_no_byte_can_be_changed_unnoticed_but_in_the_last_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    audit = filled(tmp_path_factory.mktemp("a"), 3)
    content = bytearray(audit.path.read_bytes())
    last = bytes(content).rstrip(b"\n").rindex(b"\n")
    place = data.draw(st.integers(0, last))
    content[place] ^= data.draw(st.integers(1, 255))
    audit.path.write_bytes(content)
    assert not audit.verify().ok


def test_a_line_that_a_crash_tore_is_reported_and_the_chain_goes_on(tmp_path: Path) -> None:
    audit = filled(tmp_path, 3)
    content = audit.path.read_bytes()
    audit.path.write_bytes(content[:-20])
    assert not audit.verify().ok
    again = filled(tmp_path, 2)
    found = again.verify()
    assert (found.ok, found.torn, found.lines) == (True, 1, 6)
    assert [r["torn_bytes"] > 0 for r in again.read(kind="repair")] == [True]


def test_the_trail_is_rotated_and_the_chain_goes_through(tmp_path: Path) -> None:
    audit = filled(tmp_path, 12, largest=300)
    files = audit.files()
    assert len(files) > 3
    assert files[-1] == audit.path
    assert audit.verify().ok
    assert audit.verify().lines == 12
    assert [record["n"] for record in audit.read()] == list(range(12))
    files[1].unlink()
    broken = audit.verify().broken
    assert broken is not None
    assert broken[:2] == (files[2], 1)


def test_rotated_files_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("audit.jsonl.10", "audit.jsonl.9", "audit.jsonl.old", "audit.jsonl.0"):
        (tmp_path / name).touch()
    assert [p.name for p in rotated(tmp_path / "audit.jsonl")] == [
        "audit.jsonl.9",
        "audit.jsonl.10",
    ]


def test_a_file_that_somebody_moves_away_does_not_break_the_chain(tmp_path: Path) -> None:
    audit = filled(tmp_path, 3)
    aside = tmp_path / "audit-2026.jsonl"
    audit.path.rename(aside)
    audit.transition("advance", {"n": 3})
    assert verify([aside, audit.path]).ok
    assert verify([aside, audit.path]).lines == 4


def test_a_part_of_a_trail_can_be_verified_alone(tmp_path: Path) -> None:
    audit = filled(tmp_path, 12, largest=600)
    assert verify(audit.files()[2:]).ok


def write(path: Path) -> None:
    audit = Audit(path, clock=Clock())
    for _ in range(10):
        audit.transition("advance", {"capability": "files-read"})


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it has threads
def test_processes_that_write_at_once_keep_one_chain(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    path = tmp_path / "audit.jsonl"
    writers = [fork.Process(target=write, args=(path,)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = Audit(path, clock=Clock()).verify()
    assert (found.ok, found.lines) == (True, 40)


def test_operations_off_the_default_path_are_all_written(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, share=0.0)
    for number in range(700):
        audit.operation(operation(Stage.OFF if number % 2 else Stage.LIVE))
    audit.close()
    found = list(audit.read(kind="operation"))
    assert len(found) == 350
    assert audit.verify().ok
    assert found[0]["ms"] == {"async": 12.3}
    assert {"stage", "source", "reason", "task", "plan", "shadow", "match"} <= set(found[0])


def test_operations_at_off_are_sampled(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, share=0.1, seed=1)
    for _ in range(1000):
        audit.operation(operation(Stage.OFF))
    audit.close()
    assert 60 <= len(list(audit.read())) <= 140


def test_what_the_thread_cannot_keep_up_with_is_counted(tmp_path: Path) -> None:
    audit = audit_in(tmp_path, waiting=3)
    with audit._writing:
        for _ in range(600):
            audit.operation(operation())
    audit.close()
    audit = audit_in(tmp_path)
    kept = list(audit.read(kind="operation"))
    lost = sum(record["records"] for record in audit.read(kind="lost"))
    assert len(kept) < 600
    assert len(kept) + lost == 600


def test_a_disk_that_is_full_costs_records_and_is_told(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "file" / "audit.jsonl", clock=Clock())
    (tmp_path / "file").write_text("in the way")
    audit.operation(operation())
    audit.close()
    assert audit.trouble
    with pytest.raises(OSError, match="file"):
        audit.transition("advance", {})


def test_records_are_found_by_kind_capability_and_time(tmp_path: Path) -> None:
    clock = Clock(1.0)
    audit = Audit(tmp_path / "audit.jsonl", clock=clock)
    for number, name in enumerate(("files-read", "llm", "files-read")):
        clock.now = float(number)
        audit.transition("advance", {"capability": name})
    with audit.path.open("ab") as file:
        file.write(b"not json\n")
    assert [r["at"] for r in audit.read(capability="files-read")] == [0.0, 2.0]
    assert [r["at"] for r in audit.read(kind="advance", since=1.0)] == [1.0, 2.0]
    assert list(audit.read(kind="rollback")) == []


def test_an_empty_trail_is_whole(tmp_path: Path) -> None:
    audit = audit_in(tmp_path)
    assert audit.verify().ok
    assert list(audit.read()) == []


def test_text_of_every_kind_survives(tmp_path: Path) -> None:
    audit = audit_in(tmp_path)
    audit.transition("rollback", {"why": 'Ошибка\n"x" \ud800 🙂'})
    assert audit.verify().ok
    assert next(audit.read())["why"].startswith("Ошибка\n")
