"""What lies about of the work on tasks, whoever left it there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from .._runtime import async_runtime as rt
from .._runtime import directories, files
from ..core.git import Status, Worktree
from ..core.leftovers import Found, Kind, Leftover, judge
from ..core.task import TaskState
from ..core.workspace import (
    BRANCHES,
    OWN_DIRECTORY,
    SNAPSHOTS,
    Workspace,
    is_attempt,
    is_snapshot_of,
    parse_ready,
    snapshot_order,
)
from ..store import WorkspaceRow
from .git import AsyncGit, GitError
from .states import AsyncWorktreeStates, nested
from .trees import AsyncTrees
from .worktrees import AsyncWorktrees


class AsyncInventory:
    """Lists worktrees, branches and directories, and says of each whether it may go."""

    def __init__(self, git: AsyncGit, *, project: Path, root: Path) -> None:
        self._git = git
        self._project = project
        self._root = root
        self._worktrees = AsyncWorktrees(git, project=project, root=root)
        trees = AsyncTrees(git, project)
        self._states = AsyncWorktreeStates(git, self._worktrees, trees, project=project)

    async def take(
        self,
        rows: Iterable[WorkspaceRow],
        tasks: Mapping[str, TaskState],
        *,
        landed: Collection[str],
        used: Collection[str],
        target: str | None,
        now: float,
    ) -> list[Leftover]:
        """Everything, the tasks' own worktrees first.

        ``landed`` and ``used`` are ids of tasks, ``target`` is the commit in
        which commits are looked for.  Raises `GitError` and `OSError`.
        """
        merged = await self._merged(target)
        listed = await self._worktrees.listed()
        trees = {tree.path: tree for tree in listed if self._worktrees.is_ours(tree.path)}
        known = {row.path: row for row in rows}
        names = await rt.run_blocking(directories.entries, self._worktrees.directory)
        refs = await self._worktrees.refs(f"refs/heads/{BRANCHES}", SNAPSHOTS)
        found: list[Found] = []
        for path in sorted({*known, *trees}):
            row, tree = known.get(path), trees.get(path)
            task_id = None if row is None else row.task_id
            branch = tree.branch if tree is not None else None if row is None else row.branch
            found.append(
                Found(
                    kind=Kind.WORKTREE if row is None else Kind.WORKSPACE,
                    name=Path(path).name,
                    path=Path(path),
                    branch=branch,
                    task_id=task_id,
                    state=None if task_id is None else tasks.get(task_id),
                    used=task_id in used,
                    dirty=await self._is_dirty(tree, task_id, refs),
                    merged=tree is None or branch in merged,
                    landed=task_id in landed,
                    kept_until=None if row is None else row.kept_until,
                )
            )
        strangers = [
            self._worktrees.directory / name
            for name in names
            if name[0] not in "_." and str(self._worktrees.directory / name) not in {*known, *trees}
        ]
        found += [Found(kind=Kind.DIRECTORY, name=path.name, path=path) for path in strangers]
        held = {tree.branch for tree in listed} | {row.branch for row in known.values()}
        attempts = (ref.removeprefix("refs/heads/") for ref in refs)
        found += [
            Found(kind=Kind.BRANCH, name=name, branch=name, merged=name in merged)
            for name in attempts
            if is_attempt(name) and name not in held
        ]
        for name in ("trash", "lost"):
            kind = Kind.TRASH if name == "trash" else Kind.DIRECTORY
            for entry in await rt.run_blocking(directories.entries, self._root / name):
                found.append(Found(kind=kind, name=entry, path=self._root / name / entry))
        return [judge(item, now, self._project) for item in found]

    async def _merged(self, target: str | None) -> frozenset[str]:
        if target is None:
            return frozenset()
        out = await self._git.text(
            self._project,
            "for-each-ref",
            "--merged",
            target,
            "--format=%(refname:lstrip=2)",
            f"refs/heads/{BRANCHES}",
        )
        return frozenset(out.split())

    async def _is_dirty(
        self, tree: Worktree | None, task_id: str | None, refs: Iterable[str]
    ) -> bool:
        """Whether something in the worktree is neither committed nor in a snapshot."""
        if tree is None:
            return False
        path = Path(tree.path)
        if not await rt.run_blocking(path.exists):
            return False
        private = self._root / "run" / path.name
        copied = parse_ready(await rt.run_blocking(files.read_or_none, private / "ready.json"))
        try:
            status = await self._worktrees.status(path)
        except GitError:  # what cannot be looked at is not deleted
            return True
        if not left(status, () if copied is None else copied.copied):
            return False
        if task_id is None or nested(status):
            return True
        snapshots = [ref for ref in refs if is_snapshot_of(ref, task_id)]
        if not snapshots:
            return True
        workspace = Workspace(
            task_id=task_id, path=path, copied=() if copied is None else copied.copied
        )
        return await self._states.differs_from(workspace, max(snapshots, key=snapshot_order))


def left(status: Status, copied: Collection[str]) -> list[str]:
    """The paths in which a worktree differs from its commit, for somebody's work."""
    return [
        entry.path
        for entry in status.entries
        if not entry.ignored
        and entry.path not in copied
        and entry.path.split("/")[0] != OWN_DIRECTORY
    ]
