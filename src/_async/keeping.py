"""Keeps what an attempt has accepted while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .._runtime import async_runtime as rt
from ..store import Store
from .workspaces import AsyncWorkspaces

if TYPE_CHECKING:
    from .aftermath import Standing
    from .states import Captured


class AsyncKeeper:
    """The snapshots of one attempt, one after the other, made by tasks of ``group``.

    Only what a worktree holds is taken at once; the rest is waited for by
    nobody before `done`.
    """

    def __init__(
        self,
        workspaces: AsyncWorkspaces,
        store: Store,
        state: Standing,
        group: rt.TaskGroup,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._workspaces = workspaces
        self._store = store
        self._state = state
        self._group = group
        self._clock = clock
        self._last: rt.Task[None] | None = None

    async def accept(self) -> None:
        """Keep what is there now, to come back to it if what follows goes wrong.

        When this is done the worktree may change.  Raises `WorkspaceError` and `GitError`.
        """
        captured = await self._workspaces.capture(self._state.manner.workspace)
        self._last = self._group.start_soon(self._keep, captured, self._last)

    async def _keep(self, captured: Captured, before: rt.Task[None] | None) -> None:
        if before is not None:
            await before.wait()
        state = self._state
        commit = await self._workspaces.keep(state.manner.workspace, captured, "accepted")
        task, now = state.task, self._clock()
        await rt.wait_for_future(
            self._store.note_attempt(task.id, task.epoch, now, snapshot=commit)
        )
        state.accepted = commit

    async def done(self) -> None:
        """Wait until all of it is kept."""
        if self._last is not None:
            await self._last.wait()
