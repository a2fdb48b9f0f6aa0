"""The course of one agent process: what has happened in, what is to be done out.

An agent may finish and never exit, exit and never finish, write its report
late or not at all, fall silent, or go on talking for ever.  All of these are
decided here, from the events that the shell passes in with their times; the
shell does what it is told and calls again at `AgentRun.deadline`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Ending(StrEnum):
    """How an agent's run ended, seen from the instruction."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"  # it said so, or its exit code did
    TIMED_OUT = "timed_out"  # the instruction's time is used up
    STALLED = "stalled"  # alive, but silent for too long
    NO_RESULT = "no_result"  # it ended without saying how
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

    ``work``    from the start until the agent must have finished
    ``silence`` without a sign of life, 0 for no limit
    ``report``  from the agent's end until the report must be there
    ``exit``    from the report, or the announced result, until the process is ended
    ``kill``    from being asked to end until being killed
    """

    work: float
    silence: float
    report: float
    exit: float
    kill: float


class AgentRun:
    """One run. Every method takes the time and returns what to do.

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
        self._busy = False
        self._done_at: float | None = None  # finished well: announced, or exit code 0
        self._report_at: float | None = None
        self._exited = False
        self._ending_at: float | None = None
        self._killed = False
        self.ending: Ending | None = None
        self.reason = ""
        self.exit_code: int | None = None

    def on_output(self, now: float, *, busy: bool = False) -> list[Action]:
        """It gave a sign of life; ``busy``: a tool that it called is still at work.

        A tool, such as a long test run, may be silent: the instruction's own
        time is its limit.
        """
        self._last_sign_at = now
        self._busy = busy
        return []

    def on_result(self, now: float, *, is_error: bool, text: str = "") -> list[Action]:
        """It announced that it has finished."""
        self._last_sign_at = now
        if is_error:
            return self._end(Ending.FAILED, text or "the agent reported an error", now)
        if self._done_at is None:
            self._done_at = now
        return self._settle(now)

    def on_exit(self, now: float, code: int) -> list[Action]:
        """The process has ended and its output was read."""
        self._exited = True
        self.exit_code = code
        if self.ending is not None:
            return [Action.FINISH]
        if self._done_at is None and code != 0:
            return self._end(Ending.FAILED, _exit_text(code), now)
        if self._done_at is None:
            if self._announces and not self._wants_report:
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
        if self._done_at is not None:
            return self._end(Ending.NO_REPORT, self._no_report_text(), now)
        if self._report_at is not None:  # the work is there, the agent hangs
            return self._end(Ending.SUCCEEDED, "", now)
        if now >= self._started_at + self._limits.work:
            reason = f"the instruction's time is used up ({self._limits.work:g} s)"
            return self._end(Ending.TIMED_OUT, reason, now)
        reason = f"no sign of life for {self._limits.silence:g} s"
        return self._end(Ending.STALLED, reason, now)

    def deadline(self) -> float | None:
        """When `on_time` wants to be called; None if there is nothing to wait for but events."""
        limits = self._limits
        if self._ending_at is not None:
            return None if self._killed else self._ending_at + limits.kill
        if self._finished_well():
            at = [at for at in (self._done_at, self._report_at) if at is not None]
            return max(at) + limits.exit
        if self._done_at is not None:
            return self._done_at + limits.report
        due = self._started_at + limits.work
        if self._report_at is not None:
            return min(due, max(self._report_at, self._last_sign_at) + limits.exit)
        if limits.silence > 0 and not self._busy:
            due = min(due, self._last_sign_at + limits.silence)
        return due

    def _finished_well(self) -> bool:
        return self._done_at is not None and (not self._wants_report or self._report_at is not None)

    def _settle(self, now: float) -> list[Action]:
        if self.ending is None and self._exited and self._finished_well():
            return self._end(Ending.SUCCEEDED, "", now)
        return []

    def _end(self, ending: Ending, reason: str, now: float) -> list[Action]:
        if self.ending is not None:
            return []
        self.ending, self.reason = ending, reason
        self._ending_at = now
        return [Action.FINISH] if self._exited else [Action.TERMINATE]

    def _no_report_text(self) -> str:
        text = f"the report did not come within {self._limits.report:g} s"
        if self._announces and not self._exited:
            text += "; the agent was still running"
        return text


def _exit_text(code: int) -> str:
    if code < 0:
        return f"the agent was ended by signal {-code}"
    return f"the agent ended with exit code {code}"
