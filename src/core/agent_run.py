"""The course of one agent process: what has happened in, what is to be done out.

An agent may finish and never exit, exit and never finish, write its report
late or not at all, fall silent, or go on talking for ever.  All of these are
decided here, from the events that the shell passes in with their times; the
shell does what it is told and calls again at `AgentRun.deadline`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_LAST_CHANCE = 2.0
"""Seconds in which the report of an agent that did nothing may still be noticed."""


class Ending(StrEnum):
    """How an agent's run ended, seen from the instruction."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"  # it said so, or its exit code did
    TIMED_OUT = "timed_out"  # the instruction's time is used up
    STALLED = "stalled"  # alive, but silent for too long
    NO_RESULT = "no_result"  # it ended without saying how
    NO_WORK = "no_work"  # it ended well without having done or said anything
    NO_REPORT = "no_report"  # it ended well, but the report did not come
    NOT_STARTED = "not_started"


class Action(StrEnum):
    """What the shell does next."""

    TERMINATE = "terminate"  # ask the process group to end
    KILL = "kill"  # end it
    FINISH = "finish"  # leave: `AgentRun.ending` says how


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Times in seconds.

    ``work``       from the start until the agent must have finished
    ``silence``    without a sign of life while no tool is at work, 0 for no limit
    ``report``     from the agent's end until the report must be there
    ``exit``       from the report, or the announced result, until the process is ended
    ``kill``       from being asked to end until being killed
    ``handshake``  from the start until the first event, 0 for no limit; only of an
                   agent that announces its result
    ``tool``       how long one tool may be at work in silence
    ``tool_grace`` what a tool may take beyond the limit that it was given itself
    """

    work: float
    silence: float
    report: float
    exit: float
    kill: float
    handshake: float = 0.0
    tool: float = 7200.0
    tool_grace: float = 30.0


@dataclass(frozen=True, slots=True)
class _Tool:
    """A tool at work, and for how long it may be."""

    due: float
    allowed: float


class AgentRun:
    """One run. Every method takes the time and says what to do, if it may be something.

    ``wants_report``: success includes a report.  ``announces``: the agent
    speaks a protocol in which it says itself that it has finished; an exit
    without that, and without a report, is no success.
    """

    def __init__(self, limits: Limits, now: float, *, wants_report: bool, announces: bool) -> None:
        self._limits = limits
        self._wants_report = wants_report
        self._announces = announces
        self._started_at = now
        self._last_sign_at = now
        self._heard = False
        self._spoke = False
        self._refusal = ""
        self._tools: dict[str, _Tool] = {}
        self._announced = False
        self._done_at: float | None = None  # finished well: announced, or exit code 0
        self._report_at: float | None = None
        self._exited = False
        self._ending_at: float | None = None
        self._killed = False
        self.tools_ran = 0
        self.ending: Ending | None = None
        self.reason = ""
        self.exit_code: int | None = None

    def on_output(self, now: float, *, spoke: bool = False) -> None:
        """It gave a sign of life; ``spoke``: words of its own."""
        self._note_sign(now)
        self._spoke = self._spoke or spoke

    def on_tool(self, now: float, call: str, limit: float | None) -> None:
        """It called a tool, which was given ``limit`` seconds if that is known.

        A tool, such as a long test run, may be silent for its own time.  An agent
        that calls one has not finished, whatever it announced before.
        """
        self._note_sign(now)
        self.tools_ran += 1
        longest = self._limits.tool
        allowed = longest if limit is None else min(limit + self._limits.tool_grace, longest)
        self._tools[call] = _Tool(now + allowed, allowed)
        if not self._exited:
            self._done_at = None

    def on_tool_end(self, now: float, call: str) -> None:
        """A tool has ended."""
        self._note_sign(now)
        self._tools.pop(call, None)

    def on_refusal(self, text: str) -> None:
        """It says that it must not work here. What it does nevertheless counts."""
        self._refusal = self._refusal or text

    def on_result(self, now: float, *, is_error: bool, text: str = "") -> list[Action]:
        """It announced that it has finished."""
        self._note_sign(now)
        self._announced = True
        self._tools.clear()
        if is_error:
            return self._end(Ending.FAILED, text or "the agent reported an error", now)
        self._spoke = self._spoke or bool(text.strip())
        if self._done_at is None:
            self._done_at = now
        return self._settle(now)

    def on_exit(self, now: float, code: int, *, text: str = "") -> list[Action]:
        """The process has ended and its output was read; ``text`` says why it failed, if known."""
        self._exited = True
        self.exit_code = code
        if self.ending is not None:
            return [Action.FINISH]
        if self._done_at is None and code != 0:
            return self._end(Ending.FAILED, text or self._refusal or _exit_text(code), now)
        if self._done_at is None:
            if self._announces and not self._wants_report and not self._announced:
                if not self._has_worked():
                    return self._end(Ending.NO_WORK, self._no_work_text(), now)
                return self._end(Ending.NO_RESULT, "the agent ended without a result", now)
            self._done_at = now
        return self._settle(now)

    def on_report(self, now: float) -> list[Action]:
        """Its report is there and was accepted."""
        if self._report_at is None:
            self._report_at = now
        return self._settle(now)

    def on_time(self, now: float) -> list[Action]:
        """Some time has passed."""
        if self._ending_at is not None:
            if not self._killed and now >= self._ending_at + self._limits.kill:
                self._killed = True
                return [Action.KILL]
            return []
        if (due := self.deadline()) is None or now < due:
            return []
        if self._finished_well():
            return self._end(Ending.SUCCEEDED, "", now)
        if self._done_at is not None and not self._has_worked():
            return self._end(Ending.NO_WORK, self._no_work_text(), now)
        if self._done_at is not None:
            return self._end(Ending.NO_REPORT, self._no_report_text(), now)
        if self._report_at is not None:  # the work is there, the agent hangs
            return self._end(Ending.SUCCEEDED, "", now)
        if now >= self._started_at + self._limits.work:
            reason = f"the instruction's time is used up ({self._limits.work:g} s)"
            return self._end(Ending.TIMED_OUT, reason, now)
        return self._end(Ending.STALLED, self._stalled_text(), now)

    def deadline(self) -> float | None:
        """When `on_time` wants to be called; None if there is nothing to wait for but events."""
        limits = self._limits
        if self._ending_at is not None:
            return None if self._killed else self._ending_at + limits.kill
        if self._finished_well():
            at = [at for at in (self._done_at, self._report_at) if at is not None]
            return max(at) + limits.exit
        if self._done_at is not None:
            patience = limits.report
            if not self._has_worked():
                patience = min(limits.report, limits.exit, _LAST_CHANCE)
            return self._done_at + patience
        due = self._started_at + limits.work
        if self._report_at is not None:
            return min(due, max(self._report_at, self._last_sign_at) + limits.exit)
        if self._is_awaited():
            return min(due, self._started_at + limits.handshake)
        if limits.silence > 0:
            due = min(due, max(self._last_sign_at + limits.silence, *self._tool_dues()))
        return due

    def _note_sign(self, now: float) -> None:
        self._last_sign_at = now
        self._heard = True

    def _is_awaited(self) -> bool:
        """Whether the first event has still to come, in its own time."""
        return self._announces and not self._heard and self._limits.handshake > 0

    def _tool_dues(self) -> list[float]:
        return [0.0, *(tool.due for tool in self._tools.values())]

    def _has_worked(self) -> bool:
        """Whether it did or said anything; of an agent without a protocol nothing is known."""
        if self.tools_ran or self._report_at is not None:
            return True
        return not self._refusal and (self._spoke or not self._announces)

    def _finished_well(self) -> bool:
        if self._done_at is None or not self._has_worked():
            return False
        return not self._wants_report or self._report_at is not None

    def _settle(self, now: float) -> list[Action]:
        if self.ending is not None or not self._exited:
            return []
        if self._finished_well():
            return self._end(Ending.SUCCEEDED, "", now)
        if self._done_at is not None and not self._wants_report and not self._has_worked():
            return self._end(Ending.NO_WORK, self._no_work_text(), now)
        return []

    def _end(self, ending: Ending, reason: str, now: float) -> list[Action]:
        if self.ending is not None:
            return []
        self.ending, self.reason = ending, reason
        self._ending_at = now
        return [Action.FINISH] if self._exited else [Action.TERMINATE]

    def _stalled_text(self) -> str:
        if self._is_awaited():
            return f"no first event within {self._limits.handshake:g} s"
        if self._tools:
            allowed = max(self._tools.values(), key=lambda tool: tool.due).allowed
            return f"no sign of life, and its tool has had its time ({allowed:g} s)"
        return f"no sign of life for {self._limits.silence:g} s"

    def _no_work_text(self) -> str:
        return self._refusal or "the agent ended without having done or said anything"

    def _no_report_text(self) -> str:
        text = f"the report did not come within {self._limits.report:g} s"
        if self._announces and not self._exited:
            text += "; the agent was still running"
        return text


def _exit_text(code: int) -> str:
    if code < 0:
        return f"the agent was ended by signal {-code}"
    return f"the agent ended with exit code {code}"
