from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.agent_run import Action, AgentRun, Ending, Limits

LIMITS = Limits(
    work=100, silence=20, report=30, exit=5, kill=7, handshake=12, tool=60, tool_grace=4
)
E = Ending

# A course: (seconds from the start, what happens) in order; a number after "exit" is the code.
EXIT, FAIL, RESULT, EMPTY, ERROR, REPORT, OUTPUT, SIGN, TOOL, SHORT, END, REFUSAL = (
    "exit 0",
    "exit 3",
    "result",
    "empty result",
    "error",
    "report",
    "output",
    "sign",
    "tool",  # for as long as tools may be at work
    "short tool",  # with a limit of 10 seconds
    "end",
    "refusal",
)


@dataclass
class Played:
    run: AgentRun
    asked: float | None = None
    killed: float | None = None
    left: float | None = None


def play(
    *course: tuple[float, str],
    wants_report: bool = True,
    announces: bool = True,
    limits: Limits = LIMITS,
    obeys: bool = True,
) -> Played:
    """Run a course with a faithful shell: it acts, calls back when due, and hears of ends."""
    played = Played(AgentRun(limits, 0.0, wants_report=wants_report, announces=announces))
    run, now, coming = played.run, 0.0, list(course)
    for _ in range(1000):
        due = run.deadline()
        if coming and (due is None or coming[0][0] <= due):
            now, what = coming.pop(0)
            actions = happen(run, now, what)
        elif due is not None:
            now = due
            actions = run.on_time(now)
        else:
            raise AssertionError("it waits for ever")
        if Action.TERMINATE in actions:
            assert played.asked is None
            played.asked = now
            coming = [(now, "exit -15")] if obeys else []
        if Action.KILL in actions:
            assert played.killed is None
            played.killed = now
            coming = [(now, "exit -9")]
        if Action.FINISH in actions:
            played.left = now
            return played
    raise AssertionError("it never ends")


def happen(run: AgentRun, now: float, what: str) -> list[Action]:
    name, _, code = what.partition(" ")
    actions: dict[str, Callable[[], list[Action] | None]] = {
        "exit": lambda: run.on_exit(now, int(code)),
        "result": lambda: run.on_result(now, is_error=False, text="done"),
        "empty": lambda: run.on_result(now, is_error=False),
        "error": lambda: run.on_result(now, is_error=True, text="no credit"),
        "report": lambda: run.on_report(now),
        "output": lambda: run.on_output(now, spoke=True),
        "sign": lambda: run.on_output(now),
        "tool": lambda: run.on_tool(now, "1", None),
        "short": lambda: run.on_tool(now, "2", 10.0),
        "end": lambda: run.on_tool_end(now, "1"),
        "refusal": lambda: run.on_refusal("not trusted"),
    }
    return actions[name]() or []


