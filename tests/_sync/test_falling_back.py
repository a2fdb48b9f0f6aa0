# Generated from tests/_async/test_falling_back.py. Do not edit.
"""Instructions carried out as the predecessor did, with a runner that plays the agent."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent._sync.fallback import ModelFallback
from codeagent._sync.falling_back import FallingBack
from codeagent._sync.instructions import Manner, StepOutcome
from codeagent._sync.io import IOManager
from codeagent.core.agents import Adapter, PredecessorCursorAgent, PredecessorGeminiAgent
from codeagent.core.config import RuntimeSettings, parse_config
from codeagent.core.failure import Failure, FailureKind
from codeagent.core.instructions import Instruction
from codeagent.core.task import Task
from codeagent.core.workspace import Workspace
from tests.support.world import NOW, Clock, Recorder

from .helpers import until

CONFIG = """
project: {base_dir: .}
agent: {role: x}
server: {http_port: 3456}
cursor: {cli: {fallback_models: [grok, sonnet], resilience: %s}}
"""
CURSOR = PredecessorCursorAgent("/bin/agent", "auto", ("grok", "sonnet"))
GEMINI = PredecessorGeminiAgent("/bin/python", "/old/cli.py", "/project")
STEP = Instruction(3, 3, "Test", "x")
TASK = Task("task_1", "one", total_instructions=8)

CRASH = Failure(FailureKind.AGENT_CRASHED, "CLI вернул код 1: a line")
LATE = Failure(FailureKind.TIMED_OUT, "Таймаут выполнения (600 секунд)")
UNPAID = Failure(FailureKind.BILLING, "Неоплаченный счет", unusable=True)
AWAY = Failure(FailureKind.NETWORK, "CLI вернул код 1: connection reset")
SILENT = Failure(FailureKind.NO_REPORT, "Таймаут ожидания файла (600 секунд)")
REFUSED = Failure(FailureKind.REFUSED, "refused")


class Runner:
    """Plays the failures that it is given, one for each run; then all goes well."""

    def __init__(self, failures: Sequence[Failure | None] = ()) -> None:
        self.failures = list(failures)
        self.models: list[str | None] = []

    def run(self, task: Task, instruction: Instruction, manner: Manner) -> StepOutcome:
        self.models.append(manner.model)
        return StepOutcome(task, self.failures.pop(0) if self.failures else None)

    def insert(self, task: Task, position: int, text: str, manner: Manner) -> StepOutcome:
        return self.run(task, STEP, manner)


class Rig:
    """The predecessor's way over a runner, with pauses that take no time."""

    def __init__(
        self,
        directory: Path,
        io: IOManager,
        *,
        agent: Adapter = CURSOR,
        resilience: str = "{}",
        pace: float | None = None,
        sleep: Any = None,
    ) -> None:
        config = parse_config(
            CONFIG % resilience, source="c.yaml", predecessor=True, environment={}
        )
        if pace is not None:
            runtime = RuntimeSettings(retry_delay=pace)
            config = config.model_copy(update={"runtime": runtime})
        self.clock = Clock()
        self.sink = Recorder()
        self.runner = Runner()
        self.pauses: list[float] = []
        self.file = directory / "data" / "state.json"
        self.manner = Manner(
            workspace=Workspace(task_id=TASK.id, path=directory, in_place=True), adapter=agent
        )
        runner: Any = self.runner
        self.way = FallingBack(
            runner,
            config=config,
            adapter=agent,
            fallback=ModelFallback(io, self.file, clock=self.clock),
            sink=self.sink,
            clock=self.clock,
            sleep=sleep or self._sleep,
        )

    def run(self, *failures: Failure | None) -> StepOutcome:
        self.runner.failures = list(failures)
        self.runner.models = []
        self.pauses = []
        return self.way.run(TASK, STEP, self.manner)

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_bytes())
        return found


