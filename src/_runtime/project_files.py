"""What is read of a project to find out how it is verified. Blocking."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

LARGEST = 200_000
"""Bytes of one file that are read."""

MOST = 200
"""Files of the directories with tests that are read."""


def texts(directory: Path, is_of_interest: Callable[[str], bool]) -> dict[str, str]:
    """The texts by relative path of the files of interest, links left aside.

    Looked at are the top of ``directory`` and its directories ``test`` and ``tests``.
    """
    found: dict[str, str] = {}
    for path in _candidates(directory):
        name = path.relative_to(directory).as_posix()
        if is_of_interest(name):
            try:
                with path.open("rb") as file:
                    found[name] = file.read(LARGEST).decode("utf-8", "replace")
            except OSError:
                continue
    return found


def _candidates(directory: Path) -> Iterator[Path]:
    yield from _files(directory)
    left = MOST
    for place in ("test", "tests"):
        for folder, folders, _ in os.walk(directory / place):
            folders.sort()
            for path in _files(Path(folder)):
                if not left:
                    return
                left -= 1
                yield path


def _files(directory: Path) -> list[Path]:
    try:
        with os.scandir(directory) as entries:
            return sorted(Path(e.path) for e in entries if e.is_file(follow_symlinks=False))
    except OSError:
        return []
