"""Landed commits made again upon a target that has moved on."""

from __future__ import annotations

from pathlib import Path

from ..core.git import decoded
from ..core.landing_edit import SharedFiles, carried
from ..core.trees import Entry
from .git import AsyncGit
from .trees import AsyncTrees


class ReplayConflict(Exception):
    """A landed commit and what came upon the target meanwhile change the same lines."""


class AsyncReplay:
    """Cherry-picks without a checkout; messages, authors and dates stay."""

    def __init__(
        self, git: AsyncGit, trees: AsyncTrees, *, repository: Path, shared: SharedFiles
    ) -> None:
        self._git = git
        self._trees = trees
        self._repository = repository
        self._shared = shared

    async def replay(self, landed: str, onto: str) -> list[str]:
        """The commits that ``landed`` has and ``onto`` has not, upon ``onto``, oldest first.

        Those whose change is there already are left out.  Raises
        `ReplayConflict` and `GitError`.
        """
        listed = await self._git.text(
            self._repository,
            "rev-list",
            "--reverse",
            "--topo-order",
            "--no-merges",
            landed,
            "--not",
            onto,
        )
        made: list[str] = []
        tip = onto
        for commit in listed.split():
            tree = await self._pick(commit, tip)
            if tree != await self._trees.tree_of(tip):
                tip = await self._again(commit, tree, tip)
                made.append(tip)
        return made

    async def _pick(self, commit: str, tip: str) -> str:
        # A commit with the tip's tree and the parent of what is picked: so that parent
        # is where the two part, whatever the history.
        here = await self._trees.tree_of(tip)
        ours = await self._trees.commit(here, [f"{commit}^"], "target")
        merged = await self._trees.merge(ours, commit)
        if not merged.conflicts:
            return merged.tree
        if not set(merged.conflicts) <= self._shared.names:
            subject = await self._git.text(self._repository, "log", "-1", "--format=%s", commit)
            files = ", ".join(name for name in merged.conflicts if name not in self._shared.names)
            raise ReplayConflict(
                f'the landed commit {commit[:12]} ("{subject}") conflicts with {tip[:12]} in {files}'
            )
        edits: dict[str, Entry | None] = {}
        for name in merged.conflicts:
            edits[name] = await self._carried(name, commit, tip)
        return await self._trees.replaced(merged.tree, edits)

    async def _carried(self, name: str, commit: str, tip: str) -> Entry | None:
        versions: list[Entry | None] = []
        for revision in (f"{commit}^", commit, tip):
            found = await self._trees.entries(revision, [name])
            versions.append(found.get(name))
        before, after, other = versions
        if before is None or after is None or other is None:
            return other
        data = carried(
            name,
            await self._trees.read(before),
            await self._trees.read(after),
            await self._trees.read(other),
            status=name == self._shared.status,
        )
        return await self._trees.write(data, other)

    async def _again(self, commit: str, tree: str, parent: str) -> str:
        out = await self._git.run(
            self._repository, "log", "-1", "--date=raw", "--format=%an%x00%ae%x00%ad%x00%B", commit
        )
        name, email, date, text = decoded(out).split("\0", 3)
        author = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": date}
        return await self._trees.commit(tree, [parent], text.rstrip("\n") + "\n", author)
