# Generated from src/_async/landing_move.py. Do not edit.
"""Moves the target: written down before, settled after, found again after a crash."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .._runtime import sync_runtime as rt
from ..core.config.landing import LandingSettings
from ..core.errors import explain
from ..core.events import Event, Sink
from ..core.landing import BEHIND
from ..core.landing_message import attempt_trailer
from ..core.push import PushVerdict
from ..core.task import FINAL, Fenced, InvalidTransition, Task, TaskState
from ..store import LandingRow, Store
from .push import Pusher
from .squash import Squash
from .target import Target, Tip

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """One commit on its way, upon ``parent``."""

    task: Task
    commit: str
    parent: str


class Moved(StrEnum):
    """``DONE``, or why not: something else had ``MOVED``, or an attempt is ``STALE``."""

    DONE = "done"
    MOVED = "moved"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """How a move went; ``stale`` is the index of the step whose attempt is over."""

    result: Moved
    stale: int | None = None
    reason: str = ""
    pushed: bool = False
    checkout: str = ""


class LandingMove:
    """The one place where work becomes part of the target.

    Every commit is in the store before a ref moves.  After a crash the refs
    decide: what they hold has landed, the rest is forgotten and lands again.
    """

    def __init__(
        self,
        settings: LandingSettings,
        *,
        target: Target,
        squash: Squash,
        pusher: Pusher,
        store: Store,
        sink: Sink,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._target = target
        self._squash = squash
        self._pusher = pusher
        self._store = store
        self._sink = sink
        self._clock = clock
        self._checkout = ""

    @property
    def is_behind(self) -> bool:
        """Whether there are landed commits that the target has not taken."""
        return self._checkout.startswith(BEHIND)

    def move_to(self, steps: Sequence[Step], tip: Tip) -> Move:
        """Move the target from ``tip`` to the last of ``steps``.

        Not to be cancelled.  Raises `StoreError` and `GitError`.
        """
        begun: list[Step] = []
        for index, step in enumerate(steps):
            try:
                self._begin(step)
            except (Fenced, InvalidTransition) as error:
                self._drop(begun)
                return Move(result=Moved.STALE, stale=index, reason=str(error))
            begun.append(step)
        pushed, warning = False, ""
        if self._settings.push:
            remote = self._settings.remote
            verdict, warning = self._pusher.push(remote, steps[-1].commit, self._target.name)
            if verdict is PushVerdict.STALE:
                self._drop(begun)
                self.fetch()
                return Move(result=Moved.MOVED, reason=warning)
            pushed = verdict is PushVerdict.PUSHED
            if not pushed:
                self._say("push.failed", remote=remote, reason=warning)
        if not self._target.move(tip, steps[-1].commit, pushed=pushed) and not pushed:
            self._drop(begun)
            return Move(result=Moved.MOVED)
        for step in begun:
            self._landed(step)
        checkout = self.follow()
        return Move(result=Moved.DONE, reason=warning, pushed=pushed, checkout=checkout)

    def again(self, step: Step) -> Move:
        """Write down a landing that was found on the target, where nobody knew of it."""
        try:
            self._begin(step)
        except (Fenced, InvalidTransition) as error:
            return Move(result=Moved.STALE, stale=0, reason=str(error))
        self._landed(step)
        return Move(result=Moved.DONE, checkout=self.follow())

    def catch_up(self) -> None:
        """Let the target take what landed earlier, on what it has become meanwhile."""
        try:
            tip = self._target.tip()
            if tip.forward and tip.heads.landed is None and tip.commit != tip.heads.target:
                self._target.move(tip, tip.commit, pushed=False)  # the remote is ahead
        except Exception as error:
            logger.warning("the target could not be brought up to date: %s", explain(error))
        self.follow()

    def follow(self) -> str:
        """Let the target take what has landed; one of the forms of `Landed.checkout`."""
        try:
            checkout = self._target.follow()
        except Exception as error:  # what has landed has landed
            checkout = f"{BEHIND}{explain(error)}"
        was_behind, before, self._checkout = self.is_behind, self._checkout, checkout
        if self.is_behind and checkout != before:
            reason = checkout.removeprefix(BEHIND)
            self._say("landing.behind", target=self._target.name, reason=reason)
        elif was_behind and not self.is_behind:
            self._say("landing.forwarded", target=self._target.name)
        return checkout

    def fetch(self) -> None:
        """Learn where the remote's target stands, if landings are pushed."""
        if not self._settings.push:
            return
        problem = self._pusher.fetch(self._settings.remote, self._target.name)
        if problem:
            logger.warning("%s could not be fetched: %s", self._settings.remote, problem)

    def settle_open(self) -> list[str]:
        """Settle what was being landed when the server ended; the tasks found to be done."""
        self.fetch()
        tasks = {task.id: task for task in rt.wait_for_future(self._store.tasks())}
        done: list[str] = []
        for row in rt.wait_for_future(self._store.landings(open_only=False)):
            if row.landed_at is None:
                if not self._has_landed(row):
                    rt.wait_for_future(self._store.drop_landing(row.task_id, row.epoch))
                    continue
                now = self._clock()
                rt.wait_for_future(self._store.landed(row.task_id, row.epoch, now))
            task = tasks.get(row.task_id)
            if task is not None and _was_cut_off(task, row.epoch):
                now = self._clock()
                rt.wait_for_future(self._store.settle_task(task.id, TaskState.DONE, now))
                done.append(task.id)
        return done

    def _has_landed(self, row: LandingRow) -> bool:
        if self._target.holding(row.target, row.commit_id):
            return True
        for head in self._target.holding(row.target):  # it may have been replayed
            trailer = attempt_trailer(row.task_id, row.epoch)
            if self._squash.find(trailer, row.parent, head):
                return True
        return False

    def _begin(self, step: Step) -> None:
        row = LandingRow(
            task_id=step.task.id,
            epoch=step.task.epoch,
            target=self._target.name,
            parent=step.parent,
            commit_id=step.commit,
            begun_at=self._clock(),
        )
        rt.wait_for_future(self._store.begin_landing(row))

    def _landed(self, step: Step) -> None:
        task, now = step.task, self._clock()
        rt.wait_for_future(self._store.landed(task.id, task.epoch, now))
        data = {"commit": step.commit, "target": self._target.name}
        self._sink(Event("task.landed", now, task.id, task.epoch, data))

    def _drop(self, steps: Sequence[Step]) -> None:
        for step in steps:
            task = step.task
            rt.wait_for_future(self._store.drop_landing(task.id, task.epoch))

    def _say(self, name: str, /, **data: object) -> None:
        self._sink(Event(name, self._clock(), data=data))


def _was_cut_off(task: Task, epoch: int) -> bool:
    """Whether the server ended between the landing and the end of the task.

    A task that a person has asked for again has no progress.
    """
    if task.state in FINAL or task.state is TaskState.RUNNING:
        return False
    return task.epoch == epoch and bool(task.completed)