@pytest.mark.parametrize(
    ("course", "ending", "left"),
    [
        # Everything comes, in every order.
        ([(1, REPORT), (2, RESULT), (3, EXIT)], E.SUCCEEDED, 3),
        ([(1, RESULT), (2, REPORT), (3, EXIT)], E.SUCCEEDED, 3),
        ([(1, RESULT), (2, EXIT), (3, REPORT)], E.SUCCEEDED, 3),
        ([(1, REPORT), (2, EXIT)], E.SUCCEEDED, 2),
        ([(1, EXIT), (2, REPORT)], E.SUCCEEDED, 2),
        # It never exits.
        ([(1, REPORT), (2, RESULT)], E.SUCCEEDED, 7),
        ([(1, RESULT), (4, REPORT)], E.SUCCEEDED, 9),
        # Its report is there, it never says that it has finished.
        ([(1, REPORT)], E.SUCCEEDED, 6),
        ([(1, REPORT), (4, OUTPUT)], E.SUCCEEDED, 9),
        ([(1, REPORT), *[(n, OUTPUT) for n in range(2, 120, 2)]], E.SUCCEEDED, 100),
        # The report does not come.
        ([(1, RESULT)], E.NO_REPORT, 31),
        ([(1, RESULT), (2, EXIT)], E.NO_REPORT, 31),
        ([(1, OUTPUT), (2, EXIT)], E.NO_REPORT, 32),
        ([(1, TOOL), (2, EXIT)], E.NO_REPORT, 32),
        ([(1, RESULT), (31, REPORT), (32, EXIT)], E.SUCCEEDED, 32),
        # It fails.
        ([(1, FAIL)], E.FAILED, 1),
        ([(1, REPORT), (2, FAIL)], E.FAILED, 2),
        ([(1, ERROR)], E.FAILED, 1),
        ([(1, ERROR), (2, REPORT)], E.FAILED, 1),
        ([(1, REPORT), (2, ERROR), (3, EXIT)], E.FAILED, 2),
        # It finished well; how it exits says nothing more.
        ([(1, RESULT), (2, FAIL), (3, REPORT)], E.SUCCEEDED, 3),
        ([(1, REPORT), (2, RESULT), (3, FAIL)], E.SUCCEEDED, 3),
        # It ends without having done anything.
        ([(2, EXIT)], E.NO_WORK, 4),
        ([(1, SIGN), (2, EMPTY)], E.NO_WORK, 4),
        ([(1, SIGN), (2, EMPTY), (3, REPORT), (5, EXIT)], E.SUCCEEDED, 5),
        ([(1, REFUSAL), (2, OUTPUT), (3, EXIT)], E.NO_WORK, 5),
        ([(1, REFUSAL), (2, TOOL), (3, EXIT)], E.NO_REPORT, 33),
        ([(1, REFUSAL), (2, FAIL)], E.FAILED, 2),
        # It goes on after its result.
        ([(1, RESULT), (2, OUTPUT), (3, REPORT)], E.SUCCEEDED, 8),
        ([(1, RESULT), (2, TOOL), (40, END), (41, RESULT), (50, REPORT)], E.SUCCEEDED, 55),
        ([(1, RESULT), (2, TOOL), (3, REPORT), (4, EXIT)], E.SUCCEEDED, 4),
        # It falls silent, or never stops.
        ([], E.STALLED, 12),
        ([(11, SIGN)], E.STALLED, 31),
        ([(1, OUTPUT), (15, OUTPUT)], E.STALLED, 35),
        ([(n, OUTPUT) for n in range(0, 120, 10)], E.TIMED_OUT, 100),
        # A tool may be silent for its own time, and no longer.
        ([(10, TOOL)], E.STALLED, 70),
        ([(1, OUTPUT), (19, TOOL), (75, OUTPUT)], E.STALLED, 95),
        ([(10, TOOL), (60, OUTPUT)], E.STALLED, 80),
        ([(10, TOOL), (30, END)], E.STALLED, 50),
        ([(10, TOOL), (69, "sign")], E.STALLED, 89),
        ([(10, SHORT)], E.STALLED, 30),
        ([(5, TOOL), (20, SHORT)], E.STALLED, 65),
        ([(n, TOOL) for n in range(0, 120, 10)], E.TIMED_OUT, 100),
    ],
)
def test_every_course_has_its_ending(
    course: list[tuple[float, str]], ending: Ending, left: float
) -> None:
    played = play(*course)
    assert (played.run.ending, played.left) == (ending, left)
    assert (played.run.reason == "") == (ending is E.SUCCEEDED)


@pytest.mark.parametrize(
    ("course", "announces", "ending", "left"),
    [
        ([(1, RESULT), (2, EXIT)], True, E.SUCCEEDED, 2),
        ([(1, RESULT)], True, E.SUCCEEDED, 6),
        ([(1, OUTPUT), (2, EXIT)], True, E.NO_RESULT, 2),
        ([(1, SIGN), (2, EXIT)], True, E.NO_WORK, 2),
        ([(1, EMPTY), (2, EXIT)], True, E.NO_WORK, 2),
        ([(1, TOOL), (2, EMPTY), (3, EXIT)], True, E.SUCCEEDED, 3),
        ([(1, RESULT), (2, TOOL), (3, EXIT)], True, E.SUCCEEDED, 3),
        ([(1, EXIT)], False, E.SUCCEEDED, 1),
        ([(1, REFUSAL), (2, EXIT)], False, E.NO_WORK, 2),
        ([(1, FAIL)], False, E.FAILED, 1),
        ([(90, OUTPUT)], False, E.STALLED, 20),
    ],
)
def test_without_a_report_the_agents_own_end_decides(
    course: list[tuple[float, str]], announces: bool, ending: Ending, left: float
) -> None:
    played = play(*course, wants_report=False, announces=announces)
    assert (played.run.ending, played.left) == (ending, left)


