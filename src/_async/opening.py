"""The beginning of a server, and the change from one server to the next."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from .._runtime import async_runtime as rt
from .._runtime.children import end_marked, end_stranger
from ..core import status as texts
from ..core.handover import Memory
from ..core.layout import Layout
from ..core.task import TaskState
from ..core.times import local
from ..store import Recovery, Store
from .agents import STATE_MARK
from .checkpoint import AsyncCheckpointManager
from .journal import AsyncJournal
from .status import AsyncStatusManager

if TYPE_CHECKING:
    from .workshop import AsyncWorkshop

logger = logging.getLogger(__name__)


class AsyncOpening:
    """Puts in order what a former run has left, or goes on where another server made room."""

    def __init__(
        self,
        *,
        store: Store,
        layout: Layout,
        checkpoint: AsyncCheckpointManager,
        status: AsyncStatusManager,
        journal: AsyncJournal,
        workshop: AsyncWorkshop | None,
        memory: Memory,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._layout = layout
        self._checkpoint = checkpoint
        self._status = status
        self._journal = journal
        self._workshop = workshop
        self._memory = memory
        self._clock = clock

    async def begin_run(self) -> None:
        """A run begins. Raises `StoreError` and `OSError` if its state cannot be kept."""
        now = self._clock()
        left = await rt.wait_for_future(self._store.recover(now))
        for message in await self._checkpoint.load():
            logger.warning("%s", message)
        await self._end_strays(left)
        before = await rt.wait_for_future(self._store.server_state())
        session = f"{local(now):%Y%m%d_%H%M%S}"
        await rt.wait_for_future(self._store.server_started(session, now))
        if self._workshop is not None:
            for task_id in await self._workshop.open():
                logger.warning("%s had landed when the former run ended", task_id)
        await self._status.open()
        if not (left.clean and before.clean):  # the latter also of a checkpoint taken over
            failed = await rt.wait_for_future(self._store.tasks(TaskState.FAILED))
            pending = await rt.wait_for_future(self._store.tasks(TaskState.PENDING))
            unfinished = len(pending) if left.clean else len(left.tasks)
            await self._status.append(texts.recovered(unfinished, len(failed)))
        await self._status.append(texts.server_started(now))

    async def _end_strays(self, left: Recovery) -> None:
        for process in left.processes:
            if await rt.run_blocking(end_stranger, process.pid, process.started):
                logger.warning("ended the agent %d that a former run left behind", process.pid)
            await rt.wait_for_future(
                self._store.process_ended(process.task_id, process.epoch, process.position)
            )
        if not left.clean:
            for pid in await rt.run_blocking(end_marked, f"{STATE_MARK}={self._layout.state}"):
                logger.warning("ended the process %d that a former run left behind", pid)

    async def take_over(self) -> None:
        """Another server of this process has made room."""
        for message in await self._checkpoint.load():
            logger.warning("%s", message)
        if self._workshop is not None:
            await self._workshop.open()

    async def make_room(self) -> None:
        """Another server is to go on; what it needs is on the disk and in the memory."""
        if self._workshop is not None:
            self._memory.escaped |= bool(await self._workshop.close())
        await self._checkpoint.write()
        await self._journal.flush()
