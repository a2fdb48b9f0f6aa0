"""Bringing the user's checkout up to date, where nothing of the user's is in the way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from .._runtime import async_runtime as rt
from ..core.git import GitOutcome, StatusEntry, fields, parse_status
from ..core.landing_edit import SharedFiles, carried
from ..core.trees import Entry
from .git import AsyncGit
from .io import AsyncIOManager
from .trees import AsyncTrees

_UNDER_WAY = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD")
_NAMED = 3


class AsyncCheckout:
    """Fast-forwards a branch together with the directory in which it is checked out.

    It is done by git when the checkout is clean.  When only the TODO list or
    the status file differ, which people and the server write at any time,
    everything else is forwarded, and these files get what was landed in them
    added to what they hold.  In all other cases nothing is touched.
    """

    def __init__(
        self,
        git: AsyncGit,
        trees: AsyncTrees,
        io: AsyncIOManager,
        *,
        target: str,
        shared: SharedFiles,
    ) -> None:
        self._git = git
        self._trees = trees
        self._io = io
        self._target = target
        self._shared = shared

    async def forward(self, place: Path, old: str, new: str) -> str:
        """Take the checkout in ``place`` from ``old`` to its descendant ``new``.

        Returns why that could not be done, "" if it was.  Raises `GitError`.
        """
        async with self._git.repository_lock(place), self._io.undisturbed(place):
            entries = await self._changed(place)
            if not entries:
                outcome = await self._git.attempt(
                    place, "merge", "--ff-only", "--no-overwrite-ignore", "--quiet", new
                )
                return _reason(outcome, place)
            names = {entry.path for entry in entries}
            own = names <= self._shared.names
            if not (own and all(entry.code == ".M" for entry in entries)):
                if not await self._was_interrupted(place, new):
                    return f"{_listed(names)} changed in {place}: commit or stash that"
                names &= self._shared.names
            elif reason := await self._cannot_carry(place, old, new):
                return reason
            else:
                kept = await self._trees.entries(old, names)
                interim = await self._trees.replaced(new, {name: kept.get(name) for name in names})
                await self._git.attempt(place, "update-index", "-q", "--refresh")
                outcome = await self._git.attempt(place, "read-tree", "-m", "-u", old, interim)
                if outcome.code:
                    return _reason(outcome, place)
            return await self._finish(place, old, new, names)

    async def _changed(self, place: Path) -> tuple[StatusEntry, ...]:
        data = await self._git.run(
            place, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=no"
        )
        return parse_status(data).entries

    async def _cannot_carry(self, place: Path, old: str, new: str) -> str:
        for name in _UNDER_WAY:
            outcome = await self._git.attempt(place, "rev-parse", "-q", "--verify", name)
            if not outcome.code:
                return f"{place} is in the middle of something ({name}): finish or abort it"
        added = fields(
            await self._git.run(
                place, "diff-tree", "-r", "-z", "--no-renames", "--name-only", "--diff-filter=A",
                old, new,
            )
        )  # fmt: skip
        found = await rt.run_blocking(_existing, place, added)
        return f"{_listed(found)} in the way in {place}: move or remove that" if found else ""

    async def _was_interrupted(self, place: Path, new: str) -> bool:
        """Whether all is there but for the branch, as a crash in `forward` leaves it."""
        names: set[str] = set()
        for command in (
            ("diff-index", "--cached", "--name-only", "-z", new),
            ("diff", "--name-only", "-z"),
        ):
            names.update(fields(await self._git.run(place, *command)))
        return names <= self._shared.names

    async def _finish(self, place: Path, old: str, new: str, names: Iterable[str]) -> str:
        ours = sorted(names)
        before = await self._trees.entries(old, ours)
        after = await self._trees.entries(new, ours)
        for name in ours:
            if name in before and name in after and before[name] != after[name]:
                await self._carry(place, name, before[name], after[name])
        info = "".join(
            f"{after[name].mode} {after[name].object_id}\t{name}\0"
            for name in ours
            if name in after
        )
        await self._git.run(
            place, "update-index", "-z", "--index-info",
            stdin=info.encode("utf-8", "surrogateescape"),
        )  # fmt: skip
        outcome = await self._git.attempt(
            place, "update-ref", "-m", "codeagent: landed", f"refs/heads/{self._target}", new, old
        )
        return _reason(outcome, place)

    async def _carry(self, place: Path, name: str, before: Entry, after: Entry) -> None:
        was, now = await self._trees.read(before), await self._trees.read(after)
        status = name == self._shared.status
        change = _change(name, was, now, status=status)
        try:
            await self._io.edit(place / name, change)
        except FileNotFoundError:  # the user has just removed it
            return


def _change(name: str, was: bytes, now: bytes, *, status: bool) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        return carried(name, was, now, data, status=status)

    return change


def _existing(place: Path, names: Iterable[str]) -> list[str]:
    return [name for name in names if os.path.lexists(place / name)]


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    shown = ", ".join(ordered[:_NAMED])
    more = len(ordered) - _NAMED
    verb = "is" if len(ordered) == 1 else "are"
    return f"{shown} and {more} more {verb}" if more > 0 else f"{shown} {verb}"


def _reason(outcome: GitOutcome, place: Path) -> str:
    if not outcome.code:
        return ""
    lines = [line.strip() for line in outcome.err.splitlines() if line.strip()]
    said = " ".join(line for line in lines if line != "Aborting").rstrip(".")
    return f"git refuses in {place}: {said or f'it ended with code {outcome.code}'}"
