"""How progress reads: one line per event that matters, a block of what runs, a summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..core.events import Event
from .progress_state import Problem, ProgressState, RunningTask, number
from .text import clock, elapsed, fit, one_line

QUIET_AFTER = 60.0
"""Seconds without an event of a task after which the block says so."""

_MOST_RUNNING = 8
_MOST_PROBLEMS = 20
_LONGEST = 1000


class Mark(StrEnum):
    """How an item ended; every line says the same in words."""

    DONE = "✓"
    FAILED = "✗"
    LEFT = "-"
    WARNING = "!"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that stays."""

    text: str
    mark: Mark = Mark.NONE

    def __str__(self) -> str:
        return f"{self.mark} {self.text}" if self.mark else self.text


def lines_for(before: ProgressState, event: Event, after: ProgressState) -> list[Line]:
    """The lines that ``event`` deserves, between the states before and after it.

    What is under way has no mark; what has ended has one.
    """
    lines = _lines(before, event, after)
    return [Line(one_line(line.text, _LONGEST), line.mark) for line in lines]


def _lines(before: ProgressState, event: Event, after: ProgressState) -> list[Line]:
    data = event.data
    match event.name:
        case "server.started":
            about = f"path {after.path or '?'}, agent {after.agent or '?'}"
            return [Line(f"started: {about}, project {after.project or '?'}")]
        case "core.switching":
            when = "at once" if data.get("now") else "behind the instructions that run"
            return [Line(f"going over to the other path {when}: {data.get('reason')}")]
        case "core.switched":
            return [Line(f"path {after.path or '?'} from here on: {data.get('reason')}")]
        case "list.read" if not before.total or after.total != before.total:
            return [Line(f"the list: {_tasks(after.pending)} to do of {after.total}")]
        case "list.problem":
            text = f"{data.get('file') or 'the TODO list'}: {data.get('problem')}"
            return [Line(text, Mark.WARNING)]
        case "service.failed":
            again = number(data, "restart_in")
            then = "" if again is None else f"; starts again in {again:g} s"
            text = f"service {data.get('service')} failed: {one_line(str(data.get('error')))}{then}"
            return [Line(text, Mark.WARNING)]
        case "escape.found":
            return [Line(f"changed outside the worktrees: {data.get('what')}", Mark.WARNING)]
        case "landing.behind":
            text = f"{data.get('target')} could not follow: {data.get('reason')}"
            return [Line(text, Mark.WARNING)]
        case "landing.locked":
            file, held = data.get("file"), elapsed(number(data, "seconds") or 0)
            text = (
                f"nothing lands: {file} has been there for {held}; if no git is running, delete it"
            )
            return [Line(text, Mark.WARNING)]
        case "target.failing":
            where = f"{data.get('target')} ({str(data.get('commit'))[:12]})"
            text = f"the checks fail on {where} without any task's work: {data.get('reason')}"
            return [Line(text, Mark.WARNING)]
        case "checkout.switched":
            return [Line(str(data.get("what")))]
        case "landing.forwarded":
            return [Line(f"{data.get('target')} has followed")]
        case "push.failed":
            text = f"not pushed to {data.get('remote')}: {data.get('reason')}"
            return [Line(text, Mark.WARNING)]
        case "start.held":
            return [Line(f"nothing more is started: {data.get('reason')}", Mark.WARNING)]
        case "start.resumed":
            return [Line("there is room again: tasks are started")]
        case "limit.changed":
            name, limit = data.get("name"), number(data, "limit") or 0
            return [Line(f"at most {_tasks(int(limit))} at once on {name} from here on")]
        case "server.idle":
            return [Line("nothing to do, watching the list")] if not before.idle else []
        case "server.stopping":
            grace = number(data, "grace")
            within = "" if grace is None else f", at most {grace:g} s"
            return [Line(f"stopping: {one_line(after.stopping)}{within}")]
        case "server.stopped":
            return []
    if event.task_id is None:
        return []
    return _task_lines(before, event, after, data)


def _task_lines(
    before: ProgressState, event: Event, after: ProgressState, data: Mapping[str, Any]
) -> list[Line]:
    task = after.running.get(event.task_id or "") or before.running.get(event.task_id or "")
    label = _label(task, after)
    text = one_line(task.text if task else event.task_id or "", 200)
    reason = one_line(str(data.get("reason") or "no reason was given"))
    match event.name:
        case "task.started":
            resumed = data.get("resumed_at")
            from_there = f" (goes on at instruction {resumed})" if resumed else ""
            return [Line(f"{label} started: {text}{from_there}")]
        case "instruction.started":
            return [Line(f"{label} {_instruction(data)}")]
        case "instruction.done":
            return [Line(f"{label} {_instruction(data)}: done in {_took(data)}")]
        case "instruction.failed":
            return [Line(f"{label} {_instruction(data)}: failed: {reason}", Mark.FAILED)]
        case "instruction.retried":
            return [Line(f"{label} {_instruction(data)}: tried again: {reason}")]
        case "instruction.delayed":
            pause = elapsed(number(data, "seconds") or 0)
            return [Line(f"{label} {_instruction(data)}: begins in {pause}")]
        case "insertion.started":
            return [Line(f"{label} {_instruction(data)}")]
        case "insertion.failed":
            return [Line(f"{label} {_instruction(data)}: failed: {reason}", Mark.FAILED)]
        case "verify.done" if not data.get("ok"):
            return [Line(f"{label} verified: {reason}", Mark.FAILED)]
        case "verify.done":
            return [Line(f"{label} verified: good, in {_took(data)}")]
        case "task.landed":
            commit = str(data.get("commit"))[:8]
            return [Line(f"{label} landed on {data.get('target')} as {commit}")]
        case "task.parked":
            return [Line(f"{label} {reason}: {text}", Mark.LEFT)]
        case "agent.drift":
            unknown, invalid = data.get("unknown"), data.get("invalid")
            about = f"{unknown} events of unknown types and {invalid} lines that were none"
            return [Line(f"{label} the agent wrote {about}", Mark.WARNING)]
        case "task.done":
            took = f" in {_took(data)}" if "seconds" in data else ""
            return [Line(f"{label} done{took}: {text}", Mark.DONE)]
        case "task.failed":
            at = number(data, "retry_at")
            again = "" if at is None else f", again at {clock(at)}"
            return [Line(f"{label} failed{again}: {text}: {reason}", Mark.FAILED)]
        case "task.skipped":
            return [Line(f"{label} skipped: {text}: {reason}", Mark.LEFT)]
        case "task.interrupted":
            return [Line(f"{label} interrupted: {text}: {reason}", Mark.LEFT)]
    return []


