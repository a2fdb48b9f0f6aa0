# Generated from tests/_async/test_agent_faults.py. Do not edit.
"""Agents that go wrong in the ways real ones do: the right ending, soon, and nothing left."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent._sync.agents import AgentDriver, AgentOutcome
from codeagent._sync.io import IOManager
from codeagent._sync.reports import ReportWatch
from codeagent.core.agent_run import Ending, Limits
from codeagent.core.agents import Launch
from codeagent.core.streams import AgentEvent, AgentEventKind
from tests.support.processes import wait_for_end
from tests.support.world import agent_environment, script, stand_in

REPORT = "docs/results/r.md"
PROMPT = f"""Task: Add a page
write your report to the file {REPORT}
The report must end with this line, exactly as it stands here:
Finished!
"""
NAMES = ("work", "silence", "report", "exit", "kill", "handshake", "tool", "tool_grace")
PATIENT = dict.fromkeys(NAMES, 40.0) | {"exit": 0.3}


class Rig:
    """A driver with a project to work in, and what was heard of the agent."""

    def __init__(self, directory: Path) -> None:
        self.project = directory / "project"
        self.project.mkdir()
        self.log = directory / "raw.log"
        self.driver = AgentDriver(agent_environment())
        self.events: list[AgentEvent] = []
        self.pids: list[int] = []

    def _started(self, process: rt.Process) -> None:
        self.pids.append(process.pid)

    def run(
        self, launch: Launch, report: str | None = None, mark: str = "", **limits: float
    ) -> AgentOutcome:
        with IOManager() as io:
            if report is None:
                return self._run(launch, None, mark, limits)
            with ReportWatch(io, self.project, (report,), "Finished!") as watch:
                return self._run(launch, watch, mark, limits)

    def _run(
        self,
        launch: Launch,
        watch: ReportWatch | None,
        mark: str,
        limits: dict[str, float],
    ) -> AgentOutcome:
        return self.driver.run(
            launch,
            Limits(**(PATIENT | limits)),
            cwd=self.project,
            log=self.log,
            watch=watch,
            on_start=self._started,
            on_event=self.events.append,
            mark=mark,
        )

    def stand_in(self, behaviours: str, mark: str = "", **limits: float) -> AgentOutcome:
        return self.run(stand_in(behaviours).launch(PROMPT), REPORT, mark, **limits)

    def left(self) -> list[int]:
        """The processes that the agent says it has left behind."""
        found = (re.search(r"left process (\d+)", event.text) for event in self.events)
        return [int(match[1]) for match in found if match]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    for pid in [*made.pids, *made.left()]:
        wait_for_end(pid)


def talking(code: str) -> Launch:
    """A program that streams events, with ``say(**event)`` to do so."""
    prelude = "import json, sys, time\ndef say(**event): print(json.dumps(event), flush=True)\n"
    return script(prelude + code, announces=True)


RESULT = "say(type='result', is_error=False, result='done')\n"
HELLO = "say(type='system', subtype='init', session_id='s-1', model='m-1')\n"


def test_an_agent_that_never_says_a_word_is_ended_when_its_first_is_due(rig: Rig) -> None:
    outcome = rig.run(talking("time.sleep(60)"), handshake=0.3)
    assert (outcome.ending, outcome.reason) == (Ending.STALLED, "no first event within 0.3 s")


def test_one_that_writes_text_has_no_first_event(rig: Rig) -> None:
    outcome = rig.run(script("import time; time.sleep(0.3)"), handshake=0.1)
    assert outcome.ending is Ending.SUCCEEDED


def test_one_whose_first_word_is_its_models_may_take_its_time(rig: Rig) -> None:
    launch = replace(talking(f"time.sleep(0.3)\n{RESULT}"), greets=False)
    outcome = rig.run(launch, handshake=0.1)
    assert outcome.ending is Ending.SUCCEEDED


def test_heartbeats_keep_no_agent_alive(rig: Rig) -> None:
    outcome = rig.stand_in("retrying", silence=0.5)
    assert (outcome.ending, outcome.reason) == (Ending.STALLED, "no sign of life for 0.5 s")
    kinds = {event.kind for event in rig.events}
    assert kinds == {AgentEventKind.INIT, AgentEventKind.PROMPT, AgentEventKind.RETRY}


def test_a_tool_may_be_silent_for_its_own_time(rig: Rig) -> None:
    outcome = rig.stand_in("tool:0.8", silence=0.3)
    assert outcome.ending is Ending.SUCCEEDED


def test_a_tool_that_overstays_its_time_is_not_waited_for(rig: Rig) -> None:
    call = "say(type='tool_call', subtype='started', call_id='a\\nb', tool_call={'shellToolCall': "
    call += "{'args': {'command': 'make', 'timeout': 200}}})\ntime.sleep(60)"
    outcome = rig.run(talking(HELLO + call), silence=0.1, tool_grace=0.2)
    assert outcome.ending is Ending.STALLED
    assert outcome.reason == "no sign of life, and its tool has had its time (0.4 s)"
    assert (outcome.tools_ran, rig.events[-1].call_id) == (1, "a")


def test_a_tool_without_a_time_of_its_own_has_the_longest(rig: Rig) -> None:
    call = "say(type='tool_call', subtype='started', call_id='1', tool_call={})\ntime.sleep(60)"
    outcome = rig.run(talking(HELLO + call), silence=0.1, tool=0.3, tool_grace=0.0)
    assert outcome.reason == "no sign of life, and its tool has had its time (0.3 s)"


def test_what_was_said_in_time_is_heard_before_the_time_is_up(rig: Rig) -> None:
    code = HELLO + "say(type='thinking', text='x')\n" * 50 + RESULT
    launch = talking(code)
    late = [0.0]
    driver = AgentDriver(agent_environment(), clock=lambda: late[0])
    rig.driver = driver

    def fall_asleep(event: AgentEvent) -> None:
        rig.events.append(event)
        late[0] += 100.0  # the server does nothing for a long time after each event

    outcome = driver.run(
        launch,
        Limits(**(PATIENT | {"work": 100_000, "silence": 90})),
        cwd=rig.project,
        log=rig.log,
        watch=None,
        on_start=rig._started,
        on_event=fall_asleep,
    )
    assert outcome.ending is Ending.SUCCEEDED
    assert len(rig.events) == 52


@pytest.mark.parametrize(
    ("behaviours", "reason"),
    [
        ("idle", "the agent ended without having done or said anything"),
        ("untrusted", "the agent does not trust the directory: Workspace Trust Required"),
    ],
)
def test_an_exit_without_work_is_no_success(rig: Rig, behaviours: str, reason: str) -> None:
    outcome = rig.stand_in(behaviours)
    assert (outcome.ending, outcome.reason, outcome.exit_code) == (Ending.NO_WORK, reason, 0)
    assert outcome.tools_ran == 0


def test_a_death_in_the_middle_of_a_tool_is_a_failure_that_has_run_a_tool(rig: Rig) -> None:
    outcome = rig.stand_in("crash")
    assert (outcome.ending, outcome.exit_code) == (Ending.FAILED, -9)
    assert (outcome.tools_ran, outcome.result_text) == (1, None)


def test_without_a_result_the_report_decides(rig: Rig) -> None:
    outcome = rig.stand_in("no-result")
    assert (outcome.ending, outcome.result_text) == (Ending.SUCCEEDED, None)
    assert outcome.tools_ran == 2


def test_an_agent_that_reads_its_input_to_the_end_finds_one(rig: Rig) -> None:
    code = "import sys; print(repr(sys.stdin.read()))"
    outcome = rig.run(script(code))
    assert (outcome.ending, outcome.text) == (Ending.SUCCEEDED, "''")
    outcome = rig.stand_in("hold-stdin")
    assert outcome.ending is Ending.SUCCEEDED


def test_a_process_that_holds_the_output_open_holds_nobody_up(rig: Rig) -> None:
    outcome = rig.stand_in("grandchild", work=20.0)
    assert outcome.ending is Ending.SUCCEEDED
    assert len(rig.left()) == 1


@pytest.mark.parametrize("kilobytes", [200, 50_000])
def test_a_huge_line_is_an_event_like_others(rig: Rig, kilobytes: int) -> None:
    outcome = rig.stand_in(f"huge:{kilobytes / 1024}")
    assert outcome.ending is Ending.SUCCEEDED
    assert outcome.counters.overlong == (kilobytes > 8192)
    assert (outcome.tools_ran, outcome.counters.invalid) == (3, 0)
    assert rig.log.stat().st_size > kilobytes * 1024


def test_what_is_not_understood_is_counted_and_does_no_harm(rig: Rig) -> None:
    outcome = rig.stand_in("unknown,garbage")
    assert outcome.ending is Ending.SUCCEEDED
    assert outcome.drift == {
        "unknown": 4,
        "invalid": outcome.counters.invalid,
        "types": {"brand_new": 3, "system/not_documented": 1},
    }
    assert outcome.plain[0] == "T: this line is no event"
    assert not any(line.startswith("{") for line in outcome.plain)


def test_a_run_that_is_understood_has_no_drift(rig: Rig) -> None:
    outcome = rig.stand_in("")
    assert (outcome.drift, outcome.plain) == ({}, ())


def test_what_comes_after_the_result_changes_nothing(rig: Rig) -> None:
    outcome = rig.stand_in("talk-on")
    assert (outcome.ending, outcome.exit_code) == (Ending.SUCCEEDED, 0)
    assert (outcome.result_text or "").startswith("Changed ")
    assert outcome.text == "One more thing."


def test_noise_on_standard_error_is_no_error(rig: Rig) -> None:
    outcome = rig.stand_in("stderr")
    assert outcome.ending is Ending.SUCCEEDED
    assert outcome.stderr.endswith("no text\n")


@pytest.mark.parametrize(
    ("behaviours", "words"),
    [
        ("rate-limit", "429 Too Many Requests"),
        ("quota", "reset when your monthly cycle ends on"),
        ("fail", "the request failed"),
    ],
)
def test_an_announced_error_is_kept_for_whoever_asks_why(
    rig: Rig, behaviours: str, words: str
) -> None:
    outcome = rig.stand_in(behaviours)
    assert (outcome.ending, outcome.is_error) == (Ending.FAILED, True)
    assert words in (outcome.error_text or "")
    assert words in outcome.reason


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ("say(type='error', message='overloaded')", "overloaded"),
        ("say(type='result', is_error=True, subtype='error_max_turns')", "error_max_turns: "),
        ("say(type='result', is_error=True, subtype='529', result='no')", "status 529: no"),
    ],
)
def test_an_error_without_a_result_is_the_reason(rig: Rig, event: str, error: str) -> None:
    outcome = rig.run(talking(f"{HELLO}{event}\nsys.exit(1)"))
    assert (outcome.ending, outcome.error_text) == (Ending.FAILED, error)
    assert (outcome.session, outcome.model) == ("s-1", "m-1")


def test_an_agent_that_leaves_its_report_to_others_succeeds_by_its_exit(rig: Rig) -> None:
    code = "import os; os.makedirs('docs/results'); open('docs/results/r.md', 'w').write('own')"
    launch = script(code)
    outcome = rig.run(Launch(argv=launch.argv, reports=False), REPORT)
    assert outcome.ending is Ending.SUCCEEDED


MARK = "task-1-a1-1"


def test_what_left_the_agents_group_is_ended_by_its_mark(rig: Rig) -> None:
    outcome = rig.stand_in("orphan", mark=MARK)
    assert outcome.ending is Ending.SUCCEEDED
    (left,) = rig.left()
    wait_for_end(left)


def test_the_processes_of_another_run_are_left_alone(rig: Rig) -> None:
    hello = "import os; print(os.environ['CODEAGENT_RUN'], flush=True); import time; "
    other = script(hello + "time.sleep(60)")
    scope = rt.CancelScope()
    with rt.TaskGroup() as group:
        with scope:
            group.start_soon(_run_other, rig, other)
            while not rig.events:
                rt.sleep(0.005)
            rig.stand_in("orphan", mark=MARK)
        assert rig.events[0].text == "task-1-a1-11"
        group.cancel()


def _run_other(rig: Rig, launch: Launch) -> None:
    rig.run(launch, mark="task-1-a1-11", kill=5.0)


def test_an_environment_of_its_own_still_bears_the_servers_mark(rig: Rig) -> None:
    code = "import os; print(sorted(k for k in os.environ if k != 'LC_CTYPE'))"
    driver = AgentDriver({"CODEAGENT_STATE": "/state", "SECRET": "1"})
    outcome = driver.run(
        Launch(argv=(sys.executable, "-S", "-E", "-c", code), environment={"B": "1"}),
        Limits(**PATIENT),
        cwd=rig.project,
        log=rig.log,
        watch=None,
        on_start=rig._started,
        on_event=rig.events.append,
        environment={"A": "1"},
        mark=MARK,
    )
    assert outcome.text == "['A', 'B', 'CODEAGENT_RUN', 'CODEAGENT_STATE']"
