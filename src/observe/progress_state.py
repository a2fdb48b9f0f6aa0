"""What a watcher knows after the events so far: a pure reduction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.events import Event


@dataclass(frozen=True, slots=True)
class RunningTask:
    """A task under way. ``number`` is its place in the list as far as that is known."""

    id: str
    text: str
    number: int
    started_at: float
    last_event_at: float
    instructions: int = 0
    position: int = 0
    name: str = ""
    instruction_started_at: float = 0.0
    timeout: float | None = None
    activity: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that needs a person. ``task_id`` is None where a file is at fault."""

    what: str
    reason: str
    attempts: int = 0
    task_id: str | None = None
    log: str = ""


@dataclass(frozen=True, slots=True)
class ProgressState:
    """The counters are of the whole list; times are seconds since the epoch.

    ``numbers`` holds the places of the tasks that have started, by their ids;
    ``retries`` when tasks that wait go on.
    ``ahead`` counts tasks that the list showed as ended before they were
    announced: reading the list and announcing may come in either order.
    """

    project: str = ""
    path: str = ""
    agent: str = ""
    started_at: float | None = None
    total: int = 0
    done: int = 0
    failed: int = 0
    skipped: int = 0
    ahead: int = 0
    running: Mapping[str, RunningTask] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    retries: Mapping[str, float] = field(default_factory=dict)
    problems: Mapping[str, Problem] = field(default_factory=dict)
    idle: bool = False
    stopping: str = ""
    stopped: bool = False

    @property
    def ended(self) -> int:
        """How many tasks need nothing more from the server."""
        return self.done + self.failed + self.skipped

    @property
    def pending(self) -> int:
        """How many tasks run or wait."""
        return max(0, self.total - self.ended)


def reduce(state: ProgressState, event: Event) -> ProgressState:
    """Return the state after ``event``; an unknown event only shows that its task lives."""
    if state.started_at is None:
        state = replace(state, started_at=event.at)
    step = _STEPS.get(event.name)
    if step is not None:
        return step(state, event, event.data)
    return _touch(state, event)


def number(data: Mapping[str, Any], key: str) -> float | None:
    """The number under ``key`` of an event's data, if one is there."""
    value = data.get(key)
    return value if isinstance(value, int | float) else None


