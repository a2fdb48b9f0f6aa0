# Generated from src/_async/todo.py. Do not edit.
"""The TODO list on disk: found, read, marked, watched."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .._runtime import sync_runtime as rt
from ..core import todo as lists
from .io import IOManager


@dataclass(frozen=True, slots=True)
class Loaded:
    """The whole list: the files it came from, its items, and what was wrong."""

    files: tuple[str, ...]
    items: tuple[lists.ListedItem, ...]
    problems: tuple[tuple[str, str], ...]


class TodoManager:
    """Every file of a project's list, each item marked in the file it came from."""

    def __init__(self, io: IOManager, project: Path, todo_format: str) -> None:
        self._io = io
        self._project = project
        self._names = lists.candidate_names(todo_format)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Where a file of the list may be, also while there is none."""
        return tuple(self._project / name for name in self._names)

    def watch(self) -> rt.Watch:
        """A block in which changes of the list can be waited for.

        Also of what its files are links to now.
        """
        return self._io.watch({*self.paths, *(Path(os.path.realpath(p)) for p in self.paths)})

    def load(self) -> Loaded:
        """Read the list as it is now."""
        with self._io.undisturbed(self._project):
            found = rt.run_blocking(_read_all, self._project, self._names)
        documents: list[tuple[str, lists.Document]] = []
        problems: list[tuple[str, str]] = []
        for name, data, problem in found:
            if data is None:
                problems.append((name, problem))
                continue
            document = lists.parse(data, _format(name, data))
            documents.append((name, document))
            problems += [(name, f"line {p.line + 1}: {p.message}") for p in document.problems]
        return Loaded(tuple(name for name, _ in documents), lists.merge(documents), tuple(problems))

    def mark(self, source: str, text: str, state: lists.ItemState, comment: str | None) -> bool:
        """Change the one line of an item in its file, as the file is now.

        Returns whether anything changed.  Raises `OSError` and
        `lists.TodoError` if the item is gone or cannot be edited.
        """

        def change(data: bytes) -> bytes:
            return lists.mark(data, _format(source, data), text, state, comment)

        return self._io.edit(self._project / source, change)


def _format(name: str, data: bytes) -> lists.TodoFormat:
    return lists.format_of(name, data[:1024].decode("utf-8", "replace"))


def _read_all(project: Path, names: Iterable[str]) -> list[tuple[str, bytes | None, str]]:
    """Name, content and problem of every file there is, each file once."""
    found: list[tuple[str, bytes | None, str]] = []
    seen: set[tuple[int, int]] = set()
    for name in names:
        path = project / name
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) in seen or path.is_dir():
                continue  # a disk that takes upper and lower case for the same
            seen.add((status.st_dev, status.st_ino))
            if status.st_size > lists.MAX_BYTES:
                limit = f"it is larger than {lists.MAX_BYTES} bytes; split it"
                found.append((name, None, limit))
                continue
            found.append((name, path.read_bytes(), ""))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            found.append((name, None, f"it cannot be read: {error.strerror}"))
    return found