def test_an_agent_that_does_not_obey_is_killed_when_its_time_is_up() -> None:
    played = play((1, REPORT), (2, RESULT), obeys=False)
    assert (played.asked, played.killed, played.left) == (7, 14, 14)
    assert played.run.ending is E.SUCCEEDED


def test_what_comes_after_the_end_changes_nothing() -> None:
    run = AgentRun(LIMITS, 0, wants_report=True, announces=True)
    assert run.on_result(1, is_error=True, text="no credit") == [Action.TERMINATE]
    run.on_tool(2, "1", None)
    assert run.on_report(2) == run.on_result(2, is_error=False) == []
    assert run.on_time(3) == []
    assert run.on_exit(4, 0) == [Action.FINISH]
    assert (run.ending, run.reason, run.exit_code) == (E.FAILED, "no credit", 0)


def test_an_agent_that_says_why_it_failed_is_quoted() -> None:
    run = AgentRun(LIMITS, 0, wants_report=True, announces=True)
    assert run.on_exit(1, 1, text="overloaded") == [Action.FINISH]
    assert (run.ending, run.reason) == (E.FAILED, "overloaded")


def test_tools_are_counted_by_their_starts() -> None:
    played = play((1, TOOL), (2, END), (3, SHORT), (4, RESULT), (5, REPORT), (6, EXIT))
    assert played.run.tools_ran == 2


def test_no_limit_of_silence_means_none() -> None:
    limits = Limits(work=100, silence=0, report=30, exit=5, kill=7)
    assert play(limits=limits).left == 100


@pytest.mark.parametrize(
    ("course", "reason"),
    [
        ([(1, "exit 3")], "the agent ended with exit code 3"),
        ([(1, "exit -9")], "the agent was ended by signal 9"),
        ([(1, ERROR)], "no credit"),
        ([(n, OUTPUT) for n in range(0, 99, 9)], "the instruction's time is used up (100 s)"),
        ([(1, RESULT), (2, EXIT)], "the report did not come within 30 s"),
        ([(1, EXIT)], "the agent ended without having done or said anything"),
        ([(1, REFUSAL), (2, EXIT)], "not trusted"),
        ([(1, REFUSAL), (2, FAIL)], "not trusted"),
        ([(1, RESULT)], "the report did not come within 30 s; the agent was still running"),
        ([], "no first event within 12 s"),
        ([(1, SIGN)], "no sign of life for 20 s"),
        ([(1, TOOL)], "no sign of life, and its tool has had its time (60 s)"),
    ],
)
def test_the_reason_says_what_happened(course: list[tuple[float, str]], reason: str) -> None:
    assert play(*course).run.reason == reason


WHAT = st.sampled_from([RESULT, EMPTY, ERROR, REPORT, OUTPUT, SIGN, TOOL, SHORT, END, REFUSAL])
SECONDS = st.floats(0, 40, allow_nan=False)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.tuples(SECONDS, WHAT), max_size=8),
    st.none() | st.tuples(SECONDS, st.sampled_from(["exit 0", "exit 1", "exit -9"])),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.builds(
        Limits,
        work=SECONDS,
        silence=SECONDS,
        report=SECONDS,
        exit=SECONDS,
        kill=SECONDS,
        handshake=SECONDS,
        tool=SECONDS,
        tool_grace=SECONDS,
    ),
)
def test_whatever_comes_it_ends_once_and_in_bounded_time(
    steps: list[tuple[float, str]],
    exit_at: tuple[float, str] | None,
    wants_report: bool,
    announces: bool,
    obeys: bool,
    limits: Limits,
) -> None:
    course, now = [], 0.0
    for delay, what in steps:
        now += delay
        if wants_report or what != REPORT:
            course.append((now, what))
    if exit_at is not None:  # nothing but a report comes from a process that has ended
        at = exit_at[0]
        course = [step for step in course if step[0] <= at or step[1] == REPORT]
        course = sorted([*course, exit_at], key=lambda step: step[0])
    played = play(
        *course, wants_report=wants_report, announces=announces, obeys=obeys, limits=limits
    )
    assert played.run.ending is not None
    assert played.left is not None
    longest = limits.work + limits.report + limits.exit + limits.kill
    assert played.left <= max(longest, exit_at[0] + limits.report if exit_at else 0) + 1e-6
    if played.run.ending is E.SUCCEEDED and wants_report:
        assert any(what == REPORT and at <= played.left for at, what in course)
    assert played.killed is None or played.asked is not None
