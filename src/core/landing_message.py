"""The message of a landed commit: what was asked for, what was verified, whose it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import wrap
from typing import TYPE_CHECKING

from .redact import redact

if TYPE_CHECKING:
    from .landing import LandingRequest
    from .verify import CommandRun

SUBJECT = 72
"""Characters of the first line, by git's custom."""

_TASK, _ATTEMPT = "Codeagent-Task", "Codeagent-Attempt"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def task_trailer(task_id: str) -> str:
    """The line by which the commits of a task are found again."""
    return f"{_TASK}: {task_id}"


def attempt_trailer(task_id: str, epoch: int) -> str:
    """The line by which the commit of an attempt is found again."""
    return f"{_ATTEMPT}: {task_id}-a{epoch}"


def message(request: LandingRequest) -> str:
    """Subject, body and trailers (`git-interpret-trailers(1)`) of the commit."""
    task = request.task
    text = request.subject.strip() or task.text
    first, rest = _subject(text)
    parts = [first]
    if rest:
        parts.append("\n".join(wrap(rest, SUBJECT, break_on_hyphens=False)))
    if verified := _verified(request.evidence.commands):
        parts.append(verified)
    parts.append(f"{task_trailer(task.id)}\n{attempt_trailer(task.id, task.epoch)}")
    return "\n\n".join(parts) + "\n"


def _subject(text: str) -> tuple[str, str]:
    """The first line, and the whole text in one line if that is more."""
    line = " ".join(_CONTROLS.sub(" ", redact(text)).split())
    if len(line) <= SUBJECT:
        return line or "Work of a task", ""
    head = line[: SUBJECT - 1]
    if " " in head[SUBJECT // 2 :]:
        head = head.rpartition(" ")[0]
    return f"{head}…", line


def _verified(commands: Iterable[CommandRun]) -> str:
    lines = []
    for run in commands:
        if run.ok:
            command = " ".join(_CONTROLS.sub(" ", redact(run.command)).split())
            lines.append(f"- {command} ({run.seconds:.1f} s)")
    return "\n".join(["Verified:", *lines]) if lines else ""