def _server_started(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    return replace(
        state,
        project=str(data.get("project") or ""),
        path=str(data.get("path") or ""),
        agent=str(data.get("agent") or ""),
        total=_count(data, "total", state.total),
        stopping="",
        stopped=False,
    )


def _core_switched(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    return replace(state, path=str(data.get("path") or ""))


def _list_read(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    total = _count(data, "total", state.total)
    done = _count(data, "done", state.done)
    skipped = _count(data, "skipped", state.skipped)
    # A task that failed for good is neither done nor skipped nor pending.
    pending = _count(data, "pending", state.pending)
    after = replace(
        state,
        total=total,
        done=done,
        skipped=skipped,
        failed=max(0, total - done - skipped - pending),
    )
    return replace(after, ahead=min(max(0, after.ended - state.ended), len(state.running)))


def _task_started(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    task_id = event.task_id or ""
    place = state.numbers.get(task_id)
    if place is None:
        highest = max(state.numbers.values(), default=state.ended)
        place = highest + 1
        state = replace(state, numbers={**state.numbers, task_id: place})
    task = RunningTask(
        id=task_id,
        text=str(data.get("text") or task_id),
        number=place,
        started_at=event.at,
        last_event_at=event.at,
        instructions=_count(data, "instructions", 0),
    )
    return _with(replace(state, idle=False, **_forgotten(state, task_id)), task)


def _instruction_started(
    state: ProgressState, event: Event, data: Mapping[str, Any]
) -> ProgressState:
    return _touch(
        state,
        event,
        position=_count(data, "position", 0),
        instructions=_count(data, "total", 0),
        name=str(data.get("name") or ""),
        timeout=number(data, "timeout"),
        instruction_started_at=event.at,
        activity="",
    )


def _agent_progress(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    text = str(data.get("text") or data.get("kind") or "")
    return _touch(state, event, activity=text) if text else _touch(state, event)


def _report_seen(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    return _touch(state, event, activity=f"report {data.get('file')}")


def _task_phase(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    return _touch(state, event, activity=str(data.get("phase") or ""))


def _task_parked(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    until = number(data, "until")
    after = _without(state, event)
    if until is None:
        return after
    return replace(after, retries={**after.retries, event.task_id or "": until})


def _task_escalated(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    known = state.problems.get(event.task_id or "")
    if known is None:
        return state
    told = replace(known, reason=str(data.get("reason") or known.reason), attempts=0)
    return replace(state, problems={**state.problems, event.task_id or "": told})


def _escape_found(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    what = str(data.get("what") or "")
    problem = Problem(what="changed outside the worktrees, maybe by an agent", reason=what)
    return replace(state, problems={**state.problems, f"escape {what}": problem})


def _landing_behind(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    what = f"{data.get('target')} is behind what has landed"
    problem = Problem(what=what, reason=str(data.get("reason") or ""))
    return replace(state, problems={**state.problems, "landing": problem})


def _landing_forwarded(
    state: ProgressState, event: Event, data: Mapping[str, Any]
) -> ProgressState:
    return _solved(state, "landing")


def _target_failing(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    what = f"the checks fail on {data.get('target')} without any task's work"
    problem = Problem(what=what, reason=str(data.get("reason") or ""))
    return replace(state, problems={**state.problems, "target": problem})


def _landing_locked(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    problem = Problem(
        what="nothing lands", reason=f"if no git is running, delete {data.get('file')}"
    )
    return replace(state, problems={**state.problems, "lock": problem})


def _task_landed(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    return _solved(state, "target", "lock")  # nothing lands that fails


def _solved(state: ProgressState, *names: str) -> ProgressState:
    left = {key: problem for key, problem in state.problems.items() if key not in names}
    return replace(state, problems=left)


def _task_done(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    if isinstance(data.get("done"), int):
        return replace(_without(state, event), done=data["done"])
    return _ended(state, event, done=state.done + 1)


def _task_failed(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    task_id = event.task_id or ""
    running = state.running.get(task_id)
    retry_at = number(data, "retry_at")
    if retry_at is not None:
        after = _without(state, event)
        return replace(after, retries={**after.retries, task_id: retry_at})
    problem = Problem(
        what=running.text if running else task_id,
        reason=str(data.get("reason") or "no reason was given"),
        attempts=_count(data, "attempts", 0),
        task_id=task_id,
        log=str(data.get("log") or ""),
    )
    after = _ended(state, event, failed=state.failed + 1)
    return replace(after, problems={**after.problems, task_id: problem})


def _task_skipped(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    return _ended(state, event, skipped=state.skipped + 1)


def _task_interrupted(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    return _without(state, event)


def _list_problem(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    what = str(data.get("file") or "the TODO list")
    problem = Problem(what=what, reason=str(data.get("problem") or ""))
    return replace(state, problems={**state.problems, f"file {what}": problem})


def _server_idle(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    return replace(state, idle=True)


def _server_stopping(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    return replace(state, stopping=str(data.get("reason") or "asked to"))


def _server_stopped(state: ProgressState, event: Event, data: Mapping[str, Any]) -> ProgressState:
    done = _count(data, "done", state.done)
    failed = _count(data, "failed", state.failed)
    skipped = _count(data, "skipped", state.skipped)
    pending = _count(data, "pending", state.pending)
    total = done + failed + skipped + pending
    return replace(
        state,
        total=total,
        done=done,
        failed=failed,
        skipped=skipped,
        running={},
        stopped=True,
    )


def _count(data: Mapping[str, Any], key: str, otherwise: int) -> int:
    value = data.get(key)
    return value if isinstance(value, int) else otherwise


def _with(state: ProgressState, task: RunningTask) -> ProgressState:
    return replace(state, running={**state.running, task.id: task})


def _touch(state: ProgressState, event: Event, **changes: Any) -> ProgressState:
    task = state.running.get(event.task_id or "")
    if task is None:
        return state
    return _with(state, replace(task, last_event_at=event.at, **changes))


def _without(state: ProgressState, event: Event) -> ProgressState:
    running = {key: task for key, task in state.running.items() if key != event.task_id}
    return replace(state, running=running, **_forgotten(state, event.task_id or ""))


def _ended(state: ProgressState, event: Event, **counted: Any) -> ProgressState:
    after = _without(state, event)
    if state.ahead:
        return replace(after, ahead=state.ahead - 1)
    return replace(after, **counted)


def _forgotten(state: ProgressState, task_id: str) -> dict[str, Any]:
    return {
        "retries": {key: at for key, at in state.retries.items() if key != task_id},
        "problems": {key: what for key, what in state.problems.items() if key != task_id},
    }


_STEPS: Mapping[str, Callable[[ProgressState, Event, Mapping[str, Any]], ProgressState]] = {
    "server.started": _server_started,
    "core.switched": _core_switched,
    "list.read": _list_read,
    "task.started": _task_started,
    "instruction.started": _instruction_started,
    "agent.progress": _agent_progress,
    "report.seen": _report_seen,
    "task.done": _task_done,
    "task.failed": _task_failed,
    "task.skipped": _task_skipped,
    "task.interrupted": _task_interrupted,
    "task.phase": _task_phase,
    "task.parked": _task_parked,
    "task.escalated": _task_escalated,
    "escape.found": _escape_found,
    "landing.behind": _landing_behind,
    "landing.forwarded": _landing_forwarded,
    "landing.locked": _landing_locked,
    "target.failing": _target_failing,
    "task.landed": _task_landed,
    "list.problem": _list_problem,
    "server.idle": _server_idle,
    "server.stopping": _server_stopping,
    "server.stopped": _server_stopped,
}
