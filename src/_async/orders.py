"""What the running server can be asked to do, and to tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .._runtime import async_runtime as rt
from ..core.attention import CANCELLED
from ..core.handover import Baton, Memory
from ..core.live import Live
from ..core.task import FINAL, InvalidTransition, Task
from ..store import Store, UnknownTask
from .lifecycle import AsyncLifecycleManager
from .monitoring import AsyncHealthMonitor
from .scheduler import AsyncTaskScheduler

if TYPE_CHECKING:
    from .llm import AsyncLLMManager


class AsyncOrders:
    """Each method of `table` is a command.

    ``reread`` brings list and store together, ``reopen`` has a task done again,
    ``wake`` has the server look at what there is to do.
    """

    def __init__(
        self,
        *,
        store: Store,
        scheduler: AsyncTaskScheduler,
        lifecycle: AsyncLifecycleManager,
        monitor: AsyncHealthMonitor,
        llm: AsyncLLMManager | None,
        reread: Callable[[], rt.Result[None]],
        reopen: Callable[[str], rt.Result[None]],
        wake: Callable[[], None],
        clock: Callable[[], float],
        memory: Memory,
        baton: Baton,
        say: Callable[..., None],
    ) -> None:
        self._store = store
        self._scheduler = scheduler
        self._lifecycle = lifecycle
        self._monitor = monitor
        self._llm = llm
        self._reread = reread
        self._reopen = reopen
        self._wake = wake
        self._clock = clock
        self._memory = memory
        self._baton = baton
        self._say = say

    def table(self) -> Mapping[str, Callable[..., Any]]:
        """The commands by name."""
        return {
            "look": self.look,
            "pause": self._scheduler.pause,
            "resume": self._scheduler.resume,
            "drain": self.drain,
            "restart": self.restart,
            "hand_over": self.hand_over,
            "stop": self._lifecycle.stop,
            "cancel": self.cancel,
            "retry": self.retry,
        }

    def look(self) -> Live:
        """What the server does at this moment."""
        return Live(
            at=self._clock(),
            path=rt.PATH,
            schedule=self._scheduler.snapshot(),
            stopping=self._lifecycle.stopped_by,
            health=self._monitor.latest(),
            llm=self._llm.snapshot() if self._llm else None,
        )

    def drain(self) -> None:
        """Finish the tasks that run, start no more, then end."""
        self._memory.drained = True
        self._scheduler.drain()
        self._wake()

    def restart(self) -> None:
        """The same, and whoever runs the server then runs it again."""
        self._memory.restarting = True
        self.drain()

    def hand_over(self, server: int, reason: str, now: bool = False) -> None:
        """Put back what runs, at its next boundary or ``now``, and end for another server.

        ``server`` is the number of the one that is meant.
        """
        if server != self._memory.servers or self._memory.drained:
            return
        if not self._baton.reason:
            self._say("core.switching", reason=reason, now=now)
        self._baton.request(reason)
        self._scheduler.hand_over(now=now)
        self._wake()

    async def cancel(self, task: str) -> Task:
        """End a task's attempt, if there is one, and run it no more until `retry`.

        The work of completed instructions stays.  Raises `UnknownTask`, and
        `InvalidTransition` for a task that is done.
        """
        found = await self._find(task)
        if found.state in FINAL:
            raise InvalidTransition(f"{task} is {found.state}, so there is nothing to cancel")
        try:
            await self._scheduler.hold(task)
            cancelled = await rt.wait_for_future(
                self._store.hold_task(task, self._clock(), attention=CANCELLED)
            )
            await self._reread()  # from here on every look at the list sees it
            return cancelled
        finally:
            self._scheduler.release(task)

    async def retry(self, task: str) -> Task:
        """Have a task done from its beginning, whatever came of it before.

        Raises what the opening of its line raises.
        """
        await self._reopen(task)
        return await self._find(task)

    async def _find(self, task: str) -> Task:
        found = await rt.wait_for_future(self._store.task(task))
        if found is None:
            raise UnknownTask(f"there is no task {task!r}")
        return found
