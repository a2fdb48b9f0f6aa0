# Generated from src/_async/squash.py. Do not edit.
"""Makes one commit of a task's work upon the target, without a checkout."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .._runtime import sync_runtime as rt
from ..core.git import MergeTree, decoded
from ..core.landing import Conflict, LandingRequest, Refusal, Rejected
from ..core.landing_edit import SharedFiles, noted, ticked
from ..core.landing_message import message, task_trailer
from ..core.status import header
from ..core.trees import Entry
from .git import Git, GitError
from .trees import Trees


@dataclass(frozen=True, slots=True, kw_only=True)
class Squashed:
    """A commit that is ready to land, the first one of a repository that was found again
    if ``old``.

    ``content`` is its tree without the TODO list and the status file: what has
    the same content behaves the same.
    """

    commit: str
    content: str
    marked: bool
    noted: bool
    old: bool = False


class Squash:
    """Squashes work, and says in the same commit that it is done."""

    def __init__(
        self,
        git: Git,
        trees: Trees,
        *,
        repository: Path,
        shared: SharedFiles,
        clock: Callable[[], float],
    ) -> None:
        self._git = git
        self._trees = trees
        self._repository = repository
        self._shared = shared
        self._clock = clock

    def squash(self, request: LandingRequest, onto: str) -> Squashed | Conflict | Rejected:
        """One commit with the work of ``request`` upon the commit ``onto``.

        What the branch did to the TODO list and the status file is left out;
        the target's versions get the mark and the entry.  Raises `GitError`.
        """
        changes, task = request.changes, request.task
        own = self._shared.of(task)
        for name in (changes.commit, changes.tree):
            self._trees.know(name, changes.tree)
        merged = self._merge(request, onto, own)
        if isinstance(merged, Rejected):
            return merged
        if merged.conflicts:
            return Conflict(
                files=merged.conflicts,
                target_commit=onto,
                tree=merged.tree,
                messages=merged.messages,
            )
        if merged.tree == self._trees.tree_of(onto):
            return self._empty(request, onto)
        edits, marked, said = self._edits(request, merged.tree, own)
        tree = self._trees.replaced(merged.tree, edits)
        commit = self._trees.commit(tree, [onto], message(request))
        content = self._trees.content(tree, own)
        return Squashed(commit=commit, content=content, marked=marked, noted=said)

    def _merge(
        self, request: LandingRequest, onto: str, own: Sequence[str]
    ) -> MergeTree | Rejected:
        changes = request.changes
        before = self._trees.entries(changes.base, own)
        if before == self._trees.entries(changes.commit, own):
            with suppress(GitError):  # of which the second way says what is wrong
                merged = self._trees.merge(onto, changes.commit)
                if not set(merged.conflicts) & set(own):
                    return merged
        common = self._git.attempt(self._repository, "merge-base", onto, changes.commit)
        if common.code:
            reason = (
                f"the branch has no history in common with {onto[:12]}, it was made anew: "
                "let the task be tried again from the start"
            )
            return Rejected(refusal=Refusal.ERROR, reason=reason)
        base = decoded(common.out).strip()
        neutral = self._neutral(changes.commit, base, own)
        return self._trees.merge(onto, neutral)

    def _empty(self, request: LandingRequest, onto: str) -> Squashed | Rejected:
        """What became of work that the target has already: it may have landed before."""
        line = task_trailer(request.task.id)
        if found := self.find(line, request.changes.base, onto):
            return Squashed(commit=found, content="", marked=True, noted=True, old=True)
        reason = "nothing was changed that the target does not have already"
        return Rejected(refusal=Refusal.EMPTY, reason=reason)

    def find(self, trailer: str, since: str, until: str) -> str | None:
        """The newest commit with this line that ``until`` has and ``since`` has not."""
        outcome = self._git.attempt(
            self._repository,
            "log",
            "--fixed-strings",
            f"--grep={trailer}",
            "--format=%H%x00%B%x00",
            until,
            "--not",
            since,
        )
        if outcome.code:
            return None
        words = iter(decoded(outcome.out).split("\0"))
        for commit, body in zip(words, words, strict=False):
            if trailer in body.splitlines():
                return commit.strip()
        return None

    def _neutral(self, commit: str, base: str, own: Sequence[str]) -> str:
        """The work of ``commit`` as if it had not touched ``own``, to be merged from ``base``."""
        before = self._trees.entries(base, own)
        after = self._trees.entries(commit, own)
        undo = {path: before.get(path) for path in own if before.get(path) != after.get(path)}
        if not undo:
            return commit
        tree = self._trees.replaced(commit, undo)
        return self._trees.commit(tree, [base], "work of a task")

    def _edits(
        self, request: LandingRequest, tree: str, own: Sequence[str]
    ) -> tuple[dict[str, Entry], bool, bool]:
        """The mark and the entry, and whether either could be made in ``tree``."""
        task = request.task
        there = self._trees.entries(tree, own)
        contents: dict[str, tuple[bytes, Entry]] = {}
        marked = said = False
        entry = there.get(task.source)
        if entry is not None and entry.is_file:
            data = self._trees.read(entry)
            done = ticked(data, task, self._clock())
            marked = done is not None
            if done is not None and done != data:
                contents[task.source] = done, entry
        status = self._shared.status
        entry = None if status is None else there.get(status)
        if status is not None and entry is not None and entry.is_file:
            said = True
            data = noted(self._trees.read(entry), task)
            contents[status] = data, entry
        elif status is not None and entry is None and self._may_make(status):
            said = True
            contents[status] = noted(header(self._clock()).encode(), task), Entry.new_file()
        return self._trees.write_all(contents), marked, said

    def _may_make(self, name: str) -> bool:
        """Whether a file may become part of the repository: nobody has one of their own,
        or wants none."""
        if rt.run_blocking(os.path.lexists, self._repository / name):
            return False
        ignored = self._git.attempt(self._repository, "check-ignore", "-q", "--", name)
        return ignored.code == 1