def test_another_model_helps_and_stands_in_for_the_next_instructions(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        rig = Rig(tmp_path, io)
        outcome = rig.run(CRASH)
        assert (outcome.failure, rig.runner.models) == (None, ["auto", "grok"])
        assert rig.pauses == [2]
        (told,) = rig.sink.named("instruction.retried")
        assert (told["position"], told["step"]) == (3, "other_model")
        assert "grok" in told["reason"]
        assert rig.state["fallback_active"] is True
        rig.run()
        assert rig.runner.models == ["grok"]
        assert rig.state["request_count"] == 1
        rig.clock.advance(3601)
        rig.run()
        assert rig.runner.models == ["auto"]


def test_a_window_that_an_earlier_server_has_opened_is_gone_on_with(tmp_path: Path) -> None:
    with IOManager() as io:
        rig = Rig(tmp_path, io)
        rig.file.parent.mkdir()
        rig.file.write_text(json.dumps({"fallback_active": True, "fallback_until": NOW + 60}))
        rig.run(CRASH)
        assert rig.runner.models == ["grok"]  # alone, as long as it stands in


def test_three_models_are_asked_at_most_and_the_last_failure_counts(tmp_path: Path) -> None:
    with IOManager() as io:
        rig = Rig(tmp_path, io, resilience="{fallback_retry_delay: 7}")
        outcome = rig.run(CRASH, CRASH, LATE, CRASH)
        assert rig.runner.models == ["auto", "grok", "sonnet"]
        assert (outcome.failure, rig.pauses) == (LATE, [7, 7])


@pytest.mark.parametrize(
    "resilience", ["{fallback_on_errors: [billing_error]}", "{enable_fallback: false}"]
)
def test_what_is_not_enabled_is_not_fallen_back_on(tmp_path: Path, resilience: str) -> None:
    with IOManager() as io:
        rig = Rig(tmp_path, io, resilience=resilience)
        outcome = rig.run(CRASH)
        assert (outcome.failure, rig.pauses) == (CRASH, [])
        assert rig.runner.models == [None if "enable" in resilience else "auto"]
        assert not rig.file.exists()


def test_an_unpaid_bill_opens_the_window_and_ends_it_all_if_nothing_helps(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        rig = Rig(tmp_path, io)
        outcome = rig.run(UNPAID, UNPAID, UNPAID)
        assert outcome.unusable
        assert len(rig.runner.models) == 3
        assert rig.state["last_billing_error"] == NOW
        outcome = rig.run(UNPAID)
        assert (outcome.unusable, rig.runner.models) == (True, ["grok"])


def test_trouble_with_the_network_is_run_again_twice_five_seconds_apart(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        rig = Rig(tmp_path, io, resilience="{fallback_on_errors: [timeout]}")
        outcome = rig.run(AWAY, AWAY, AWAY)
        assert (outcome.failure, rig.pauses) == (AWAY, [5, 5])
        assert rig.runner.models == ["auto", "auto", "auto"]


def test_after_a_pause_for_the_network_the_first_model_has_its_turn_again(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        rig = Rig(tmp_path, io)
        outcome = rig.run(AWAY, AWAY, AWAY)
        assert (outcome.failure, rig.pauses) == (None, [2, 2, 5])
        assert rig.runner.models == ["auto", "grok", "sonnet", "auto"]
        assert not rig.file.exists()  # no other model has helped


def test_a_report_that_does_not_come_is_nothing_that_another_model_is_asked_for(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        rig = Rig(tmp_path, io)
        for failure in (SILENT, REFUSED):
            outcome = rig.run(failure)
            assert (outcome.failure, rig.runner.models, rig.pauses) == (failure, ["auto"], [])


ONE = "{max_fallback_attempts: 1}"


def test_equal_errors_put_the_next_instruction_off_and_the_third_begins_anew(
    tmp_path: Path,
) -> None:
    with IOManager() as io:
        rig = Rig(tmp_path, io, resilience=ONE)
        seen = []
        for line in ("a", "b", "c", "d"):  # only what stands before the colon is compared
            outcome = rig.run(replace(CRASH, reason=f"CLI вернул код 1: {line}"))
            assert not outcome.unusable
            seen.append(rig.pauses)
        assert seen == [[], [30], [60], []]
        assert [e["seconds"] for e in rig.sink.named("instruction.delayed")] == [30, 60]


def test_a_success_or_another_error_begins_a_new_count(tmp_path: Path) -> None:
    with IOManager() as io:
        rig = Rig(tmp_path, io, resilience=ONE)
        rig.run(CRASH)
        rig.run()
        assert rig.pauses == [30]
        rig.run(CRASH)
        assert rig.pauses == []
        rig.run(LATE)
        rig.run(CRASH)
        assert rig.pauses == [30]


def test_help_from_another_model_ends_no_count(tmp_path: Path) -> None:
    with IOManager() as io:
        rig = Rig(tmp_path, io, resilience="{max_fallback_attempts: 2}")
        rig.run(CRASH, CRASH)
        rig.run(CRASH)
        assert rig.runner.models == ["auto", "grok"]
        assert rig.pauses == [30, 2]
        rig.run()
        assert rig.pauses == [30]


def test_the_pause_can_be_configured(tmp_path: Path) -> None:
    with IOManager() as io:
        rig = Rig(tmp_path, io, resilience=ONE, pace=3)
        rig.run(CRASH)
        rig.run(CRASH)
        rig.run()
        assert rig.pauses == [6]


def test_three_equal_errors_of_gemini_end_it_all(tmp_path: Path) -> None:
    with IOManager() as io:
        rig = Rig(tmp_path, io, agent=GEMINI)
        for unusable in (False, False, True):
            outcome = rig.run(CRASH)
            assert rig.runner.models == [None]
            assert outcome.unusable is unusable
            assert ("3 times" in outcome.reason) is unusable
        assert not rig.file.exists()


def test_a_free_instruction_that_cannot_be_paid_counts_as_done(tmp_path: Path) -> None:
    with IOManager() as io:
        rig = Rig(tmp_path, io, resilience=ONE)
        rig.runner.failures = [UNPAID, CRASH]
        paid = rig.way.insert(TASK, 2, "look", rig.manner)
        assert paid.failure is None
        failed = rig.way.insert(TASK, 2, "look", rig.manner)
        assert failed.failure == CRASH
        rig.run()
        assert rig.pauses == []


def test_a_state_that_cannot_be_read_costs_no_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with IOManager() as io:
        rig = Rig(tmp_path, io)
        rig.file.mkdir(parents=True)
        with caplog.at_level(logging.WARNING):
            outcome = rig.run()
    assert (outcome.failure, rig.runner.models) == (None, ["auto"])
    assert "cannot be read" in caplog.text


def test_a_stop_does_not_wait_for_a_pause(tmp_path: Path) -> None:
    with IOManager() as io:
        rig = Rig(tmp_path, io, resilience=ONE, sleep=rt.sleep)
        rig.run(CRASH)
        with rt.TaskGroup() as group:
            group.start_soon(rig.run)
            until(lambda: rig.sink.named("instruction.delayed"))
            group.cancel()
    assert rig.runner.models == []
