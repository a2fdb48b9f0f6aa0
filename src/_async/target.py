"""The branch that work lands on: where it stands, and how it moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .._runtime import async_runtime as rt
from .._runtime.repositories import common_directory
from ..core.git import NO_COMMIT, Worktree, decoded, parse_worktrees
from ..core.landing import (
    BEHIND,
    FORWARDED,
    INTEGRATION,
    NOT_CHECKED_OUT,
    REMOTE_REFS,
    Course,
    Heads,
    course,
    told,
)
from .checkout import AsyncCheckout
from .git import AsyncGit, GitError
from .replay import AsyncReplay, ReplayConflict

Check = Callable[[Sequence[str]], rt.Result[str]]
"""Verifies commits, oldest first; the result is what is wrong, "" if nothing is."""

_TRIES = 5
_SET = "set landing.target"


class NoTarget(Exception):
    """There is no branch to land on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Tip:
    """What the next landing builds upon, as found at ``heads``.

    ``forward`` is whether the target is an ancestor of it.
    """

    commit: str
    heads: Heads
    forward: bool


async def target_branch(git: AsyncGit, repository: Path, configured: str | None) -> str:
    """The branch to land on: as configured, else the one that is checked out.

    Raises `NoTarget` if there is none, or none with a commit.
    """
    name = (configured or "").removeprefix("refs/heads/")
    if not name:
        outcome = await git.attempt(repository, "symbolic-ref", "--quiet", "--short", "HEAD")
        name = decoded(outcome.out).strip()
    if not name:
        raise NoTarget(f"no branch is checked out in {repository}: check one out, or {_SET}")
    outcome = await git.attempt(repository, "rev-parse", "--verify", "-q", f"refs/heads/{name}")
    if outcome.code:
        raise NoTarget(f"there is no branch {name} with a commit: make it, or {_SET}")
    return name


