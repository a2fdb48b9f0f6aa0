# Generated from tests/_async/test_fallback.py. Do not edit.
"""The state of the fall-back to another model, kept beside the predecessor's."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from codeagent._sync.fallback import ModelFallback
from codeagent._sync.io import IOManager
from codeagent.core.failure import FailureKind
from tests.support.world import NOW, Clock

OTHERS = ("grok", "sonnet")


def test_an_unpaid_bill_is_remembered_beyond_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "data" / "state.json"
    with IOManager() as io:
        before = ModelFallback(io, path, clock=Clock(NOW))
        before.load()
        assert before.models("auto", OTHERS, most=3) == ("auto", "grok", "sonnet")
        before.note_failure(FailureKind.BILLING)
        after = ModelFallback(io, path, clock=Clock(NOW + 60))
        after.load()
        assert after.models("auto", OTHERS, most=3) == ("grok",)
        after.note_success(fell_back=False)
    assert json.loads(path.read_bytes())["request_count"] == 1


def test_nothing_is_written_while_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with IOManager() as io:
        fallback = ModelFallback(io, path, clock=Clock(NOW))
        fallback.load()
        fallback.note_success(fell_back=False)
        fallback.note_failure(FailureKind.STALLED)
    assert not path.exists()


def test_a_file_that_cannot_be_written_costs_no_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "data").write_text("a file, not a directory")
    with IOManager() as io:
        fallback = ModelFallback(io, tmp_path / "data" / "state.json", clock=Clock(NOW))
        with caplog.at_level(logging.WARNING):
            fallback.note_failure(FailureKind.QUOTA)
        assert fallback.models("auto", OTHERS, most=3) == ("grok",)
    assert "was not written" in caplog.text
