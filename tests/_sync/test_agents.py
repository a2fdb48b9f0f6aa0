# Generated from tests/_async/test_agents.py. Do not edit.
"""Agents as processes, from their start to their end."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent._sync import agents
from codeagent._sync.agents import AgentDriver, AgentOutcome
from codeagent._sync.io import IOManager
from codeagent._sync.raw_log import RawLog
from codeagent._sync.reports import ReportWatch
from codeagent.core.agent_run import Ending, Limits
from codeagent.core.agents import Launch
from codeagent.core.streams import AgentEvent, AgentEventKind
from tests.support.processes import wait_for_end
from tests.support.world import agent_environment, script, stand_in

REPORT = "docs/results/r.md"
PROMPT = f"""Task: Add a page

When you are done, write your report to the file {REPORT}
The report must end with this line, exactly as it stands here:
Finished!
"""
PATIENT = Limits(work=40, silence=40, report=40, exit=0.3, kill=40)


class Rig:
    """A driver with a project to work in, and everything that was heard of the agent."""

    def __init__(self, directory: Path) -> None:
        self.project = directory / "project"
        self.project.mkdir()
        self.log = directory / "raw.log"
        self.driver = AgentDriver(agent_environment())
        self.events: list[AgentEvent] = []
        self.pids: list[int] = []
        self.on_event: Callable[[AgentEvent], None] = lambda event: None
        self.on_start: Callable[[], None] = lambda: None
        self.on_spawn: Callable[[int, str], object] | None = None

    def _hear(self, event: AgentEvent) -> None:
        self.events.append(event)
        self.on_event(event)

    def _started(self, process: rt.Process) -> None:
        self.pids.append(process.pid)
        self.on_start()

    def run(
        self, launch: Launch, limits: Limits = PATIENT, *, report: str | None = None
    ) -> AgentOutcome:
        with IOManager() as io:
            if report is None:
                return self._run(launch, limits, None)
            with ReportWatch(io, self.project, (report,), "Finished!") as watch:
                return self._run(launch, limits, watch)

    def _run(self, launch: Launch, limits: Limits, watch: ReportWatch | None) -> AgentOutcome:
        return self.driver.run(
            launch,
            limits,
            cwd=self.project,
            log=self.log,
            watch=watch,
            on_spawn=self.on_spawn,
            on_start=self._started,
            on_event=self._hear,
        )

    def stand_in(self, behaviours: str = "", limits: Limits = PATIENT) -> AgentOutcome:
        return self.run(stand_in(behaviours).launch(PROMPT), limits, report=REPORT)

    def texts(self) -> list[str]:
        return [event.text for event in self.events]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    for pid in made.pids:
        wait_for_end(pid)


def limits(**changed: float) -> Limits:
    names = ("work", "silence", "report", "exit", "kill")
    return Limits(**{name: changed.get(name, getattr(PATIENT, name)) for name in names})


def test_an_agent_that_does_its_work_succeeds_and_its_report_is_kept(rig: Rig) -> None:
    outcome = rig.stand_in()
    assert (outcome.ending, outcome.reason, outcome.exit_code) == (Ending.SUCCEEDED, "", 0)
    assert outcome.report is not None
    assert outcome.report.text == (rig.project / REPORT).read_text("utf-8")
    assert outcome.session
    assert outcome.usage
    assert rig.events[0].kind is AgentEventKind.INIT
    assert rig.events[-1].kind is AgentEventKind.RESULT


def test_the_raw_output_is_on_disk_before_anybody_hears_of_it(rig: Rig) -> None:
    checked = 0

    def look(event: AgentEvent) -> None:
        nonlocal checked
        if event.session and event.type:
            checked += 1
            assert event.session.encode() in rig.log.read_bytes()
            assert f'"type":"{event.type}"'.encode() in rig.log.read_bytes().replace(b" ", b"")

    rig.on_event = look
    rig.stand_in()
    assert checked > 3
    lines = rig.log.read_bytes().splitlines()
    assert all(json.loads(line) for line in lines)
    assert json.loads(lines[-1])["type"] == "result"


def test_an_agent_that_has_finished_and_does_not_exit_is_ended(rig: Rig) -> None:
    outcome = rig.stand_in("hang-after-result")
    assert outcome.ending is Ending.SUCCEEDED
    assert outcome.exit_code == -signal.SIGTERM


def test_an_agent_that_never_says_so_has_finished_when_its_report_is_there(rig: Rig) -> None:
    outcome = rig.stand_in("hang-after-report")
    assert (outcome.ending, outcome.exit_code) == (Ending.SUCCEEDED, -signal.SIGTERM)
    assert outcome.report is not None


def test_an_agent_that_dies_has_failed(rig: Rig) -> None:
    outcome = rig.stand_in("die:7")
    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "the agent ended with exit code 7")
    assert outcome.report is None


def test_an_agent_that_reports_an_error_has_failed_and_its_words_are_kept(rig: Rig) -> None:
    outcome = rig.stand_in("fail")
    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "the request failed")
    assert "the request failed" in outcome.stderr


def test_a_report_that_comes_late_is_waited_for(rig: Rig) -> None:
    outcome = rig.stand_in("late:0.3")
    assert outcome.ending is Ending.SUCCEEDED
    assert outcome.report is not None


@pytest.mark.parametrize("behaviour", ["no-report", "phraseless", "truncated"])
def test_without_its_report_an_agent_has_not_succeeded(behaviour: str, rig: Rig) -> None:
    outcome = rig.stand_in(behaviour, limits(report=0.3))
    assert (outcome.ending, outcome.report) == (Ending.NO_REPORT, None)
    assert bool(outcome.shortcomings) == (behaviour != "no-report")


def test_what_an_agent_leaves_behind_ends_with_it(rig: Rig) -> None:
    outcome = rig.stand_in("grandchild")
    assert outcome.ending is Ending.SUCCEEDED
    (left,) = [int(m[1]) for t in rig.texts() if (m := re.search(r"left process (\d+)", t))]
    wait_for_end(left)


def test_an_agent_that_falls_silent_is_ended(rig: Rig) -> None:
    outcome = rig.stand_in("hang", limits(silence=0.5))
    assert (outcome.ending, outcome.exit_code) == (Ending.STALLED, -signal.SIGTERM)
    assert outcome.reason == "no sign of life for 0.5 s"


TALK = "import time\nwhile 1: print('word', flush=True); time.sleep(0.01)"
DEAF = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + TALK


def test_an_agent_that_never_comes_to_an_end_is_ended_and_killed_if_it_must_be(
    rig: Rig,
) -> None:
    outcome = rig.run(script(DEAF), limits(work=0.5, kill=0.1))
    assert (outcome.ending, outcome.exit_code) == (Ending.TIMED_OUT, -signal.SIGKILL)
    assert outcome.reason == "the instruction's time is used up (0.5 s)"


def test_a_flood_is_kept_to_the_last_byte_and_long_lines_do_no_harm(rig: Rig) -> None:
    code = "import sys\nfor n in range(300): sys.stdout.write('%d ' % n + 'x' * 40000 + '\\n')"
    outcome = rig.run(script(code))
    assert outcome.ending is Ending.SUCCEEDED
    expected = b"".join(b"%d " % n + b"x" * 40000 + b"\n" for n in range(300))
    assert rig.log.read_bytes() == expected
    assert len(rig.events) == 300


def test_much_on_standard_error_holds_nobody_up_and_its_end_is_kept(rig: Rig) -> None:
    code = "import sys\nsys.stderr.write('x' * 1_000_000 + 'the end'); sys.exit(1)"
    outcome = rig.run(script(code))
    assert outcome.ending is Ending.FAILED
    assert len(outcome.stderr) == 64 * 1024
    assert outcome.stderr.endswith("the end")
    assert rig.log.read_bytes() == b""


ASKED = """
import signal, sys, time
def leave(*_):
    open('asked', 'w').close()
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print('ready', flush=True)
while 1: time.sleep(60)
"""


def test_to_cancel_is_to_ask_the_agent_to_end(rig: Rig) -> None:
    scope = rt.CancelScope()
    rig.on_event = lambda event: scope.cancel()
    with scope:
        rig.run(script(ASKED))
    assert scope.ended_early
    assert (rig.project / "asked").exists()


def test_an_agent_that_does_not_listen_is_killed_after_its_time(rig: Rig) -> None:
    scope = rt.CancelScope()
    rig.on_event = lambda event: scope.cancel()
    with scope:
        rig.run(script(DEAF), limits(kill=0.1))
    assert scope.ended_early


def test_who_is_in_a_hurry_kills_every_agent_also_those_that_were_asked_to_end(
    rig: Rig,
) -> None:
    scope = rt.CancelScope()
    rig.on_event = lambda event: scope.cancel()
    with rt.TaskGroup() as group, scope:

        def kill() -> None:
            group.start_soon(_kill_when_asked, rig, scope)

        rig.on_start = kill
        rig.run(script(ASKED.replace("sys.exit(0)", "pass")))
    assert scope.ended_early


def _kill_when_asked(rig: Rig, scope: rt.CancelScope) -> None:
    while not (rig.project / "asked").exists():
        rt.sleep(0.005)
    rig.driver.kill_all()


def test_a_killed_agent_has_failed(rig: Rig) -> None:
    rig.on_event = lambda event: rig.driver.kill_all()
    outcome = rig.run(script(DEAF))
    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "the agent was ended by signal 9")


def test_a_program_that_is_not_there_or_may_not_run_has_not_started(
    rig: Rig, tmp_path: Path
) -> None:
    (tmp_path / "plain").write_text("no program", "utf-8")
    for program in (tmp_path / "nothing", tmp_path / "plain"):
        outcome = rig.run(Launch(argv=(str(program), "-p")))
        assert outcome.ending is Ending.NOT_STARTED
        assert outcome.reason.startswith(f"{program} could not be started: ")
    assert (rig.pids, rig.log.exists()) == ([], False)


def test_a_prompt_that_no_command_line_takes_is_a_failure_of_this_instruction(
    rig: Rig,
) -> None:
    for argument in ("a\0b", "x" * 3_000_000):
        outcome = rig.run(Launch(argv=(sys.executable, "-c", argument)))
        assert outcome.ending is Ending.FAILED
        assert "could not be started" in outcome.reason


def test_the_environment_of_the_agent_is_ours_and_its_own(rig: Rig) -> None:
    code = "import os; print(os.environ['NAME'], os.environ['PATH'], os.getcwd())"
    launch = script(code)
    launch = Launch(argv=launch.argv, environment={"NAME": "value"})
    outcome = rig.run(launch)
    assert outcome.text == f"value {os.environ['PATH']} {rig.project}"


def test_an_error_when_the_start_is_recorded_ends_the_agent_and_is_told_as_it_is(
    rig: Rig,
) -> None:
    def refuse() -> None:
        raise LookupError("fenced off")

    rig.on_start = refuse
    with pytest.raises(LookupError, match="fenced off"):
        rig.run(script(DEAF))


def test_what_an_agent_said_is_heard_however_late_its_log_could_be_opened(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "DRAIN", 0.01)
    open_append = rt.open_append

    def late(path: Path) -> rt.AppendFile:
        rt.sleep(0.1)  # the agent has long ended, and what it said would be given up
        return open_append(path)

    monkeypatch.setattr(rt, "open_append", late)
    monkeypatch.setattr(RawLog, "open", lambda _: None)  # as if it had not worked
    outcome = rig.run(Launch(argv=("echo", "the last word")))
    assert outcome.text == "the last word"
    assert rig.log.read_bytes() == b"the last word\n"


def test_the_raw_log_is_there_before_the_process_is_told_of(rig: Rig) -> None:
    there: list[bool] = []
    rig.on_spawn = lambda *_: there.append(rig.log.exists())
    rig.run(Launch(argv=("true",)))
    assert there == [True]


def test_a_log_that_cannot_be_written_is_told_as_it_is(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    rig.log = tmp_path / "file" / "raw.log"
    with pytest.raises(NotADirectoryError):
        rig.run(script(DEAF))
    rig.log = Path("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        rig.run(script(DEAF))
