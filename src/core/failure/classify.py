"""Which kind of failure an agent's run was.

What is said in a structured form comes first: the error in the announced
result, an exit code with a meaning, a rejected rate limit.  Then come the bare
lines among the events and the end of standard error; the rest of standard
error only if these say nothing.  What the agent writes about its work is never
looked at: it may well be about rate limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from ..agent_run import Ending, Limits
from ..quota import ahead, reset_time
from ..screening import REFUSAL
from .evidence import error_lines, near_the_end
from .kinds import UNUSABLE, Failure, FailureKind
from .patterns import find, is_bare_exhaustion, is_chat_lost
from .predecessor import UNPAID, explain, in_predecessors_words, is_critical, with_last_words

_LONGEST_REASON: Final = 500
_LONGEST_LINE: Final = 200
_LONGEST_RESULT: Final = 4000

GEMINI_EXIT_CODES: Final = {
    41: FailureKind.AUTHENTICATION,
    42: FailureKind.REFUSED,  # the input: it may be this prompt alone
    44: FailureKind.CONFIGURATION,  # the sandbox
    52: FailureKind.CONFIGURATION,
    53: FailureKind.TIMED_OUT,  # the limit of turns
    54: FailureKind.AGENT_CRASHED,  # a tool could not be executed
    55: FailureKind.CONFIGURATION,  # the workspace is not trusted
}
"""google-gemini/gemini-cli, ``packages/core/src/utils/errors.ts``."""

_ENDINGS: Final = {
    Ending.TIMED_OUT: FailureKind.TIMED_OUT,
    Ending.STALLED: FailureKind.STALLED,
    Ending.NO_RESULT: FailureKind.NO_RESULT,
    Ending.NO_WORK: FailureKind.NO_RESULT,
    Ending.NO_REPORT: FailureKind.NO_REPORT,
    Ending.NOT_STARTED: FailureKind.AGENT_MISSING,
}
_NOT_FOUND: Final = frozenset({126, 127})  # POSIX shells, env, docker exec
_FAULTS: Final = frozenset({3, 4, 5, 6, 7, 8, 11})  # SIGQUIT, ILL, TRAP, ABRT, BUS, FPE, SEGV
_CANCELLED: Final = 130
_LIMITED: Final = frozenset(
    {FailureKind.QUOTA, FailureKind.RATE_LIMIT, FailureKind.OVERLOADED, FailureKind.BILLING}
)
_OWN_FAULT: Final = frozenset({FailureKind.AGENT_CRASHED, FailureKind.KILLED})


@dataclass(frozen=True, slots=True)
class _Finding:
    """``source`` is the text that ``line`` stands in; ``certain``: the agent's own statement."""

    kind: FailureKind
    line: str = ""
    source: str = ""
    certain: bool = False


def classify(
    ending: Ending,
    *,
    reason: str,
    now: float,
    zone: tzinfo | None = None,
    exit_code: int | None = None,
    result_text: str | None = None,
    stderr: str = "",
    invalid_lines: Sequence[str] = (),
    tools_ran: bool = False,
    resets_at: float | None = None,
    tokens: int | None = None,
    agent: str = "",
    shortcomings: str = "",
    predecessor: bool = False,
    limits: Limits | None = None,
) -> Failure:
    """The failure behind a run that did not succeed.

    ``reason`` is what the course of the run says, ``shortcomings`` what is
    wrong with its report.  ``result_text`` is the text of an announced result
    that is an error; None if there was none, or if it was a success.
    ``invalid_lines`` are lines among the events that are no events.
    ``resets_at`` comes from a rejected rate limit, ``tokens`` is how many were used, if that is known.  ``agent`` is the
    adapter's label.  ``now`` is in seconds since the epoch; without a ``zone``
    times of day are those of this machine.  A ``predecessor``'s configuration
    gets the predecessor's reasons (with ``limits``) and its idea of an agent
    that is unusable.
    """
    lines = error_lines(stderr)
    resets_at = ahead(resets_at, now)
    finding = _find(
        ending, reason, exit_code, result_text, lines, invalid_lines, tools_ran, resets_at, agent
    )
    kind = finding.kind
    chat_lost = kind is FailureKind.CONTEXT_OVERFLOW or is_chat_lost(finding.source)
    if kind is FailureKind.OVERLOADED and is_bare_exhaustion(finding.line):
        chat_lost = chat_lost or (tokens == 0 and not tools_ran)
    if predecessor:
        reason = _in_predecessors_words(ending, reason, exit_code, stderr, limits)
        unusable = ending is Ending.NOT_STARTED or is_critical(reason)
        if reason == UNPAID:
            kind = FailureKind.BILLING
        if shortcomings:
            reason = f"{reason}: {shortcomings}"
        reason = with_last_words(reason, stderr)
    else:
        unusable = kind in UNUSABLE and (finding.certain or not tools_ran)
        reason = _told(reason, shortcomings, finding.line or (lines[-1] if lines else ""))
    reset_at = None
    if kind in _LIMITED:
        reset_at = resets_at or reset_time(finding.source, now, zone)
    return Failure(kind, reason, reset_at, tools_ran, unusable, chat_lost)


