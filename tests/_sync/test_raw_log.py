# Generated from tests/_async/test_raw_log.py. Do not edit.
"""The file of an agent's raw output."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeagent._sync import raw_log
from codeagent._sync.raw_log import RawLog


def test_what_was_opened_early_is_taken_and_not_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "made" / "raw"
    log = RawLog(path)
    log.open()
    path.rename(tmp_path / "moved")
    with log.take() as file:
        log.write(file, b"said")
    log.close()
    assert (tmp_path / "moved").read_bytes() == b"said"
    assert not path.exists()


def test_what_could_not_be_opened_early_is_opened_when_it_is_taken(tmp_path: Path) -> None:
    (tmp_path / "place").touch()
    log = RawLog(tmp_path / "place" / "raw")
    log.open()
    with pytest.raises(NotADirectoryError):
        log.take()
    (tmp_path / "place").unlink()
    with log.take() as file:
        log.write(file, b"said")
    assert (tmp_path / "place" / "raw").read_bytes() == b"said"


def test_what_nobody_took_is_closed(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    log = RawLog(tmp_path / "raw")
    log.open()
    log.close()
    del log
    assert not [warning for warning in recwarn if warning.category is ResourceWarning]


def test_no_more_is_kept_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_log, "LONGEST", 6)
    log = RawLog(tmp_path / "raw")
    with log.take() as file:
        for data in (b"four", b"four", b"four"):
            log.write(file, data)
    assert (tmp_path / "raw").read_bytes() == b"fourfo"