def render(state: ProgressState, now: float, width: int, height: int = 24) -> list[str]:
    """The block of what runs, no line wider than ``width`` columns.

    It takes at most ``height`` - 1 lines, so that a terminal can redraw it.
    """
    lines = [_headline(state, now)]
    shown = max(0, min(_MOST_RUNNING, (height - 3) // 2))
    for task in list(state.running.values())[:shown]:
        lines += _running(task, state, now)
    if len(state.running) > shown:
        lines.append(f"  and {len(state.running) - shown} more")
    return [fit(line, width) for line in lines[: max(1, height - 1)]]


def summary(state: ProgressState, now: float, logs: str = "") -> list[Line]:
    """How it went and what needs a person; ``logs`` is where the tasks' logs lie."""
    took = elapsed(now - (now if state.started_at is None else state.started_at))
    counts = f"{state.done} done, {state.failed} failed, {state.skipped} skipped"
    lines = [Line(f"{counts}, {state.pending} pending in {took}", _overall(state))]
    if state.problems:
        lines.append(Line("Needs a person:"))
        lines += _problem_lines(state, logs)
    if state.pending:
        lines.append(Line("The same command goes on with what is pending."))
    return lines


def _overall(state: ProgressState) -> Mark:
    if state.failed or state.problems:
        return Mark.FAILED
    return Mark.LEFT if state.pending else Mark.DONE


def _problem_lines(state: ProgressState, logs: str) -> Iterator[Line]:
    problems = list(state.problems.values())
    for problem in problems[:_MOST_PROBLEMS]:
        attempts = f" ({problem.attempts} attempts)" if problem.attempts > 1 else ""
        text = f"{one_line(problem.what, 200)}: {one_line(problem.reason)}{attempts}"
        yield Line(f"  {text}{_log(problem, logs)}")
    if len(problems) > _MOST_PROBLEMS:
        yield Line(f"  and {len(problems) - _MOST_PROBLEMS} more")


def _log(problem: Problem, logs: str) -> str:
    if problem.log:
        return f" - see {problem.log}"
    if logs and problem.task_id:
        return f" - see {logs}/task_{problem.task_id}_*.log"
    return ""


def _headline(state: ProgressState, now: float) -> str:
    parts = [f"{state.done}/{state.total} done"]
    parts += [f"{state.failed} failed"] if state.failed else []
    parts += [f"{state.skipped} skipped"] if state.skipped else []
    parts += [f"{state.pending} pending"] if state.pending else []
    if state.retries:
        wait = elapsed(min(state.retries.values()) - now)
        parts.append(f"{len(state.retries)} to try again, next in {wait}")
    parts.append(elapsed(now - (now if state.started_at is None else state.started_at)))
    if state.stopping:
        parts.append(f"stopping: {one_line(state.stopping)}")
    elif state.idle:
        parts.append("watching the list")
    return " · ".join(parts)


def _running(task: RunningTask, state: ProgressState, now: float) -> Iterator[str]:
    yield f"{_label(task, state)} {one_line(task.text, 200)}"
    since = task.instruction_started_at or task.started_at
    limit = f" of {elapsed(task.timeout)}" if task.timeout else ""
    parts = []
    if task.position:
        parts.append(f"{task.position}/{task.instructions} {one_line(task.name, 80)}".rstrip())
    parts.append(elapsed(now - since) + limit)
    age = max(0.0, now - task.last_event_at)
    if age >= QUIET_AFTER:
        parts.append(f"silent for {elapsed(age)}")
    else:
        parts.append(f"last event {int(age)} s ago")
        parts += [one_line(task.activity, 200)] if task.activity else []
    yield "    " + " · ".join(parts)


def _label(task: RunningTask | None, state: ProgressState) -> str:
    if task is None:
        return "[-]"
    return f"[{task.number}/{max(state.total, task.number)}]"


def _instruction(data: Mapping[str, Any]) -> str:
    name = one_line(str(data.get("name") or ""), 80)
    return f"{data.get('position')}/{data.get('total')} {name}".rstrip()


def _took(data: Mapping[str, Any]) -> str:
    seconds = number(data, "seconds")
    if seconds is None:
        return "unknown time"
    return elapsed(seconds) if seconds >= 60 else f"{seconds:.1f} s"


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count} tasks"
