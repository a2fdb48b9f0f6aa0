"""The state of the fall-back to another model, kept beside the predecessor's."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from codeagent._async.fallback import AsyncModelFallback
from codeagent._async.io import AsyncIOManager
from codeagent.core.failure import FailureKind
from tests.support.world import NOW, Clock

OTHERS = ("grok", "sonnet")


async def test_an_unpaid_bill_is_remembered_beyond_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "data" / "state.json"
    async with AsyncIOManager() as io:
        before = AsyncModelFallback(io, path, clock=Clock(NOW))
        await before.load()
        assert before.models("auto", OTHERS, most=3) == ("auto", "grok", "sonnet")
        await before.note_failure(FailureKind.BILLING)
        after = AsyncModelFallback(io, path, clock=Clock(NOW + 60))
        await after.load()
        assert after.models("auto", OTHERS, most=3) == ("grok",)
        await after.note_success(fell_back=False)
    assert json.loads(path.read_bytes())["request_count"] == 1


async def test_nothing_is_written_while_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    async with AsyncIOManager() as io:
        fallback = AsyncModelFallback(io, path, clock=Clock(NOW))
        await fallback.load()
        await fallback.note_success(fell_back=False)
        await fallback.note_failure(FailureKind.STALLED)
    assert not path.exists()


async def test_a_file_that_cannot_be_written_costs_no_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "data").write_text("a file, not a directory")
    async with AsyncIOManager() as io:
        fallback = AsyncModelFallback(io, tmp_path / "data" / "state.json", clock=Clock(NOW))
        with caplog.at_level(logging.WARNING):
            await fallback.note_failure(FailureKind.QUOTA)
        assert fallback.models("auto", OTHERS, most=3) == ("grok",)
    assert "was not written" in caplog.text
