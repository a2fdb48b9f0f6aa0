"""Gives every task a place of its own to be worked on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from .._runtime import async_runtime as rt
from .._runtime import directories, files
from ..core.config.work import WorkspaceSettings
from ..core.errors import explain, is_disk_full
from ..core.escape import NOTHING, Expected, Found
from ..core.leftovers import Leftover
from ..core.surroundings import AGENT_DIRECTORIES, agent_files, inherited, private
from ..core.task import Task
from ..core.workspace import (
    Changes,
    DiskFull,
    Ready,
    Workspace,
    WorkspaceError,
    disk_refusal,
    parse_ready,
    ports,
    safe_name,
)
from ..store import Store, WorkspaceRow
from .furnishing import AsyncFurnisher
from .git import AsyncGit, GitError
from .housekeeping import AsyncHousekeeping
from .inventory import AsyncInventory, left
from .register import KEPT, AsyncWorkspaceRegister
from .starting import AsyncStartingPoint
from .states import AsyncWorktreeStates, Captured
from .survey import AsyncSurveyor
from .trees import AsyncTrees
from .worktrees import AsyncWorktrees

logger = logging.getLogger(__name__)


class AsyncWorkspaces:
    """Worktrees of ``project`` below ``root``, one for each task, for as long as the task lives.

    ``project`` is the real path of the top of a checkout, ``home`` the user's
    directory, ``disk_floor`` how many megabytes have to stay free.
    """

    def __init__(
        self,
        settings: WorkspaceSettings,
        *,
        project: Path,
        root: Path,
        git: AsyncGit,
        store: Store,
        start: AsyncStartingPoint,
        furnisher: AsyncFurnisher,
        environment: Mapping[str, str],
        home: Path,
        clock: Callable[[], float],
        disk_floor: int = 0,
    ) -> None:
        self._settings = settings
        self._project = project
        self._root = root
        self._start = start
        self._furnisher = furnisher
        self._environment = environment
        self._home = home
        self._clock = clock
        self._disk_floor = disk_floor * 1_000_000
        self._worktrees = AsyncWorktrees(git, project=project, root=root)
        self._states = AsyncWorktreeStates(
            git, self._worktrees, AsyncTrees(git, project), project=project
        )
        self._register = AsyncWorkspaceRegister(store, clock=clock)
        self._housekeeping = AsyncHousekeeping(
            root=root,
            store=store,
            register=self._register,
            inventory=AsyncInventory(git, project=project, root=root),
            worktrees=self._worktrees,
            start=start,
            clock=clock,
        )
        self._surveyor = AsyncSurveyor(git, project=project, directory=self._worktrees.directory)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._root)!r})"

    async def prepare(self) -> list[Leftover]:
        """At the start of a server: clear away what is not needed; returns what is left.

        Raises `WorkspaceError`, `GitError`, `OSError` and `StoreError`.
        """
        if self._root.is_relative_to(self._project):
            raise WorkspaceError(
                f"worktrees cannot lie in {self._root}, which is inside the checkout: "
                "set workspace.directory to a place outside of it"
            )
        await rt.run_blocking(directories.make_private, [self._root])
        await self._worktrees.unlock()
        await self._register.load()
        leftovers = await self.sweep()
        await self._surveyor.check()
        return leftovers

    async def open(self, task: Task) -> Workspace:
        """The workspace for the current attempt at ``task``: what is there, or a new one.

        Raises `WorkspaceError` (`SetupFailed`, `DiskFull`) and `StoreError`.
        """
        path = self._worktrees.directory / safe_name(task.id)
        row, before = self._register.claim(task, path)
        try:
            return await self._opened(row, before)
        except (GitError, OSError, ValueError) as error:
            await rt.shielded(self._keep, task.id)
            kind = DiskFull if is_disk_full(error) else WorkspaceError
            raise kind(f"{path} could not be made: {explain(error)}") from error
        except BaseException:
            await rt.shielded(self._keep, task.id)
            raise

    async def _opened(self, row: WorkspaceRow, before: WorkspaceRow | None) -> Workspace:
        path = Path(row.path)
        own = self._root / "run" / path.name
        numbers = ports(
            row.slot, first=self._settings.ports.first, per_task=self._settings.ports.per_task
        )
        if not await rt.run_blocking((path / ".git").exists):
            await self._require_room()
            await rt.run_blocking(files.remove, [own / "ready.json"])
        await self._make_own(own)
        ready = parse_ready(await rt.run_blocking(files.read_or_none, own / "ready.json"))
        row = await self._checked_out(row, before, ready)
        is_new = ready is None or ready.base != row.base
        variables = private(row.task_id, own, numbers, isolate_agents=self._settings.isolate_agents)
        workspace = Workspace(
            task_id=row.task_id,
            path=path,
            environment={
                **inherited(self._environment, self._settings.environment),
                **variables,
            },
            branch=row.branch,
            base=row.base,
            slot=row.slot,
            private=own,
            copied=() if ready is None else ready.copied,
        )
        workspace = await self._furnisher.furnish(workspace, own / "setup.log", is_new=is_new)
        await rt.write_atomic(own / "ready.json", Ready(row.base, workspace.copied).to_bytes())
        return workspace

    async def _make_own(self, own: Path) -> None:
        """Have the task's own directories, with what agents need to identify themselves."""
        wanted = [self._root, own, own / "tmp"]
        if self._settings.isolate_agents:
            wanted += [own / place.name for place in AGENT_DIRECTORIES]
        await rt.run_blocking(directories.make_private, wanted)
        if self._settings.isolate_agents:
            pairs = agent_files(self._environment, self._home, own)
            await rt.run_blocking(directories.copy_newer, pairs)

    async def _require_room(self) -> None:
        free = await rt.run_blocking(directories.disk_free, self._root)
        if free >= self._disk_floor:
            return
        kept = [Path(row.path) for row in self._register.rows() if row.state == KEPT]
        sizes = [(path, await rt.run_blocking(directories.disk_used, path)) for path in kept]
        if refusal := disk_refusal(free, self._disk_floor, self._root, sizes):
            raise DiskFull(refusal)

    async def _checked_out(
        self, row: WorkspaceRow, before: WorkspaceRow | None, ready: Ready | None
    ) -> WorkspaceRow:
        """Have the worktree on the attempt's branch.

        It goes on where the one before ended; if that left nothing, it begins
        with the newest commit.
        """
        path, newest = Path(row.path), await self._start.commit()
        earlier = None
        if before is not None:
            earlier = await self._worktrees.resolve(f"refs/heads/{before.branch}")
        base = row.base if earlier is not None and row.base else newest
        checkout = await self._worktrees.ensure(path, row.branch, earlier or base)
        copied = () if ready is None else ready.copied
        if checkout.commit == base != newest and not left(checkout.status, copied):
            await self._worktrees.bring_forward(path, row.branch, base, newest)
            base = newest
        row = replace(row, base=base)
        await self._register.put(row)
        return row

    async def commit(
        self, workspace: Workspace, message: str, reports: Sequence[str] = ()
    ) -> Changes:
        """Commit everything that the attempt has left but ``reports``, unless it is
        committed already.

        Raises `WorkspaceError` and `GitError`.
        """
        return await self._states.commit(workspace, message, self._start.commit, reports)

    async def snapshot(self, workspace: Workspace, label: str) -> str:
        """Keep the present state as a commit under a ref; nothing else changes.

        Raises `WorkspaceError` and `GitError`.
        """
        return await self._states.snapshot(workspace, label)

    async def capture(self, workspace: Workspace) -> Captured:
        """The present state, for `keep`; the worktree may change as soon as this is done.

        Raises `WorkspaceError` and `GitError`.
        """
        return await self._states.capture(workspace)

    async def keep(self, workspace: Workspace, captured: Captured, label: str) -> str:
        """Keep what was captured as a commit under a ref. Raises `GitError`."""
        return await self._states.keep(workspace, captured, label)

    async def restore(self, workspace: Workspace, commit: str | None) -> None:
        """Bring the files back to a commit or a snapshot, without one to the base; what
        came later is gone.

        Raises `WorkspaceError` and `GitError`.
        """
        if (wanted := commit or workspace.base) is not None:
            await self._states.restore(workspace, wanted)

    async def differs(self, workspace: Workspace, commit: str | None) -> bool:
        """Whether the files are not those of a commit or a snapshot, without one of the base.

        Raises `WorkspaceError` and `GitError`.
        """
        wanted = commit or workspace.base
        return wanted is not None and await self._states.differs_from(workspace, wanted)

    async def merge(self, workspace: Workspace, commit: str) -> list[str]:
        """Bring ``commit`` into a workspace whose work is committed, with git's conflict markers.

        Nothing is committed: `commit` does that once the conflicts are resolved.
        Returns the subjects of what comes in.  Raises `WorkspaceError` and `GitError`.
        """
        return await self._states.merge(workspace, commit)

    async def release(self, workspace: Workspace, *, landed: bool) -> None:
        """The attempt is over: remove what has landed, keep the rest for a while.

        Raises `GitError`, `OSError` and `StoreError`.
        """
        checkout = await self._worktrees.look(workspace.path)
        changed = [] if checkout is None else left(checkout.status, workspace.copied)
        if landed and not changed:
            await self._housekeeping.remove(workspace.task_id, workspace.path)
            return
        if landed:
            logger.warning("%s has changed since it landed: %s", workspace.path, changed[:5])
        if changed:
            await self._states.snapshot(workspace, "left behind")
        await self._keep(workspace.task_id)

    async def _keep(self, task_id: str) -> None:
        await self._register.keep(task_id, self._clock() + self._settings.keep_failed)

    async def sweep(self) -> list[Leftover]:
        """Remove what nobody needs any more; returns what is left.

        Raises `GitError`, `OSError` and `StoreError`.
        """
        return await self._housekeeping.sweep()

    async def escapes(self, expected: Expected = NOTHING) -> Found:
        """What was changed outside the workspaces since the last call.

        ``expected`` is what the server did itself.  Raises `GitError` and `OSError`.
        """
        return await self._surveyor.check(expected)
