"""A run of an agent that failed, classified."""

from __future__ import annotations

from datetime import UTC, datetime

from codeagent.core.agent_run import Ending
from codeagent.core.failure import Failure, classify

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC).timestamp()
EXIT = "the agent ended with exit code 1"


def failed(stderr: str = "", **more: object) -> Failure:
    arguments: dict[str, object] = {
        "reason": EXIT,
        "exit_code": 1,
        "stderr": stderr,
        "now": NOW,
        "zone": UTC,
        **more,
    }
    ending = arguments.pop("ending", Ending.FAILED)
    return classify(ending, **arguments)  # type: ignore[arg-type]
