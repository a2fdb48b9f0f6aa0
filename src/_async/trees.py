"""Trees and commits made in the object store, without a checkout or an index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .._runtime import async_runtime as rt
from ..core.git import MergeTree, decoded, parse_merge_tree
from ..core.trees import Entry, by_directory, format_tree, parse_tree
from .git import AsyncGit, GitError

IDENTITY = {
    "GIT_AUTHOR_NAME": "Code Agent",
    "GIT_AUTHOR_EMAIL": "codeagent@localhost",
    "GIT_COMMITTER_NAME": "Code Agent",
    "GIT_COMMITTER_EMAIL": "codeagent@localhost",
}
"""Who makes commits where git has not been told who the user is."""


class AsyncTrees:
    """Reads and writes objects of one repository; nothing that is checked out changes."""

    def __init__(self, git: AsyncGit, repository: Path) -> None:
        self._git = git
        self._repository = repository
        self._state = rt.StateLock()
        self._identity: Mapping[str, str] | None = None

    async def entries(self, tree: str, paths: Iterable[str]) -> dict[str, Entry]:
        """What stands at those of ``paths`` that are in ``tree``."""
        names = list(dict.fromkeys(paths))
        if not names:
            return {}
        return parse_tree(
            await self._git.run(
                self._repository, "ls-tree", "-z", "--full-tree", tree, "--", *names
            )
        )

    async def read(self, entry: Entry) -> bytes:
        """The content of a file, as it is stored."""
        return await self._git.run(self._repository, "cat-file", "blob", entry.object_id)

    async def write(self, data: bytes, like: Entry) -> Entry:
        """A file with this content, stored as it is, and the mode of another."""
        out = await self._git.run(
            self._repository, "hash-object", "-w", "--stdin", "--no-filters", stdin=data
        )
        return Entry(like.mode, like.kind, decoded(out).strip())

    async def replaced(self, tree: str, changes: Mapping[str, Entry | None]) -> str:
        """``tree`` with other entries at some paths, or none; the rest is shared with it.

        Raises `GitError` if a path leads through what is no directory.
        """
        if not changes:
            return await self._tree_of(tree)
        made = await self._replaced(tree, changes)
        return await self._write_tree({}) if made is None else made

    async def _replaced(self, tree: str | None, changes: Mapping[str, Entry | None]) -> str | None:
        found: dict[str, Entry] = {}
        if tree is not None:
            listing = await self._git.run(self._repository, "ls-tree", "-z", "--full-tree", tree)
            found = parse_tree(listing)
        here, below = by_directory(changes.items())
        before = dict(found)
        for name, entry in here.items():
            if entry is None:
                found.pop(name, None)
            else:
                found[name] = entry
        for name, inner in below.items():
            old = found.get(name)
            if old is not None and old.kind != "tree":
                if not any(inner.values()):
                    continue
                raise GitError(("mktree",), 1, f"{name} is a file where a directory is needed")
            made = await self._replaced(None if old is None else old.object_id, inner)
            if made is None:
                found.pop(name, None)
            else:
                found[name] = Entry("040000", "tree", made)
        if tree is not None and found == before:
            return await self._tree_of(tree)
        return await self._write_tree(found) if found else None

    async def _tree_of(self, commit: str) -> str:
        return await self._git.text(self._repository, "rev-parse", "--verify", f"{commit}^{{tree}}")

    async def _write_tree(self, entries: Mapping[str, Entry]) -> str:
        out = await self._git.run(
            self._repository, "mktree", "-z", "--missing", stdin=format_tree(entries)
        )
        return decoded(out).strip()

    async def merge(self, ours: str, theirs: str) -> MergeTree:
        """What merging two commits gives, with the paths in conflict.

        Raises `GitError` if it cannot be told, for they have no common history.
        """
        outcome = await self._git.attempt(
            self._repository, "merge-tree", "--write-tree", "-z", "--name-only", ours, theirs
        )
        if outcome.code not in (0, 1):
            raise GitError(("merge-tree", ours, theirs), outcome.code, outcome.err)
        return parse_merge_tree(outcome.out)

    async def commit(
        self,
        tree: str,
        parents: Sequence[str],
        message: str,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """A commit of ``tree``, by the user, or by us where git does not know who that is."""
        arguments = [word for parent in parents for word in ("-p", parent)]
        out = await self._git.run(
            self._repository,
            "commit-tree",
            tree,
            *arguments,
            "-F",
            "-",
            stdin=message.encode("utf-8", "surrogateescape"),
            environment={**await self._who(), **(environment or {})},
        )
        return decoded(out).strip()

    async def _who(self) -> Mapping[str, str]:
        with self._state:
            known = self._identity
        if known is not None:
            return known
        missing = {}
        for role in ("AUTHOR", "COMMITTER"):
            asked = ("-c", "user.useConfigOnly=true", "var", f"GIT_{role}_IDENT")
            outcome = await self._git.attempt(self._repository, *asked)
            if outcome.code:
                missing.update({n: v for n, v in IDENTITY.items() if n.startswith(f"GIT_{role}")})
        with self._state:
            self._identity = missing
        return missing
