"""Which task is started next: what waits against what runs and what there is room for.

No clock and no lock of its own: the caller passes the time in seconds and
keeps it from being used by two at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from .claims import Claims, KeptPath, TakenPath
from .config.limits import LimitSettings
from .limits import AgentLimits, BusyAgent, Floors, Headroom
from .overlap import claims_of
from .schedule import Backlog, Obstacle
from .task import Task
from .times import countdown

AGES_AGO = 0.0
"""When a task was queued that nothing is to overtake."""

MEASURED_FOR = 1.0
"""Seconds for which a measurement of the machine is good."""

News = tuple[str, Mapping[str, object]]
"""The name and the data of an event."""


@dataclass(frozen=True, slots=True)
class Running:
    """A task that runs, since when and on which agent."""

    task: Task
    since: float
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What runs and what waits, by id, and why.

    ``held`` has a reason for every waiting task that is not simply next in
    turn; ``limits`` are by name what is in use and what is allowed;
    ``shortage`` says why nothing at all is started.
    """

    running: Mapping[str, Running] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()
    held: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    shortage: str | None = None
    paused: bool = False
    draining: bool = False


class Dispatch:
    """What waits, what runs, and what may be started.

    At most ``limit`` tasks run at once; within that, each agent has its own
    limit, two tasks that may touch the same files do not run together, starts
    are ``settings.stagger`` seconds apart, and none happens while the machine
    is short of what ``floors`` ask for.
    """

    def __init__(
        self,
        *,
        limit: int,
        ageing: float,
        settings: LimitSettings | None = None,
        floors: Floors | None = None,
        agent_of: Callable[[Task], str] | None = None,
    ) -> None:
        settings = settings or LimitSettings()
        self._limit = limit
        self._stagger = settings.stagger
        self._floors = floors or Floors()
        self._agent_of = agent_of or (lambda task: "agent")
        self._agents = AgentLimits(settings, limit)
        self._claims = Claims()
        self._started_at: float | None = None
        self._measured_at: float | None = None
        self._shortage: str | None = None
        self._news: list[News] = []
        self.backlog = Backlog(ageing)
        self.running: dict[str, Running] = {}
        self.paused = False
        self.draining = False

    def submit(self, tasks: Iterable[Task], now: float) -> bool:
        """Queue tasks that do not run; whether one of them is new and may start."""
        news = self.backlog.add((t for t in tasks if t.id not in self.running), now) > 0
        self._keep_for_what_waits(now)
        return news

    def withdraw(self, task_id: str) -> None:
        """Take a task out that has not started."""
        self.backlog.discard(task_id)
        self._gone(self._claims.forget(task_id))

    def take(self, now: float) -> Task | None:
        """Start the next task, if one may start; it counts as running from here on."""
        if self._full or self.paused or self.draining or self._shortage is not None:
            return None
        if self._staggered_until(now) is not None:
            return None
        task = self.backlog.take(now, self._admit)
        if task is None:
            return None
        agent = self._agent_of(task)
        self.running[task.id] = Running(task, now, agent)
        self._agents.enter(agent)
        self._gone(self._claims.enter(task.id, claims_of(task)))
        self._started_at = now
        return task

    def ended(self, task_id: str, now: float, *, again: float | None = None) -> None:
        """A task has ended, and is to start ``again`` at that time if there is one."""
        was = self.running.pop(task_id)
        self._agents.leave(was.agent)
        self._gone([BusyAgent(was.agent), *self._claims.leave(task_id)])
        if again is not None:
            self.backlog.add([was.task], now, not_before=again)

    def yielded(self, task_id: str, now: float) -> None:
        """A task was stopped to go on soon: ahead of all that has not begun."""
        task = self.running[task_id].task
        self.ended(task_id, now)
        self.backlog.add([task], AGES_AGO)

    def feedback(self, agent: str, *, rate_limited: bool, now: float) -> None:
        """How an attempt on an agent went, as long as its task runs."""
        limit = self._agents.feedback(agent, rate_limited=rate_limited, now=now)
        if limit is not None:
            self._news.append(("limit.changed", {"name": agent, "limit": limit}))
            self._gone([BusyAgent(agent)])

    def is_to_be_measured(self, now: float) -> bool:
        """Whether the machine has to be looked at before anything is started."""
        if not (self._floors.memory or self._floors.disk):
            return False
        if self._full or self.paused or self.draining or not self.backlog.is_ready(now):
            return False
        at = self._measured_at
        return at is None or not 0 <= now - at < MEASURED_FOR

    def measured(self, headroom: Headroom, now: float) -> None:
        """What the machine has left."""
        before, self._measured_at = self._shortage, now
        self._shortage = self._floors.shortage(headroom, len(self.running))
        if self._shortage is not None and before is None:
            self._news.append(("start.held", {"reason": self._shortage}))
        elif self._shortage is None and before is not None:
            self._news.append(("start.resumed", {}))

    def wake_at(self, now: float) -> float | None:
        """When to look again if nothing happens before; None: not until then."""
        if self.paused or self.draining or self._full:
            return None
        if not self.backlog.is_ready(now):
            return self.backlog.next_at()
        times = [now]
        if self._shortage is not None and self._measured_at is not None:
            times.append(self._measured_at + MEASURED_FOR)
        if (later := self._staggered_until(now)) is not None:
            times.append(later)
        return max(times)

    def is_at_rest(self, now: float) -> bool:
        """Whether nothing runs and nothing that waits can ever start by itself."""
        if self.running or self.paused or self.backlog.next_at() is not None:
            return False
        return not self.backlog.is_ready(now)

    def news(self) -> list[News]:
        """What is to be announced since this was last asked."""
        news, self._news = self._news, []
        return news

    def snapshot(self, now: float) -> Snapshot:
        """What runs and what waits, and why."""
        held = {task_id: self._because_of(it) for task_id, it in self.backlog.held().items()}
        for task_id, at in self.backlog.delayed(now).items():
            held[task_id] = f"not before {countdown(at, now)}"
        for task_id, others in self.backlog.blocked().items():
            held[task_id] = f"comes after {', '.join(sorted(others))}"
        return Snapshot(
            running=dict(self.running),
            waiting=self.backlog.ids(),
            held=held,
            limits={"tasks": (len(self.running), self._limit), **self._agents.usage()},
            shortage=self._shortage,
            paused=self.paused,
            draining=self.draining,
        )

    @property
    def _full(self) -> bool:
        return len(self.running) >= self._limit

    def _admit(self, task: Task) -> Obstacle | None:
        paths = claims_of(task)
        taken = self._claims.obstacle(task.id, paths) if paths else None
        return taken or self._agents.obstacle(self._agent_of(task))

    def _staggered_until(self, now: float) -> float | None:
        """When the next start may come, None if now; a clock that was set back ends the wait."""
        at = self._started_at
        if at is None or not 0 <= now - at < self._stagger:
            return None
        return at + self._stagger

    def _keep_for_what_waits(self, now: float) -> None:
        """No longer keep paths free for a task that has come to wait for something else."""
        kept_for = self._claims.kept_for
        if kept_for is not None and not self.backlog.may_start(kept_for, now):
            self._gone(self._claims.forget(kept_for))

    def _gone(self, obstacles: Iterable[Obstacle]) -> None:
        for obstacle in obstacles:
            self.backlog.gone(obstacle)

    def _because_of(self, obstacle: Obstacle) -> str:
        match obstacle:
            case TakenPath(claim):
                return f"{self._claims.holder(claim) or 'another task'} works on {claim}"
            case KeptPath(task_id):
                return f"its paths are kept free for {task_id}"
            case BusyAgent(agent):
                return f"as many tasks as may run on {agent}"
        return str(obstacle)
