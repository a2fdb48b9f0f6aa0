"""The server: a TODO list in, finished tasks out."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from .._runtime import async_runtime as rt
from .._runtime.commands import Mailbox
from ..core import status as texts
from ..core.agents import Adapter
from ..core.config import Config
from ..core.errors import explain, first
from ..core.events import Event, Sink
from ..core.failure import Failure, FailureKind
from ..core.handover import Baton, Memory
from ..core.layout import Layout
from ..core.limits import Floors
from ..core.placement import IN_PLACE, Placement
from ..core.redact import Redactor, secret_values
from ..core.task import FINAL, Task
from ..core.totals import exit_code
from ..store import Store
from .checkpoint import AsyncCheckpointManager
from .control import AsyncControl
from .executor import AsyncTaskExecutor
from .instructions import AgentUnusable, AsyncInstructionRunner
from .journal import AsyncJournal
from .lifecycle import AsyncLifecycleManager
from .listing import AsyncListKeeper
from .monitoring import AsyncHealthMonitor
from .opening import AsyncOpening
from .orders import AsyncOrders
from .plans import Assign, AsyncPlans
from .ports import AsyncPorts
from .scheduler import AsyncTaskScheduler
from .settlement import AsyncSettlement
from .status import AsyncStatusManager
from .todo import AsyncTodoManager
from .workplace import workplace

if TYPE_CHECKING:
    from ..core.llm.settings import LLMSetup
    from .advice import AsyncAdvice

logger = logging.getLogger(__name__)


class AsyncCodeAgentServer:
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
        placement: Placement = IN_PLACE,
        agents: Mapping[str, Adapter] | None = None,
        mailbox: Mailbox | None = None,
        memory: Memory | None = None,
        ports: AsyncPorts | None = None,
        assign: Assign = lambda task: None,
    ) -> None:
        self._memory = memory = memory or Memory()
        self._takes_over = memory.dispatch is not None
        memory.servers += 1
        self._baton = Baton(memory)
        self._config = config
        self._layout = layout
        self._adapter = adapter
        self._store = store
        self._outside = sink
        self._keep_watching = keep_watching
        self._clock = clock
        self._ports = ports = ports or AsyncPorts(environment, state=layout.state)
        self._io = ports.files
        self._journal = AsyncJournal(
            self._io,
            layout.logs,
            redactor=Redactor(secret_values(environment)),
            clock=clock,
            memory=memory,
        )
        self._todo = AsyncTodoManager(self._io, layout.project, config.project.todo_format)
        self._status = AsyncStatusManager(self._io, layout.status, clock=clock)
        self._checkpoint = AsyncCheckpointManager(
            self._io,
            store,
            layout.checkpoints,
            keep=config.server.checkpoint.keep_completed_tasks,
            clock=clock,
        )
        self._runner = AsyncInstructionRunner(
            config=config,
            layout=layout,
            store=store,
            io=self._io,
            agents=ports.agents,
            sink=self._announce,
            journal=self._journal.note,
            clock=clock,
        )
        self._advice: AsyncAdvice | None = None
        if llm is not None:
            from .advice import AsyncAdvice  # the HTTP client takes its time to load

            self._advice = AsyncAdvice(
                llm,
                config=config,
                layout=layout,
                io=self._io,
                todo=self._todo,
                store=store,
                sink=self._announce,
                clock=clock,
                memory=memory,
                http=ports.http,
            )
        self._settlement = AsyncSettlement(
            config=config,
            store=store,
            todo=self._todo,
            status=self._status,
            sink=self._announce,
            on_change=self._checkpoint.touch,
            clock=clock,
        )
        assessor = self._advice.assessor if self._advice else None
        self._place = workplace(
            placement,
            config=config,
            layout=layout,
            environment=environment,
            agents=agents or {config.runtime.agent: adapter},
            store=store,
            io=self._io,
            git=ports.git,
            runner=self._runner,
            settlement=self._settlement,
            on_change=self._checkpoint.touch,
            feedback=self._feedback,
            sink=self._announce,
            clock=clock,
            baton=self._baton,
            assessor=assessor,
        )
        self._workshop = self._place.workshop
        self._executor = AsyncTaskExecutor(
            config=config,
            agent=adapter.label,
            store=store,
            attempt=self._place.attempt,
            settlement=self._settlement,
            clock=clock,
            baton=self._baton,
            plans=AsyncPlans(store, assign),
            cancelled=lambda task_id: self._scheduler.cancelled(task_id),
            assessor=assessor,
        )
        self._scheduler = AsyncTaskScheduler(
            self._execute,
            limit=placement.tasks,
            ageing=config.runtime.ageing,
            clock=clock,
            settings=config.limits,
            floors=Floors.of(config.limits),
            headroom=self._workshop.headroom if self._workshop else None,
            agent_of=lambda task: config.runtime.agent,
            sink=self._announce,
            memory=memory,
        )
        self._opening = AsyncOpening(
            store=store,
            layout=layout,
            checkpoint=self._checkpoint,
            status=self._status,
            journal=self._journal,
            workshop=self._workshop,
            memory=memory,
            clock=clock,
        )
        self._monitor = AsyncHealthMonitor(config.runtime.monitor_interval, ports.gauge)
        self._lifecycle = AsyncLifecycleManager(
            grace=config.runtime.grace_period,
            sink=self._announce,
            hurry=self._hurry,
            clock=clock,
        )
        self._list = AsyncListKeeper(
            config=config,
            store=store,
            todo=self._todo,
            advice=self._advice,
            scheduler=self._scheduler,
            settlement=self._settlement,
            sink=self._announce,
            on_change=self._checkpoint.touch,
            clock=clock,
            memory=memory,
        )
        self._orders = AsyncOrders(
            store=store,
            scheduler=self._scheduler,
            lifecycle=self._lifecycle,
            monitor=self._monitor,
            llm=self._advice.llm if self._advice else None,
            reread=self._list.read,
            reopen=self._list.reopen,
            wake=self._list.submitted.set,
            clock=clock,
            memory=memory,
            baton=self._baton,
            say=self._say,
        )
        self._control = AsyncControl(mailbox or Mailbox(), self._orders.table())
        self._unusable: str | None = None

    async def run(self) -> int:
        """Run to the end; returns the exit code: 0 all done, 1 a person is needed,
        130 interrupted.

        Raises `StoreError` and `OSError` if the state cannot be kept, and
        `ServiceFailed`.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._ports)
            if self._advice is not None:
                await stack.enter_async_context(self._advice)
            await self._open()
            self._lifecycle.add("list", self._list.watch)
            self._lifecycle.add("checkpoint", self._checkpoint.run)
            self._lifecycle.add("journal", self._journal.run)
            self._lifecycle.add("health", self._monitor.run)
            self._lifecycle.add("control", self._control.run)
            if self._workshop is not None:
                self._lifecycle.add("landing", self._workshop.run)
            try:
                await self._lifecycle.run(self._work)
            except BaseException as error:
                try:
                    await rt.shielded(self._close, error)
                except Exception:
                    logger.exception("the end could not be recorded")
                raise first(error) from None
            if self.handing_over:
                await rt.shielded(self._opening.make_room)
                return 0
            return await rt.shielded(self._close, None)

    def stop(self, reason: str) -> None:
        """Stop in an orderly way; called again: at once."""
        self._lifecycle.stop(reason)

    def pause(self) -> None:
        """Start no more tasks until `resume`."""
        self._scheduler.pause()

    def resume(self) -> None:
        """Start tasks again."""
        self._scheduler.resume()

    @property
    def restarting(self) -> bool:
        """Whether it has ended to be run again."""
        return self._memory.restarting and self._lifecycle.stopped_by is None

    @property
    def handing_over(self) -> bool:
        """Whether it has ended for another server to go on with the same memory."""
        return bool(self._baton.reason) and self._lifecycle.stopped_by is None

    async def _open(self) -> None:
        await self._io.make_directories(self._layout.directories)
        if self._takes_over:
            await self._opening.take_over()
            if self._scheduler.waiting():
                self._list.submitted.set()
            if self._memory.drained:
                self._scheduler.drain()
            self._say("core.switched", path=rt.PATH, reason=self._memory.reason)
        else:
            await self._opening.begin_run()
            self._say(
                "server.started",
                path=rt.PATH,
                project=str(self._layout.project),
                agent=self._adapter.label,
                loop=rt.loop_name(),
                pid=os.getpid(),
            )
        self._checkpoint.touch()

    async def _work(self) -> None:
        async with rt.TaskGroup() as group:
            group.start_soon(self._scheduler.run)
            while not self._scheduler.draining():
                await self._list.read()
                if not self._list.submitted.is_set():
                    await self._list.tell_blocked()
                    if self._list.exhausted or not self._keep_watching:
                        break
                    await self._note_idle()
                    await self._list.submitted.wait()
                    self._memory.idle = bool(self._baton.reason)
                self._list.submitted.clear()
                await self._scheduler.idle()
            self._scheduler.drain()
        await self._control.finish()

    async def _note_idle(self) -> None:
        if self._memory.idle:
            return
        self._memory.idle = True
        await self._status.append(texts.all_done(self._clock()))
        totals = self._list.standing.totals
        self._say("server.idle", done=totals.done, failed=totals.failed)

    def _hurry(self) -> None:
        self._ports.agents.kill_all()
        self._place.kill_all()

    def _feedback(self, agent: str, failure: Failure | None) -> None:
        limited = failure is not None and failure.kind is FailureKind.RATE_LIMIT
        if failure is None or limited:
            self._scheduler.feedback(agent, rate_limited=limited)

    async def _execute(self, task: Task) -> float | None:
        try:
            again = await self._executor.execute(task)
        except AgentUnusable as error:
            self._unusable = str(error)
            self._scheduler.drain()
            self._lifecycle.stop(str(error))
            return None
        self._scheduler.satisfied(await self._final(task.id))
        if "task_delay" in self._config.server.model_fields_set and self._scheduler.waiting():
            await rt.sleep(self._config.server.task_delay)
        once = self._config.server.max_iterations is not None and not self._baton.reason
        return None if once else again

    async def _final(self, task_id: str) -> list[str]:
        task = await rt.wait_for_future(self._store.task(task_id))
        return [task_id] if task is not None and task.state in FINAL else []

    async def _close(self, error: BaseException | None) -> int:
        stopped_by = self._lifecycle.stopped_by
        now = self._clock()
        if error is not None:
            await self._status.append(texts.fatal_error(explain(error), now))
        elif stopped_by is not None:
            await self._status.append(texts.stopped(stopped_by, now))
        escapes = await self._workshop.close() if self._workshop is not None else ()
        await self._list.read_at_the_end()
        await rt.wait_for_future(self._store.server_stopped(now, clean=error is None))
        await self._checkpoint.write()
        totals = self._list.standing.totals
        code = exit_code(
            totals,
            interrupted=stopped_by is not None,
            unusable=self._unusable is not None,
            problems=bool(self._list.standing.problems or escapes or self._memory.escaped),
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
        await self._journal.flush()
        return code

    def _announce(self, event: Event) -> None:
        level = logging.DEBUG if event.name == "agent.progress" else logging.INFO
        logger.log(level, "%s", event)
        self._journal.note(event)
        self._outside(event)

    def _say(self, name: str, /, **data: object) -> None:
        self._announce(Event(name, self._clock(), data=data))
