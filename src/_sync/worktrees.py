# Generated from src/_async/worktrees.py. Do not edit.
"""The worktrees of one repository: made, found again in whatever state, removed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .._runtime import directories, repositories
from .._runtime import sync_runtime as rt
from ..core.git import Status, Worktree, decoded, parse_status, parse_worktrees
from ..core.workspace import BRANCHES, RESCUED, SNAPSHOTS, WorkspaceError
from .git import Git, GitError

logger = logging.getLogger(__name__)

LOCKED = "codeagent works here"
"""Why our worktrees are locked, so that nobody prunes one whose disk is away for a moment."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A worktree that git knows: its own git directory and what is in it."""

    git_directory: Path
    status: Status

    @property
    def commit(self) -> str | None:
        """What is checked out, None on a branch without a commit."""
        return self.status.commit


class Worktrees:
    """Worktrees below ``root``, each on a branch of its own.

    Refs and the list of worktrees change one after the other; files are
    written side by side.
    """

    def __init__(self, git: Git, *, project: Path, root: Path) -> None:
        self._git = git
        self._project = project
        self._root = root

    @property
    def directory(self) -> Path:
        """Where the worktrees lie."""
        return self._root / "wt"

    def resolve(self, name: str) -> str | None:
        """The commit that ``name`` means, None if there is none."""
        outcome = self._git.attempt(
            self._project, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"
        )
        return None if outcome.code else decoded(outcome.out).strip()

    def listed(self) -> list[Worktree]:
        """All worktrees of the repository, the main one first."""
        return parse_worktrees(
            self._git.run(self._project, "worktree", "list", "--porcelain", "-z")
        )

    def look(self, path: Path) -> Checkout | None:
        """What is checked out at ``path``; None if that is no worktree of the repository."""
        found = self._git_directory(path)
        return None if found is None else Checkout(found, self.status(path))

    def _git_directory(self, path: Path) -> Path | None:
        return rt.run_blocking(repositories.worktree_git_directory, path, self._project)

    def status(self, path: Path) -> Status:
        """What differs from the commit at ``path``, each untracked file by name."""
        asked = ("--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--no-renames")
        return parse_status(self._git.run(path, "status", *asked))

    def ensure(self, path: Path, branch: str, start: str) -> Checkout:
        """A worktree at ``path`` on ``branch``.

        What is checked out there already stays as it is, and the branch begins
        with it; otherwise it begins at ``start``.  Raises `WorkspaceError`,
        `GitError` and `OSError`.
        """
        checkout = self._found(path)
        made = checkout is None and self._make(path, branch, start)
        if checkout is not None:
            self._adopt(path, checkout, branch, start)
        git_directory = self._git_directory(path)
        if git_directory is None:
            raise WorkspaceError(f"{path} is no worktree although git has just made it one")
        status = Status(start, branch, ()) if made else self.status(path)
        return Checkout(git_directory, status)

    def _found(self, path: Path) -> Checkout | None:
        checkout = self.look(path)
        if checkout is None and rt.run_blocking(path.exists):
            moved = rt.run_blocking(repositories.was_moved, path)
            place = (str(path),) if moved else ()  # a copy would take the original's place
            with self._git.repository_lock(self._project):
                self._git.attempt(self._project, "worktree", "repair", *place)
            checkout = self.look(path)
        return checkout

    def _make(self, path: Path, branch: str, start: str) -> bool:
        """Add the worktree; what lies at ``path`` without git knowing goes into it.

        Whether nothing did, so that it holds what is committed and nothing else.
        """
        stray = rt.run_blocking(directories.move_away, path, self._root / "lost")
        with self._git.repository_lock(self._project):
            self._take_branch(branch, start)
            rt.run_blocking(directories.make_private, [self.directory])
            try:
                self._add(path, branch)
            except GitError:  # it may know of one that was there
                self._forget(path)
                self._add(path, branch)
        if stray is None:
            self._git.run(path, "read-tree", "-u", "--reset", "HEAD", seconds=600)
            return True
        logger.warning("%s was cut off from its repository and is joined to it again", path)
        rt.run_blocking(directories.move_contents, stray, path, ".git")
        self._git.run(path, "read-tree", "HEAD")
        return False

    def _add(self, path: Path, branch: str) -> None:
        options = ("--lock", "--reason", LOCKED, "--no-checkout")
        self._git.run(self._project, "worktree", "add", *options, str(path), branch)

    def _adopt(self, path: Path, checkout: Checkout, branch: str, start: str) -> None:
        """Go on in a worktree that somebody may have left in any state."""
        git_directory = checkout.git_directory
        rt.run_blocking(repositories.drop_stale_locks, git_directory)
        pending = rt.run_blocking(repositories.unfinished, git_directory)
        if "rebase" in pending:
            aborted = self._git.attempt(path, "rebase", "--abort")
            if aborted.code:
                self._git.run(path, "rebase", "--quit")
            checkout = Checkout(git_directory, self.status(path))
        for name in pending:
            if name in ("cherry-pick", "revert"):
                self._git.run(path, name, "--quit")
        if not rt.run_blocking((git_directory / "index").exists):
            self._git.run(path, "read-tree", "-u", "--reset", "HEAD", seconds=600)
        if checkout.status.branch != branch or checkout.commit is None:
            with self._git.repository_lock(self._project):
                self._take_branch(branch, checkout.commit or start)
                self.point(path, branch)
            if checkout.commit is None:
                self._git.run(path, "read-tree", "HEAD")

    def point(self, path: Path, branch: str) -> None:
        """Put the worktree on ``branch``; its files and its index stay as they are."""
        self._git.run(path, "symbolic-ref", "HEAD", f"refs/heads/{branch}")

    def bring_forward(self, path: Path, branch: str, old: str, new: str) -> None:
        """Bring an unchanged worktree, and its branch, from one commit to another."""
        self._git.run(path, "read-tree", "-m", "-u", old, new, seconds=600)
        with self._git.repository_lock(self._project):
            self._git.run(path, "update-ref", f"refs/heads/{branch}", new, old)

    def _take_branch(self, branch: str, commit: str) -> None:
        """Make ``branch`` begin at ``commit``; what else it held is kept under another name."""
        ref = f"refs/heads/{branch}"
        made = self._git.attempt(self._project, "update-ref", ref, commit, "")
        if made.code == 0:
            return
        held = self.resolve(ref)
        if held == commit:
            return
        if held is not None:
            rescued = f"{RESCUED}{branch.removeprefix(BRANCHES)}-{held[:12]}"
            self._git.run(self._project, "update-ref", rescued, held)
            logger.warning("%s held something else, which is now %s", branch, rescued)
        self._git.run(self._project, "update-ref", ref, commit, held or "")

    def remove(self, path: Path, refs: Iterable[str]) -> str | None:
        """Remove a worktree with refs; what could not be deleted, None if all is gone.

        Whoever calls this has made sure that nothing in it is needed.  The
        files are deleted last, when nobody waits for the repository any more.
        """
        trash = self._root / "trash"
        moved = rt.run_blocking(directories.move_away, path, trash)
        with self._git.repository_lock(self._project):
            self._forget(path)
            self._delete(list(refs))
        return None if moved is None else rt.run_blocking(directories.remove_tree, moved)

    def unlock(self) -> None:
        """At the start of a server: unlock the refs that are ours."""
        common = rt.run_blocking(repositories.common_directory, self._project)
        ours = (f"refs/heads/{BRANCHES}", SNAPSHOTS, RESCUED)
        rt.run_blocking(repositories.drop_stale_ref_locks, common, ours)

    def delete_refs(self, refs: Iterable[str]) -> None:
        """Delete refs by their full names."""
        with self._git.repository_lock(self._project):
            self._delete(list(refs))

    def refs(self, *prefixes: str) -> list[str]:
        """The refs whose names begin with one of ``prefixes``, which end with a slash."""
        listed = ("for-each-ref", "--format=%(refname)", *prefixes)
        out = self._git.text(self._project, *listed)
        return out.splitlines()

    def _delete(self, refs: Sequence[str]) -> None:
        """Delete all of them at once, or one by one what can be deleted."""
        if not refs:
            return
        commands = "".join(f"delete {ref}\n" for ref in refs).encode("utf-8", "surrogateescape")
        outcome = self._git.attempt(self._project, "update-ref", "--stdin", stdin=commands)
        for ref in refs if outcome.code else ():
            outcome = self._git.attempt(self._project, "update-ref", "-d", ref)
            if outcome.code:
                error = GitError(("update-ref", "-d", ref), outcome.code, outcome.err)
                logger.warning("%s", error)

    def _forget(self, path: Path) -> None:
        """Make git forget a worktree whose directory is gone, if it knows of it."""
        words = ("worktree", "remove", "-f", "-f", str(path))
        outcome = self._git.attempt(self._project, *words)
        if outcome.code and "is not a working tree" not in outcome.err:
            raise GitError(words, outcome.code, outcome.err)

    def is_ours(self, path: str) -> bool:
        """Whether a worktree at ``path`` would be a task's."""
        place = Path(path)
        return place.parent == self.directory and not place.name.startswith("_")
