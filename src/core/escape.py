"""Whether somebody has touched what lies outside the workspaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .workspace import BRANCHES

_OWN_REFS = (f"refs/heads/{BRANCHES}", "refs/codeagent/", "refs/remotes/")
"""Refs of the server's own, and those that follow a remote, which any fetch moves."""

_LISTED = 5
"""How many paths one message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The state of a repository outside the workspaces.

    ``branch`` and ``commit`` are those of the main checkout, ``dirty`` its
    paths that differ from the commit, with a digest of their state;
    ``worktrees`` are the others of the user's by path, with branch and commit.
    ``hooks``, ``config`` and ``stash`` are digests.
    """

    branch: str | None
    commit: str | None
    refs: Mapping[str, str] = field(default_factory=dict)
    worktrees: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    dirty: Mapping[str, str] = field(default_factory=dict)
    hooks: str = ""
    config: str = ""
    stash: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the server did itself: commits it has made, and files of the checkout it writes."""

    commits: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()


NOTHING = Expected()


@dataclass(frozen=True, slots=True)
class Found:
    """What has changed that the server did not change, one sentence each.

    ``escapes`` may have been an agent's doing; ``switched`` tells of the user, who
    works on another branch now and did nothing else.
    """

    escapes: tuple[str, ...] = ()
    switched: str = ""


def watched(refs: Mapping[str, str]) -> dict[str, str]:
    """The refs that no workspace has any business with."""
    return {name: commit for name, commit in refs.items() if not name.startswith(_OWN_REFS)}


def compare(before: Survey, after: Survey, expected: Expected = NOTHING) -> Found:
    """What lies between two surveys.

    It may have been the user: mostly that cannot be told apart.
    """
    differences = tuple(_differences(before, after, expected))
    if len(differences) == 1 and _was_switched(before, after, expected):
        what = f"the checkout is on branch {after.branch} now, it was on {before.branch}"
        return Found(switched=what)
    return Found(escapes=differences)


def _was_switched(before: Survey, after: Survey, expected: Expected) -> bool:
    """Whether the checkout went from one branch to another that there was, with the files
    that had been changed as they were."""
    if None in (before.branch, after.branch) or before.branch == after.branch:
        return False
    changed = {path for path, state in after.dirty.items() if before.dirty.get(path) != state}
    return f"refs/heads/{after.branch}" in before.refs and changed <= expected.paths


def _differences(before: Survey, after: Survey, expected: Expected) -> Iterator[str]:
    if before.branch != after.branch:
        yield (
            f"the main checkout was switched from {_branch(before.branch)} "
            f"to {_branch(after.branch)}"
        )
    elif after.branch is None and after.commit not in (before.commit, *expected.commits):
        yield f"the main checkout was moved to {_short(after.commit)}"
    yield from _refs(before.refs, after.refs, expected.commits)
    yield from _dirt(before, after, expected)
    for path, (branch, commit) in after.worktrees.items():
        if path not in before.worktrees:
            yield f"there is a new worktree {path}"
        elif before.worktrees[path][0] != branch:
            yield f"the worktree {path} was switched to {_branch(branch)}"
        elif branch is None and before.worktrees[path][1] != commit:
            yield f"the worktree {path} was moved to {_short(commit)}"
    for path in before.worktrees:
        if path not in after.worktrees:
            yield f"the worktree {path} was removed"
    if before.hooks != after.hooks:
        yield "the repository's hooks were changed"
    if before.config != after.config:
        yield "the repository's configuration was changed"
    if before.stash != after.stash:
        yield "the stash was changed"


def _refs(
    before: Mapping[str, str], after: Mapping[str, str], expected: frozenset[str]
) -> Iterator[str]:
    for name, commit in after.items():
        if name not in before:
            if commit not in expected:
                yield f"{_ref(name)} was made at {_short(commit)}"
        elif before[name] != commit and commit not in expected:
            yield f"{_ref(name)} was moved from {_short(before[name])} to {_short(commit)}"
    for name, commit in before.items():
        if name not in after:
            yield f"{_ref(name)} was deleted, it was at {_short(commit)}"


def _dirt(before: Survey, after: Survey, expected: Expected) -> Iterator[str]:
    if before.branch != after.branch:
        return  # a switch changes much, and has been told
    changed = {path for path, state in after.dirty.items() if before.dirty.get(path) != state}
    if before.commit == after.commit:  # otherwise it may have been committed
        changed |= before.dirty.keys() - after.dirty.keys()
    if told := sorted(changed - expected.paths):
        more = f" and {len(told) - _LISTED} more" if len(told) > _LISTED else ""
        yield f"files of the main checkout were changed: {', '.join(told[:_LISTED])}{more}"


def _ref(name: str) -> str:
    for prefix, kind in (("refs/heads/", "the branch "), ("refs/tags/", "the tag ")):
        if name.startswith(prefix):
            return kind + name.removeprefix(prefix)
    return name


def _branch(name: str | None) -> str:
    return "no branch" if name is None else name


def _short(commit: str | None) -> str:
    return "nothing" if commit is None else commit[:10]
