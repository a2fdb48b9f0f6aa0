# Generated from src/_async/trees.py. Do not edit.
"""Trees and commits made in the object store, without a checkout or an index."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from .._runtime import sync_runtime as rt
from ..core.errors import first
from ..core.git import MergeTree, decoded, parse_merge_tree
from ..core.trees import Entry, Recent, below, by_directory, format_tree, parse_tree
from .git import Git, GitError

IDENTITY = {
    "GIT_AUTHOR_NAME": "Code Agent",
    "GIT_AUTHOR_EMAIL": "codeagent@localhost",
    "GIT_COMMITTER_NAME": "Code Agent",
    "GIT_COMMITTER_EMAIL": "codeagent@localhost",
}
"""Who makes commits where git has not been told who the user is."""

_is_object_id = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?").fullmatch
"""SHA-1 or SHA-256; other names of a commit may mean another one later."""


class Trees:
    """Reads and writes objects of one repository; nothing that is checked out changes.

    What was read or written lately is not asked for again, for objects never
    change: every call of git is a process.
    """

    def __init__(self, git: Git, repository: Path) -> None:
        self._git = git
        self._repository = repository
        self._state = rt.StateLock()
        self._identity: Mapping[str, str] | None = None
        self._trees: Recent[str] = Recent(256)
        self._listings: Recent[Mapping[str, Entry]] = Recent(64)
        self._contents: Recent[bytes] = Recent(8)

    def tree_of(self, commit: str) -> str:
        """The tree of a commit, or of a tree itself."""
        with self._state:
            known = self._trees.get(commit)
        if known is None:
            words = ("rev-parse", "--verify", f"{commit}^{{tree}}")
            known = self._git.text(self._repository, *words)
            if _is_object_id(commit):
                self.know(commit, known)
        return known

    def know(self, commit: str, tree: str) -> None:
        """Remember the tree of a commit."""
        with self._state:
            self._trees.remember(commit, tree)

    def entries(self, tree: str, paths: Iterable[str]) -> dict[str, Entry]:
        """What stands at those of ``paths`` that are in ``tree``."""
        listing = self._listing(self.tree_of(tree))
        found: dict[str, Entry] = {}
        for path in dict.fromkeys(paths):
            inside, name = listing, path
            while "/" in name and inside:
                directory, _, name = name.partition("/")
                entry = inside.get(directory)
                is_tree = entry is not None and entry.kind == "tree"
                inside = self._listing(entry.object_id) if entry and is_tree else {}
            if name in inside:
                found[path] = inside[name]
        return found

    def content(self, tree: str, without: Sequence[str]) -> str:
        """What tells ``tree`` from others whose files differ, those in ``without`` aside."""
        return self._content(self.tree_of(tree), without)

    def _content(self, tree: str, without: Sequence[str]) -> str:
        listing = dict(self._listing(tree))
        for name in list(listing):
            if name in without:
                del listing[name]
            elif (inner := below(without, name)) and listing[name].kind == "tree":
                digest = self._content(listing[name].object_id, inner)
                listing[name] = Entry("040000", "tree", digest)
        return sha256(format_tree(listing)).hexdigest()

    def _listing(self, tree: str) -> Mapping[str, Entry]:
        with self._state:
            known = self._listings.get(tree)
        if known is None:
            out = self._git.run(self._repository, "ls-tree", "-z", "--full-tree", tree)
            known = parse_tree(out)
            with self._state:
                self._listings.remember(tree, known)
        return known

    def read(self, entry: Entry) -> bytes:
        """The content of a file, as it is stored."""
        with self._state:
            known = self._contents.get(entry.object_id)
        if known is None:
            known = self._git.run(self._repository, "cat-file", "blob", entry.object_id)
            with self._state:
                self._contents.remember(entry.object_id, known)
        return known

    def write(self, data: bytes, like: Entry) -> Entry:
        """A file with this content, stored as it is, and the mode of another."""
        out = self._git.run(
            self._repository, "hash-object", "-w", "--stdin", "--no-filters", stdin=data
        )
        object_id = decoded(out).strip()
        with self._state:
            self._contents.remember(object_id, data)
        return Entry(like.mode, like.kind, object_id)

    def write_all(self, contents: Mapping[str, tuple[bytes, Entry]]) -> dict[str, Entry]:
        """As `write`, for several paths side by side."""
        try:
            with rt.TaskGroup() as group:
                writing = [group.start_soon(self.write, *each) for each in contents.values()]
        except BaseExceptionGroup as error:
            raise first(error) from None
        return {path: task.wait() for path, task in zip(contents, writing, strict=True)}

    def replaced(self, tree: str, changes: Mapping[str, Entry | None]) -> str:
        """``tree`` with other entries at some paths, or none; the rest is shared with it.

        Raises `GitError` if a path leads through what is no directory.
        """
        made = self._replaced(self.tree_of(tree), changes)
        return self._write_tree({}) if made is None else made

    def _replaced(self, tree: str | None, changes: Mapping[str, Entry | None]) -> str | None:
        before = {} if tree is None else self._listing(tree)
        after = dict(before)
        here, inside = by_directory(changes.items())
        for name, entry in here.items():
            if entry is None:
                after.pop(name, None)
            else:
                after[name] = entry
        for name, inner in inside.items():
            old = after.get(name)
            if old is not None and old.kind != "tree":
                if not any(inner.values()):
                    continue
                raise GitError(("mktree",), 1, f"{name} is a file where a directory is needed")
            made = self._replaced(None if old is None else old.object_id, inner)
            if made is None:
                after.pop(name, None)
            else:
                after[name] = Entry("040000", "tree", made)
        if tree is not None and after == before:
            return tree
        return self._write_tree(after) if after else None

    def _write_tree(self, entries: Mapping[str, Entry]) -> str:
        out = self._git.run(
            self._repository, "mktree", "-z", "--missing", stdin=format_tree(entries)
        )
        tree = decoded(out).strip()
        with self._state:
            self._listings.remember(tree, dict(entries))
            self._trees.remember(tree, tree)
        return tree

    def merge(self, ours: str, theirs: str) -> MergeTree:
        """What merging two commits gives, with the paths in conflict.

        Raises `GitError` if it cannot be told, for they have no common history.
        """
        outcome = self._git.attempt(
            self._repository, "merge-tree", "--write-tree", "-z", "--name-only", ours, theirs
        )
        if outcome.code not in (0, 1):
            raise GitError(("merge-tree", ours, theirs), outcome.code, outcome.err)
        merged = parse_merge_tree(outcome.out)
        self.know(merged.tree, merged.tree)
        return merged

    def commit(
        self,
        tree: str,
        parents: Sequence[str],
        message: str,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """A commit of ``tree``, by the user, or by us where git does not know who that is."""
        arguments = [word for parent in parents for word in ("-p", parent)]
        out = self._git.run(
            self._repository,
            "commit-tree",
            tree,
            *arguments,
            "-F",
            "-",
            stdin=message.encode("utf-8", "surrogateescape"),
            environment={**self._who(), **(environment or {})},
        )
        commit = decoded(out).strip()
        self.know(commit, tree)
        return commit

    def _who(self) -> Mapping[str, str]:
        with self._state:
            known = self._identity
        if known is not None:
            return known
        missing = {}
        for role in ("AUTHOR", "COMMITTER"):
            asked = ("-c", "user.useConfigOnly=true", "var", f"GIT_{role}_IDENT")
            outcome = self._git.attempt(self._repository, *asked)
            if outcome.code:
                missing.update({n: v for n, v in IDENTITY.items() if n.startswith(f"GIT_{role}")})
        with self._state:
            self._identity = missing
        return missing
