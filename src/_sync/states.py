# Generated from src/_async/states.py. Do not edit.
"""The states of a worktree as commits: what an attempt has done, and snapshots on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from .._runtime import directories, repositories
from .._runtime import sync_runtime as rt
from ..core.git import Status, decoded, is_only_ignored, parse_changes
from ..core.workspace import (
    OWN_DIRECTORY,
    SNAPSHOTS,
    Changes,
    Workspace,
    WorkspaceError,
    all_but,
    ignore_pattern,
    snapshot_ref,
)
from .git import Git, GitError
from .trees import Trees
from .worktrees import Checkout, Worktrees


@dataclass(frozen=True, slots=True)
class Captured:
    """What a worktree held at one moment: an index of its own, upon the commit ``parent``."""

    index: Path
    parent: str | None

    @property
    def environment(self) -> dict[str, str]:
        """In which git works with that index."""
        return {"GIT_INDEX_FILE": str(self.index)}


class WorktreeStates:
    """Commits what is in a worktree, and brings back what was committed.

    Ignored files, files that were copied in and our own directory never count.
    """

    def __init__(self, git: Git, worktrees: Worktrees, trees: Trees, *, project: Path) -> None:
        self._git = git
        self._worktrees = worktrees
        self._trees = trees
        self._project = project
        self._numbers = count(1)
        self._last: dict[str, str] = {}  # the newest snapshot of each branch

    def commit(
        self,
        workspace: Workspace,
        message: str,
        target: Callable[[], rt.Result[str]],
        reports: Sequence[str] = (),
    ) -> Changes:
        """Commit everything to the workspace's branch, unless it is committed already.

        ``target`` tells the commit that the work is going to be brought together
        with.  What is named in ``reports`` is left out.  Raises `WorkspaceError`
        and `GitError`.
        """
        path, branch = workspace.path, workspace.branch
        checkout = self._checkout(workspace)
        rt.run_blocking(repositories.drop_stale_locks, checkout.git_directory)
        pending = rt.run_blocking(repositories.unfinished, checkout.git_directory)
        if "rebase" in pending:
            raise WorkspaceError(
                f"a rebase was begun in {path} and not ended: end it with "
                "git rebase --continue or --abort"
            )
        left_out = [*workspace.copied, *nested(checkout.status)]
        specs = all_but([OWN_DIRECTORY, *left_out, *reports])
        outcome = self._git.attempt(path, "add", "-A", "--", *specs, seconds=600)
        if outcome.code and not is_only_ignored(outcome.err):
            raise GitError(("add", "-A"), outcome.code, outcome.err)
        tree = self._git.text(path, "write-tree")
        head = checkout.commit or self._worktrees.resolve(f"refs/heads/{branch}")
        head = head or workspace.base or target()  # the branch was deleted
        parents = [head]
        if "merge" in pending:
            merged = self._git.text(path, "rev-parse", "MERGE_HEAD")
            parents += merged.split()
        if len(parents) > 1 or tree != self._trees.tree_of(head):
            head = self._trees.commit(tree, parents, message)
        with self._git.repository_lock(self._project):
            self._git.run(path, "update-ref", f"refs/heads/{branch}", head)
        if checkout.status.branch != branch:
            self._worktrees.point(path, f"{branch}")
        for name in pending:
            self._git.run(path, name, "--quit")
        base = pinned = workspace.base or head
        if parents != [pinned]:  # otherwise there can be nothing else in it
            base = self._base(pinned, head, target())
        return Changes(commit=head, tree=tree, base=base, files=self._files(base, head))

    def _base(self, pinned: str, head: str, target: str) -> str:
        """The newest commit of the target that the work contains."""
        outcome = self._git.attempt(self._project, "merge-base", head, target)
        found = decoded(outcome.out).strip()
        if outcome.code or found == pinned:
            return pinned
        contained = self._is_ancestor(pinned, head)
        return pinned if contained and self._is_ancestor(found, pinned) else found

    def _is_ancestor(self, old: str, new: str) -> bool:
        outcome = self._git.attempt(self._project, "merge-base", "--is-ancestor", old, new)
        return outcome.code == 0

    def _files(self, base: str, commit: str) -> tuple[str, ...]:
        out = self._git.run(
            self._project, "diff-tree", "-r", "-z", "--name-status", "--no-renames", base, commit
        )
        return tuple(change.path for change in parse_changes(out))

    def snapshot(self, workspace: Workspace, label: str) -> str:
        """Keep the present state under a ref; returns its commit.

        The worktree, its index and its branch stay as they are.
        """
        return self.keep(workspace, self.capture(workspace), label)

    def capture(self, workspace: Workspace) -> Captured:
        """Take the present state; the worktree may change as soon as this is done."""
        path = workspace.path
        checkout = self._checkout(workspace)
        place = workspace.private or checkout.git_directory
        index = place / f"snapshot-{next(self._numbers)}.index"
        rt.run_blocking(directories.replace_copy, checkout.git_directory / "index", index)
        captured = Captured(index, checkout.commit)
        specs = all_but([OWN_DIRECTORY, *workspace.copied, *nested(checkout.status)])
        options = ("-A", "--ignore-errors", "--", *specs)
        self._git.attempt(path, "add", *options, environment=captured.environment, seconds=600)
        return captured

    def keep(self, workspace: Workspace, captured: Captured, label: str) -> str:
        """Keep what was captured under a ref; returns its commit."""
        tree = self._tree(captured)
        parents = [] if captured.parent is None else [captured.parent]
        commit = self._trees.commit(tree, parents, f"codeagent snapshot: {label}\n")
        branch = workspace.branch or ""
        with self._git.repository_lock(self._project):
            last = self._last.get(branch)
            ref = snapshot_ref(branch, [last] if last else self._worktrees.refs(SNAPSHOTS))
            self._git.run(self._project, "update-ref", ref, commit, "")
            self._last[branch] = ref
        return commit

    def _tree(self, captured: Captured) -> str:
        environment = captured.environment
        tree = self._git.run(self._project, "write-tree", environment=environment)
        rt.run_blocking(captured.index.unlink, missing_ok=True)
        return decoded(tree).strip()

    def differs_from(self, workspace: Workspace, commit: str) -> bool:
        """Whether the worktree holds anything that ``commit`` does not."""
        tree = self._tree(self.capture(workspace))
        return tree != self._trees.tree_of(commit)

    def restore(self, workspace: Workspace, commit: str) -> None:
        """Bring the worktree back to ``commit``; files that are not part of it go.

        Of a snapshot, what was not committed then is not committed afterwards.
        """
        path, branch = workspace.path, workspace.branch
        checkout = self._checkout(workspace)
        rt.run_blocking(repositories.drop_stale_locks, checkout.git_directory)
        for name in rt.run_blocking(repositories.unfinished, checkout.git_directory):
            self._git.attempt(path, name, "--quit")
        head = commit
        refs = self._git.text(
            self._project, "for-each-ref", "--points-at", commit, "--format=%(refname)", SNAPSHOTS
        )
        if refs:
            head = self._worktrees.resolve(f"{commit}^") or commit
        self._git.run(path, "read-tree", "--reset", "-u", commit, seconds=600)
        kept = [
            word
            for name in (OWN_DIRECTORY, *workspace.copied)
            for word in ("-e", ignore_pattern(name))
        ]
        self._git.run(path, "clean", "-f", "-d", "-q", *kept, seconds=600)
        with self._git.repository_lock(self._project):
            self._git.run(path, "update-ref", f"refs/heads/{branch}", head)
        self._worktrees.point(path, f"{branch}")
        if head != commit:
            self._git.run(path, "read-tree", head)

    def merge(self, workspace: Workspace, commit: str) -> list[str]:
        """Begin to merge ``commit`` into the worktree; the subjects of what comes in.

        Raises `WorkspaceError` and `GitError`.
        """
        path = workspace.path
        checkout = self._checkout(workspace)
        rt.run_blocking(repositories.drop_stale_locks, checkout.git_directory)
        subjects = self._git.text(path, "log", "--format=%s", f"HEAD..{commit}")
        merging = ("merge", "--no-commit", "--no-ff", "--no-rerere-autoupdate", commit)
        outcome = self._git.attempt(path, *merging, seconds=600)
        pending = rt.run_blocking(repositories.unfinished, checkout.git_directory)
        if outcome.code and "merge" not in pending:
            raise GitError(merging, outcome.code, outcome.err or decoded(outcome.out))
        return subjects.splitlines()

    def _checkout(self, workspace: Workspace) -> Checkout:
        checkout = self._worktrees.look(workspace.path)
        if checkout is None:
            raise WorkspaceError(
                f"{workspace.path} is no worktree any more: somebody has deleted or moved it"
            )
        return checkout


def nested(status: Status) -> list[str]:
    """Repositories inside a worktree, of which git would only keep a commit's name."""
    return [
        entry.path.rstrip("/")
        for entry in status.entries
        if entry.untracked and entry.path[-1] == "/"
    ]
