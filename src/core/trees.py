"""Git's trees as ``ls-tree`` shows them and ``mktree`` takes them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from .git import fields

T = TypeVar("T")

FILES = frozenset({"100644", "100755"})
"""Modes of ordinary files; links, directories and submodules have others."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at a path: its mode (octal), its kind (blob, tree, commit), its object."""

    mode: str
    kind: str
    object_id: str

    @classmethod
    def new_file(cls) -> Entry:
        """An ordinary file that has no content yet."""
        return cls("100644", "blob", "")

    @property
    def is_file(self) -> bool:
        """Whether it is an ordinary file."""
        return self.mode in FILES


def parse_tree(data: bytes) -> dict[str, Entry]:
    """What ``ls-tree -z`` says (`git-ls-tree(1)`, default format)."""
    found = {}
    for line in fields(data):
        about, _, path = line.partition("\t")
        mode, kind, object_id = about.split(" ")
        found[path] = Entry(mode, kind, object_id)
    return found


def format_tree(entries: Mapping[str, Entry]) -> bytes:
    """``entries`` of one directory as ``mktree -z`` reads them; it sorts them itself."""
    lines = (f"{e.mode} {e.kind} {e.object_id}\t{name}\0" for name, e in entries.items())
    return "".join(lines).encode("utf-8", "surrogateescape")


def below(paths: Iterable[str], directory: str) -> tuple[str, ...]:
    """Those of ``paths`` that lie in ``directory``, relative to it."""
    prefix = f"{directory}/"
    return tuple(path[len(prefix) :] for path in paths if path.startswith(prefix))


def by_directory(
    changes: Iterable[tuple[str, Entry | None]],
) -> tuple[dict[str, Entry | None], dict[str, dict[str, Entry | None]]]:
    """Changes of paths, split into those of this directory and those of each one below it."""
    here: dict[str, Entry | None] = {}
    below: dict[str, dict[str, Entry | None]] = {}
    for path, entry in changes:
        name, slash, rest = path.partition("/")
        if slash:
            below.setdefault(name, {})[rest] = entry
        else:
            here[name] = entry
    return here, below


def literal_pattern(name: str) -> str:
    """The pattern of `gitignore(5)` for this one path below the top, whatever it holds."""
    escaped = "".join(f"\\{letter}" if letter in "\\*?[]! #" else letter for letter in name)
    return f"/{escaped}"


class Recent(Generic[T]):
    """What was read of the newest objects; objects never change."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: OrderedDict[str, T] = OrderedDict()

    def get(self, object_id: str) -> T | None:
        """What is known of an object, if it is."""
        found = self._known.get(object_id)
        if found is not None:
            self._known.move_to_end(object_id)
        return found

    def remember(self, object_id: str, value: T) -> T:
        """Remember it, and forget what nobody asked for longest."""
        self._known[object_id] = value
        self._known.move_to_end(object_id)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)
        return value