class AsyncTarget:
    """One branch of a repository, and the integration branch that runs ahead of it.

    Where the target is checked out nowhere it is moved itself.  Otherwise the
    integration branch is, and the target follows, together with the checkout,
    as soon as nothing of the user's is in the way.
    """

    def __init__(
        self,
        git: AsyncGit,
        checkout: AsyncCheckout,
        replay: AsyncReplay,
        *,
        repository: Path,
        name: str,
        published: bool,
        check: Check,
    ) -> None:
        self._git = git
        self._checkout = checkout
        self._replay = replay
        self._repository = repository
        self._published = published
        self._check = check
        self._ref = f"refs/heads/{name}"
        self._landed_ref = f"refs/heads/{INTEGRATION}{name}"
        self._remote_ref = f"{REMOTE_REFS}{name}"
        self._replayed: set[str] = set()
        self._stuck: tuple[str, str] | None = None  # a head, and why nothing goes onto it
        self.name = name

    @property
    def replayed(self) -> frozenset[str]:
        """The commits that were made when landed ones were replayed."""
        return frozenset(self._replayed)

    async def heads(self) -> Heads:
        """Where the branches stand now. Raises `NoTarget`."""
        out = await self._git.text(
            self._repository,
            "for-each-ref",
            "--format=%(refname) %(objectname)",
            self._ref,
            self._landed_ref,
            self._remote_ref,
        )
        found = dict(line.split(" ", 1) for line in out.splitlines())
        target = found.get(self._ref)
        if target is None:
            raise NoTarget(f"there is no branch {self.name} any more: make it again, or {_SET}")
        remote = found.get(self._remote_ref) if self._published else None
        return Heads(target, found.get(self._landed_ref), remote)

    async def tip(self) -> Tip:
        """What the next landing builds upon.

        Landed commits that the target has not taken are replayed where it, or
        the remote, has moved on meanwhile.  Raises `NoTarget` and `GitError`.
        """
        for _ in range(_TRIES):
            heads = await self.heads()
            head, forward = heads.target, True
            if heads.remote is not None:
                ahead, behind = await self._counts(heads.remote, heads.target)
                if ahead:
                    head, forward = heads.remote, not behind
            landed = heads.landed
            if landed is None:
                return Tip(head, heads, forward)
            where = course(*await self._counts(landed, head))
            if where is Course.TARGET:
                if head == heads.target:
                    await self._move([f"delete {self._landed_ref} {landed}"])
                    heads = replace(heads, landed=None)
                return Tip(head, heads, forward)
            if where is Course.LANDED:
                return Tip(landed, heads, forward)
            if self._stuck is not None and self._stuck[0] == head:
                return Tip(landed, heads, forward=False)
            if reason := await self._replay_on(head, heads, landed):
                self._stuck = (head, reason)
        raise GitError(("update-ref",), 1, f"{self.name} is changed again and again")

    async def _replay_on(self, head: str, heads: Heads, landed: str) -> str:
        """Move the integration branch upon ``head``; why that cannot be done, "" if tried."""
        try:
            commits = await self._replay.replay(landed, head)
        except ReplayConflict as conflict:
            return str(conflict)
        if commits and (problem := await self._check(commits)):
            return f"what has landed does not work upon {head[:12]}: {problem}"
        self._replayed.update(commits)
        new = commits[-1] if commits else head
        await self._move(
            [
                f"verify {self._ref} {heads.target}",
                f"update {self._landed_ref} {new} {landed}",
            ]
        )
        return ""

    async def move(self, tip: Tip, new: str, *, pushed: bool) -> bool:
        """Make ``new`` landed, by compare-and-swap.

        Returns whether nothing had moved meanwhile; what the remote has
        ``pushed`` already has landed whatever the target does.
        """
        heads = tip.heads
        if tip.forward and not await self._places():
            commands = [f"update {self._ref} {new} {heads.target}"]
            if heads.landed is not None:
                commands.append(f"delete {self._landed_ref} {heads.landed}")
            if await self._move(commands):
                return True
            if not pushed:
                return False
        commands = [f"update {self._landed_ref} {new} {heads.landed or NO_COMMIT}"]
        if not pushed:
            commands.append(f"verify {self._ref} {heads.target}")
        return await self._move(commands)

    async def follow(self) -> str:
        """Let the target take what has landed, where that is possible.

        Returns one of the forms of `Landed.checkout`.
        """
        heads = await self.heads()
        places = await self._places()
        if heads.landed is None:
            return FORWARDED if places else NOT_CHECKED_OUT
        ahead, behind = await self._counts(heads.landed, heads.target)
        if ahead and behind:
            stuck = self._stuck[1] if self._stuck is not None else ""
            reason = stuck or f"{self.name} and what has landed have diverged"
            return BEHIND + told(reason, self.name, diverged=True)
        if ahead and not places:
            moved = await self._move(
                [
                    f"update {self._ref} {heads.landed} {heads.target}",
                    f"delete {self._landed_ref} {heads.landed}",
                ]
            )
            return NOT_CHECKED_OUT if moved else BEHIND + told("it moved just now", self.name)
        if ahead:
            reason = ""
            if len(places) > 1:
                listed = ", ".join(str(place) for place, _ in places)
                reason = f"{self.name} is in use in several places ({listed}): leave all but one"
            elif places[0][1]:
                reason = f"{self.name} is being rebased in {places[0][0]}: finish or abort that"
            else:
                reason = await self._checkout.forward(places[0][0], heads.target, heads.landed)
            if reason:
                return BEHIND + told(reason, self.name)
        await self._move([f"delete {self._landed_ref} {heads.landed}"])
        return FORWARDED if places else NOT_CHECKED_OUT

    async def holding(self, name: str, commit: str | None = None) -> list[str]:
        """The heads of the target called ``name``, the remote's too, that hold ``commit``."""
        refs = (f"refs/heads/{name}", f"refs/heads/{INTEGRATION}{name}", f"{REMOTE_REFS}{name}")
        contains = () if commit is None else ("--contains", commit)
        asked = ("for-each-ref", "--format=%(objectname)", *contains, *refs)
        outcome = await self._git.attempt(self._repository, *asked)
        return decoded(outcome.out).split()

    async def _counts(self, one: str, other: str) -> tuple[int, int]:
        """How many commits ``one`` has that ``other`` lacks, and the other way round."""
        if one == other:
            return 0, 0
        out = await self._git.text(
            self._repository, "rev-list", "--left-right", "--count", f"{one}...{other}"
        )
        ahead, behind = out.split()
        return int(ahead), int(behind)

    async def _move(self, commands: Sequence[str]) -> bool:
        """All of these changes of refs or none; False if a ref was not as expected."""
        async with self._git.repository_lock(self._repository):
            outcome = await self._git.attempt(
                self._repository,
                "update-ref",
                "-m",
                "codeagent: landed",
                "--stdin",
                stdin="".join(f"{line}\n" for line in commands).encode(),
            )
        if outcome.code and not any(words in outcome.err for words in _NOT_AS_EXPECTED):
            raise GitError(("update-ref", *commands), outcome.code, outcome.err)
        return outcome.code == 0

    async def _places(self) -> list[tuple[Path, bool]]:
        """Where the target is checked out, and whether it is being rebased there."""
        out = await self._git.run(self._repository, "worktree", "list", "--porcelain", "-z")
        trees = [tree for tree in parse_worktrees(out) if not tree.bare and tree.prunable is None]
        common = await rt.run_blocking(common_directory, self._repository)
        rebased = await rt.run_blocking(_rebased, common, self._ref, trees)
        places = [(Path(tree.path), False) for tree in trees if tree.branch == self.name]
        return places + [(path, True) for path in rebased]


_NOT_AS_EXPECTED = ("but expected", "reference already exists", "unable to resolve reference")


def _rebased(common: Path, ref: str, trees: Sequence[Worktree]) -> list[Path]:
    """The worktrees in which a rebase of ``ref`` is under way, which detaches it."""
    found = []
    for name in ("rebase-merge", "rebase-apply"):
        for file in (common / name / "head-name", *common.glob(f"worktrees/*/{name}/head-name")):
            try:
                is_it = decoded(file.read_bytes()).strip() == ref
            except OSError:
                continue
            if is_it:
                admin = file.parent.parent
                found.append(Path(trees[0].path) if admin == common else _home(admin))
    return found


def _home(admin: Path) -> Path:
    try:
        return Path(decoded((admin / "gitdir").read_bytes()).strip()).parent
    except OSError:
        return admin
