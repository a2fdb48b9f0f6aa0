"""Pushing: when the predecessor's phrase asks for it, and what git's answer means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .redact import redact

COMMITTED = "Коммит выполнен!"
"""The control phrase of an instruction that commits, as the predecessor has it."""

COMMAND_TIMEOUT = 30.0
PUSH_TIMEOUT = 60.0
"""Seconds that a command of git and a push may take."""


def asks_for_push(control_phrase: str, enabled: bool) -> bool:
    """Whether a push follows a successful instruction with this control phrase."""
    return enabled and control_phrase.strip() == COMMITTED


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """The newest commit: its full and short name, and its subject."""

    hash_full: str
    hash_short: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushResult:
    """How a push went; ``push_success`` is None if there was nothing to push."""

    success: bool
    branch: str | None = None
    commit_info: CommitInfo | None = None
    push_success: bool | None = None
    push_stdout: str = ""
    push_stderr: str = ""
    error: str | None = None


class PushVerdict(StrEnum):
    """``STALE``: the remote has commits that this push lacks, so they are fetched first."""

    PUSHED = "pushed"
    STALE = "stale"
    REFUSED = "refused"


_STALE = ("fetch first", "non-fast-forward", "stale info", "cannot lock ref", "failed to update")


def push_verdict(code: int, stdout: str, stderr: str) -> tuple[PushVerdict, str]:
    """What ``push --porcelain`` of one ref says (`git-push(1)`), and the reason in words."""
    if code == 0:
        return PushVerdict.PUSHED, ""
    for line in stdout.splitlines():
        if line.startswith("!"):
            summary = line.rpartition("\t")[2]
            stale = any(words in summary for words in _STALE)
            return PushVerdict.STALE if stale else PushVerdict.REFUSED, redact(summary)
    said = [line for line in stderr.splitlines() if line.strip()]
    return PushVerdict.REFUSED, redact(said[-1] if said else f"git ended with code {code}")
