# Generated from src/_async/survey.py. Do not edit.
"""The state of a repository outside the workspaces, to tell whether an agent has left its own."""

from __future__ import annotations

from pathlib import Path

from .._runtime import files, repositories
from .._runtime import sync_runtime as rt
from ..core.errors import first
from ..core.escape import NOTHING, Expected, Found, Survey, compare, watched
from ..core.git import decoded, parse_status, parse_worktrees
from ..core.workspace import OWN_DIRECTORY
from .git import Git


class Surveyor:
    """Looks at a repository now and then, and tells what others have changed meanwhile.

    Worktrees in ``directory`` are ours to change.
    """

    def __init__(self, git: Git, *, project: Path, directory: Path) -> None:
        self._git = git
        self._project = project
        self._directory = directory
        self._turn = rt.Lock()
        self._last: Survey | None = None

    def survey(self) -> Survey:
        """The present state. Raises `GitError` and `OSError`."""
        questions = (
            ("status", "--porcelain=v2", "--branch", "-z", "--no-renames"),
            ("for-each-ref", "--format=%(objectname) %(refname)"),
            ("worktree", "list", "--porcelain", "-z"),
        )
        try:
            found, refs, trees = rt.map_concurrently(self._asked, questions, limit=3)
        except BaseExceptionGroup as group:
            raise first(group) from None
        status = parse_status(found)
        pairs = (line.split(" ", 1) for line in decoded(refs).splitlines())
        others = parse_worktrees(trees)[1:]
        names = [
            entry.path
            for entry in status.entries
            if entry.path.rstrip("/").split("/")[0] != OWN_DIRECTORY
        ]
        states = rt.run_blocking(files.signatures, [self._project / name for name in names])
        common = rt.run_blocking(repositories.common_directory, self._project)
        shared = rt.run_blocking(repositories.fingerprint, common)
        return Survey(
            branch=status.branch,
            commit=status.commit,
            refs=watched({name: commit for commit, name in pairs}),
            worktrees={
                tree.path: (tree.branch, tree.commit)
                for tree in others
                if Path(tree.path).parent != self._directory
            },
            dirty=dict(zip(names, map(str, states), strict=True)),
            hooks=shared.hooks,
            config=shared.config,
            stash=shared.stash,
        )

    def _asked(self, question: tuple[str, ...]) -> bytes:
        return self._git.run(self._project, *question)

    def check(self, expected: Expected = NOTHING) -> Found:
        """What has changed since the last call that the server did not change.

        Each change is told once.  The first call tells nothing.
        """
        with self._turn:
            before, after = self._last, self.survey()
            self._last = after
        return Found() if before is None else compare(before, after, expected)
