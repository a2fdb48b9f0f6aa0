# Generated from src/_async/server.py. Do not edit.
"""The server: a TODO list in, finished tasks out."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

from .._runtime import sync_runtime as rt
from .._runtime.children import end_marked, end_stranger
from ..core import status as texts
from ..core.agents import Adapter
from ..core.config import Config
from ..core.errors import explain, first
from ..core.events import Event, Sink
from ..core.layout import Layout
from ..core.reconcile import Reconciled, reconcile
from ..core.redact import Redactor, secret_values
from ..core.task import FINAL, InvalidTransition, Task, TaskState
from ..core.times import local
from ..core.totals import Standing, exit_code
from ..store import Store
from .agents import AgentDriver
from .checkpoint import CheckpointManager
from .executor import AgentUnusable, TaskExecutor
from .instructions import InstructionRunner
from .io import IOManager
from .journal import Journal
from .lifecycle import LifecycleManager
from .monitoring import HealthMonitor
from .scheduler import TaskScheduler
from .settlement import Settlement
from .status import StatusManager
from .todo import Loaded, TodoManager

if TYPE_CHECKING:
    from ..core.llm.settings import LLMSetup
    from .advice import Advice

logger = logging.getLogger(__name__)

MARK = "CODEAGENT_STATE"
"""The variable in the environment of every agent that tells whose it is."""


class CodeAgentServer:
    """Works through a project's list, once or, watching it, until it is stopped."""

    def __init__(
        self,
        *,
        config: Config,
        layout: Layout,
        adapter: Adapter,
        store: Store,
        sink: Sink,
        keep_watching: bool,
        environment: Mapping[str, str],
        clock: Callable[[], float],
        llm: LLMSetup | None = None,
    ) -> None:
        self._config = config
        self._layout = layout
        self._adapter = adapter
        self._store = store
        self._outside = sink
        self._keep_watching = keep_watching
        self._clock = clock
        self._io = IOManager()
        self._journal = Journal(
            self._io, layout.logs, redactor=Redactor(secret_values(environment)), clock=clock
        )
        self._todo = TodoManager(self._io, layout.project, config.project.todo_format)
        self._status = StatusManager(self._io, layout.status, clock=clock)
        self._checkpoint = CheckpointManager(
            self._io,
            store,
            layout.checkpoints,
            keep=config.server.checkpoint.keep_completed_tasks,
            clock=clock,
        )
        self._driver = AgentDriver({**environment, MARK: str(layout.state)})
        self._runner = InstructionRunner(
            config=config,
            layout=layout,
            adapter=adapter,
            store=store,
            io=self._io,
            driver=self._driver,
            sink=self._announce,
            journal=self._journal.note,
            clock=clock,
        )
        self._advice: Advice | None = None
        if llm is not None:
            from .advice import Advice  # the HTTP client takes its time to load

            self._advice = Advice(
                llm,
                config=config,
                layout=layout,
                io=self._io,
                todo=self._todo,
                store=store,
                sink=self._announce,
                clock=clock,
            )
        self._settlement = Settlement(
            config=config,
            store=store,
            todo=self._todo,
            status=self._status,
            sink=self._announce,
            on_change=self._checkpoint.touch,
            clock=clock,
        )
        self._executor = TaskExecutor(
            config=config,
            adapter=adapter,
            store=store,
            runner=self._runner,
            settlement=self._settlement,
            on_change=self._checkpoint.touch,
            clock=clock,
            assessor=self._advice.assessor if self._advice else None,
        )
        self._scheduler = TaskScheduler(
            self._execute,
            limit=config.runtime.max_concurrent_tasks or 1,
            ageing=config.runtime.ageing,
            clock=clock,
        )
        self._monitor = HealthMonitor(config.runtime.monitor_interval)
        self._lifecycle = LifecycleManager(
            grace=config.runtime.grace_period,
            sink=self._announce,
            hurry=self._driver.kill_all,
            clock=clock,
        )
        self._reading = rt.Lock()
        self._submitted = rt.Event()
        self._unusable: str | None = None
        self._standing = Standing()
        self._iterations = 0

    def run(self) -> int:
        """Run to the end; returns the exit code: 0 all done, 1 a person is needed,
        130 interrupted.

        Raises `StoreError` and `OSError` if the state cannot be kept, and
        `ServiceFailed`.
        """
        with ExitStack() as stack:
            stack.enter_context(self._io)
            if self._advice is not None:
                stack.enter_context(self._advice)
            self._open()
            self._lifecycle.add("list", self._watch_list)
            self._lifecycle.add("checkpoint", self._checkpoint.run)
            self._lifecycle.add("journal", self._journal.run)
            self._lifecycle.add("health", self._monitor.run)
            try:
                self._lifecycle.run(self._work)
            except BaseException as error:
                try:
                    rt.shielded(self._close, error)
                except Exception:
                    logger.exception("the end could not be recorded")
                raise first(error) from None
            return rt.shielded(self._close, None)

    def stop(self, reason: str) -> None:
        """Stop in an orderly way; called again: at once."""
        self._lifecycle.stop(reason)

    def pause(self) -> None:
        """Start no more tasks until `resume`."""
        self._scheduler.pause()

    def resume(self) -> None:
        """Start tasks again."""
        self._scheduler.resume()

    def _open(self) -> None:
        self._io.make_directories(self._layout.directories)
        now = self._clock()
        left = rt.wait_for_future(self._store.recover(now))
        for message in self._checkpoint.load():
            logger.warning("%s", message)
        for process in left.processes:
            if rt.run_blocking(end_stranger, process.pid, process.started):
                logger.warning("ended the agent %d that a former run left behind", process.pid)
            rt.wait_for_future(
                self._store.process_ended(process.task_id, process.epoch, process.position)
            )
        if not left.clean:
            for pid in rt.run_blocking(end_marked, f"{MARK}={self._layout.state}"):
                logger.warning("ended the process %d that a former run left behind", pid)
        before = rt.wait_for_future(self._store.server_state())
        session = f"{local(now):%Y%m%d_%H%M%S}"
        rt.wait_for_future(self._store.server_started(session, now))
        self._status.open()
        if not (left.clean and before.clean):  # the latter also of a checkpoint taken over
            failed = rt.wait_for_future(self._store.tasks(TaskState.FAILED))
            pending = rt.wait_for_future(self._store.tasks(TaskState.PENDING))
            unfinished = len(pending) if left.clean else len(left.tasks)
            self._status.append(texts.recovered(unfinished, len(failed)))
        self._status.append(texts.server_started(now))
        self._checkpoint.touch()
        self._say(
            "server.started",
            path=rt.PATH,
            project=str(self._layout.project),
            agent=self._adapter.label,
            loop=rt.loop_name(),
            pid=os.getpid(),
        )

    def _work(self) -> None:
        with rt.TaskGroup() as group:
            group.start_soon(self._scheduler.run)
            while True:
                self._read_list()
                if not self._submitted.is_set():
                    self._tell_blocked()
                    if self._exhausted() or not self._keep_watching:
                        break
                    self._note_idle()
                    self._submitted.wait()
                self._submitted.clear()
                self._scheduler.idle()
            self._scheduler.drain()

    def _exhausted(self) -> bool:
        limit = self._config.server.max_iterations
        return limit is not None and self._iterations >= limit

    def _tell_blocked(self) -> None:
        """Say of every task that waits in vain what it waits for."""
        blocked = self._scheduler.blocked()
        if not blocked:
            return
        with self._reading:
            tasks = {task.id: task for task in rt.wait_for_future(self._store.tasks())}
            for task_id, missing in sorted(blocked.items()):
                others = ", ".join(repr(tasks[other].text) for other in sorted(missing))
                problem = f"waits for {others}, which is not done"
                for name, data in self._standing.problem(tasks[task_id].text, problem):
                    self._say(name, **data)

    def _note_idle(self) -> None:
        self._status.append(texts.all_done(self._clock()))
        totals = self._standing.totals
        self._say("server.idle", done=totals.done, failed=totals.failed)

    def _watch_list(self) -> None:
        with self._todo.watch() as watch:
            while True:
                interval = self._config.server.check_interval
                with rt.CancelScope(interval):
                    watch.changed()
                self._read_list()

    def _read_list(self) -> None:
        """Bring list and store together; ``_submitted`` tells of something new to run."""
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
            postponed = self._advice.assessor.postponed if self._advice else set()
            ready = [task for task in plan.runnable if task.id not in postponed]
            runnable = {task.id for task in ready}
            self._scheduler.withdraw(sorted(waiting - started - runnable))
            news = not self._exhausted() and self._scheduler.submit(ready)
            if news:
                self._iterations += 1
                rt.wait_for_future(self._store.iteration())
            if news or freed:
                self._submitted.set()

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
            self._checkpoint.touch()
        return settled

    def _tell(self, loaded: Loaded, plan: Reconciled) -> None:
        news = self._standing.update(
            loaded.items, loaded.files, loaded.problems, plan, at_start=not self._iterations
        )
        for name, data in news:
            self._say(name, **data)

    def _execute(self, task: Task) -> float | None:
        try:
            again = self._executor.execute(task)
        except AgentUnusable as error:
            self._unusable = str(error)
            self._scheduler.drain()
            self._lifecycle.stop(str(error))
            return None
        self._scheduler.satisfied(self._final(task.id))
        if "task_delay" in self._config.server.model_fields_set and self._scheduler.waiting():
            rt.sleep(self._config.server.task_delay)
        return None if self._config.server.max_iterations is not None else again

    def _final(self, task_id: str) -> list[str]:
        task = rt.wait_for_future(self._store.task(task_id))
        return [task_id] if task is not None and task.state in FINAL else []

    def _close(self, error: BaseException | None) -> int:
        stopped_by = self._lifecycle.stopped_by
        now = self._clock()
        if error is not None:
            self._status.append(texts.fatal_error(explain(error), now))
        elif stopped_by is not None:
            self._status.append(texts.stopped(stopped_by, now))
        self._read_list_at_the_end()
        rt.wait_for_future(self._store.server_stopped(now, clean=error is None))
        self._checkpoint.write()
        totals = self._standing.totals
        code = exit_code(
            totals,
            interrupted=stopped_by is not None,
            unusable=self._unusable is not None,
            problems=bool(self._standing.problems),
        )
        self._say(
            "server.stopped",
            clean=error is None,
            done=totals.done,
            failed=totals.failed,
            skipped=totals.skipped,
            pending=totals.pending,
            exit_code=code,
        )
        self._journal.flush()
        return code

    def _read_list_at_the_end(self) -> None:
        loaded = self._advice.review.load_known() if self._advice else self._todo.load()
        stored = rt.wait_for_future(self._store.tasks())
        plan = reconcile(
            loaded.items, stored, now=self._clock(), max_attempts=self._config.max_attempts
        )
        self._tell(loaded, plan)

    def _announce(self, event: Event) -> None:
        level = logging.DEBUG if event.name == "agent.progress" else logging.INFO
        logger.log(level, "%s", event)
        self._journal.note(event)
        self._outside(event)

    def _say(self, name: str, /, **data: object) -> None:
        self._announce(Event(name, self._clock(), data=data))
