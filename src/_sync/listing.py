# Generated from src/_async/listing.py. Do not edit.
"""Keeps the list and the store in agreement, and the scheduler supplied from them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from .._runtime import sync_runtime as rt
from ..core.config import Config
from ..core.events import Event, Sink
from ..core.handover import Memory
from ..core.reconcile import Reconciled, reconcile
from ..core.task import FINAL, InvalidTransition, TaskState
from ..core.todo import ItemState
from ..store import Store
from .scheduler import TaskScheduler
from .settlement import Settlement
from .todo import Loaded, TodoManager

if TYPE_CHECKING:
    from .advice import Advice

logger = logging.getLogger(__name__)

REST = 9
"""How many times as long as a look at the list took nobody looks again: the server's own
marks change the list as well, and a long one would be read all the time."""

LONGEST_REST = 2.0


class ListKeeper:
    """Reads the list at every change, and once in a while without one.

    ``submitted`` is set when there is something new to run.
    """

    def __init__(
        self,
        *,
        config: Config,
        store: Store,
        todo: TodoManager,
        advice: Advice | None,
        scheduler: TaskScheduler,
        settlement: Settlement,
        sink: Sink,
        on_change: Callable[[], None],
        clock: Callable[[], float],
        memory: Memory,
    ) -> None:
        self._config = config
        self._store = store
        self._todo = todo
        self._advice = advice
        self._scheduler = scheduler
        self._settlement = settlement
        self._sink = sink
        self._on_change = on_change
        self._clock = clock
        self._reading = rt.Lock()
        self._memory = memory
        self.submitted = rt.Event()
        self.standing = memory.standing

    @property
    def exhausted(self) -> bool:
        """Whether as many iterations were run as were asked for."""
        limit = self._config.server.max_iterations
        return limit is not None and self._memory.iterations >= limit

    def watch(self) -> None:
        """Read the list whenever it may have changed, for ever."""
        with self._todo.watch() as watch:
            while True:
                interval = self._config.server.check_interval
                with rt.CancelScope(interval):
                    watch.changed()
                began = self._clock()
                self.read()
                rt.sleep(min(max(self._clock() - began, 0) * REST, LONGEST_REST))

    def read(self) -> None:
        """Bring list and store together."""
        with self._reading:
            loaded = (self._advice.review if self._advice else self._todo).load()
            running, waiting = self._scheduler.running(), self._scheduler.waiting()
            stored = rt.wait_for_future(self._store.tasks())
            now = self._clock()
            plan = reconcile(loaded.items, stored, now=now, max_attempts=self._config.max_attempts)
            settled = self._apply(plan, running)
            self._tell(loaded, plan)
            final = [task.id for task in stored if task.state in FINAL]
            freed = self._scheduler.satisfied([*final, *settled])
            started = {task.id for task in stored if task.state is TaskState.RUNNING}
            runnable = {task.id for task in plan.runnable}
            self._scheduler.withdraw(sorted(waiting - started - runnable))
            news = not self.exhausted and self._scheduler.submit(plan.runnable)
            if news:
                self._memory.iterations += 1
                rt.wait_for_future(self._store.iteration())
            if news or freed:
                self.submitted.set()

    def reopen(self, task_id: str) -> None:
        """Have a task done again from its beginning; its line is opened if it is ticked.

        Raises `UnknownTask`, `InvalidTransition` for one that runs, and `TodoError`
        and `OSError` if the line cannot be changed.
        """
        with self._reading:  # a look at the list would settle it, or tick it again
            task = rt.wait_for_future(self._store.task(task_id))
            if task is not None and task.state in FINAL:
                self._todo.mark(task.source, task.text, ItemState.PENDING, None)
            rt.wait_for_future(self._store.reset_task(task_id, self._clock()))
        self.read()

    def read_at_the_end(self) -> None:
        """Read the list once more, to say how it stands."""
        loaded = self._advice.review.load_known() if self._advice else self._todo.load()
        stored = rt.wait_for_future(self._store.tasks())
        plan = reconcile(
            loaded.items, stored, now=self._clock(), max_attempts=self._config.max_attempts
        )
        self._tell(loaded, plan)

    def tell_blocked(self) -> None:
        """Say of every task that waits in vain what it waits for."""
        blocked = self._scheduler.blocked()
        if not blocked:
            return
        with self._reading:
            tasks = {task.id: task for task in rt.wait_for_future(self._store.tasks())}
            for task_id, missing in sorted(blocked.items()):
                others = ", ".join(repr(tasks[other].text) for other in sorted(missing))
                problem = f"waits for {others}, which is not done"
                for name, data in self.standing.problem(tasks[task_id].text, problem):
                    self._say(name, **data)

    def _apply(self, plan: Reconciled, running: frozenset[str]) -> list[str]:
        """Make the store and the list agree; the ids of the tasks that were settled."""
        if plan.added:
            rt.wait_for_future(self._store.add_tasks(plan.added))
        if plan.moved:
            places = {
                t.id: (t.position, t.priority, t.after, t.source, t.paths) for t in plan.moved
            }
            rt.wait_for_future(self._store.reposition(places))
        settled: list[str] = []
        for task, state in plan.settled:
            try:
                rt.wait_for_future(self._store.settle_task(task.id, state, self._clock()))
            except InvalidTransition as error:  # it was started in this moment, and is being done
                logger.info("%s", error)
                continue
            rt.wait_for_future(self._store.set_marked(task.id, state))
            settled.append(task.id)
        for task in plan.to_mark:
            if task.id not in running:
                self._settlement.mark_final(task)
        if plan.added or settled:
            self._on_change()
        return settled

    def _tell(self, loaded: Loaded, plan: Reconciled) -> None:
        news = self.standing.update(
            loaded.items, loaded.files, loaded.problems, plan, at_start=not self._memory.iterations
        )
        for name, data in news:
            self._say(name, **data)

    def _say(self, name: str, /, **data: object) -> None:
        self._sink(Event(name, self._clock(), data=data))