def _find(
    ending: Ending,
    reason: str,
    exit_code: int | None,
    result_text: str | None,
    lines: list[str],
    invalid_lines: Sequence[str],
    tools_ran: bool,
    resets_at: float | None,
    agent: str,
) -> _Finding:
    if ending is Ending.NOT_STARTED:
        return _Finding(FailureKind.AGENT_MISSING, certain=True)
    if reason.startswith(REFUSAL):
        return _Finding(FailureKind.REFUSED, certain=True)
    said = (result_text or "")[:_LONGEST_RESULT]
    if found := find(said):
        return _Finding(*found, said, certain=True)
    if "gemini" in agent.lower() and exit_code in GEMINI_EXIT_CODES:
        return _Finding(GEMINI_EXIT_CODES[exit_code], certain=True)
    if resets_at is not None:
        return _Finding(FailureKind.QUOTA, certain=True)
    last = near_the_end([*(line[:_LONGEST_RESULT] for line in invalid_lines), *lines])
    found = None
    if not (ending is Ending.NO_REPORT and tools_ran):  # it worked, so nothing kept it from it
        found = find(last, configured=tools_ran)
        if found and found[0] in _OWN_FAULT and ending is not Ending.FAILED:
            found = None
    source = last
    signal = _signal(exit_code) if ending is Ending.FAILED and result_text is None else None
    if signal is not None and (found is None or found[0] is not FailureKind.DISK_FULL):
        kind = FailureKind.AGENT_CRASHED if signal in _FAULTS else FailureKind.KILLED
        return _Finding(kind)
    if found is None and ending is Ending.FAILED:
        source = "\n".join(lines)
        found = find(source, configured=tools_ran)
    if found is not None:
        return _Finding(*found, source)
    if exit_code is None and (found := find(reason)) and found[0] is FailureKind.DISK_FULL:
        return _Finding(*found, reason)
    return _Finding(_default(ending, exit_code, result_text, tools_ran), source=said or last)


def _default(
    ending: Ending, exit_code: int | None, result_text: str | None, tools_ran: bool
) -> FailureKind:
    """The kind of a run that left no word that is known."""
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    if result_text is not None or not exit_code:
        return FailureKind.UNKNOWN
    if exit_code == _CANCELLED:
        return FailureKind.CANCELLED
    if exit_code in _NOT_FOUND and not tools_ran:
        return FailureKind.AGENT_MISSING
    return FailureKind.AGENT_CRASHED


def _signal(exit_code: int | None) -> int | None:
    """The signal that ended the process; 130 is what programs return that were interrupted."""
    if exit_code is None or exit_code == _CANCELLED:
        return None
    if exit_code < 0:
        return -exit_code
    return exit_code - 128 if 128 < exit_code <= 128 + 64 else None


def _told(reason: str, shortcomings: str, line: str) -> str:
    reason = " ".join(reason.split())
    if shortcomings:
        reason = f"{reason}: {shortcomings}"
    line = " ".join(line.split())[:_LONGEST_LINE]
    if line and line not in reason:
        reason = f"{reason[: _LONGEST_REASON - _LONGEST_LINE]}: {line}" if reason else line
    return reason[:_LONGEST_REASON]


def _in_predecessors_words(
    ending: Ending, reason: str, exit_code: int | None, stderr: str, limits: Limits | None
) -> str:
    if limits is not None:
        reason = in_predecessors_words(ending, reason, exit_code, limits)
    return explain(reason, stderr)
