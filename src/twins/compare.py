"""Two sets of files, compared both ways."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    MISSING = "missing"
    CHANGED = "changed"
    SURPLUS = "surplus"


@dataclass(frozen=True, slots=True)
class Difference:
    """A file of the sync tree that is not what its source says.

    ``diff`` is a unified diff from what is there to what should be; it is empty
    for a surplus file.
    """

    path: str
    kind: Kind
    diff: str

    def __str__(self) -> str:
        return f"{self.path}: {self.kind}\n{self.diff}".rstrip("\n")


def compare(wanted: Mapping[str, bytes], present: Mapping[str, bytes]) -> list[Difference]:
    """Every file that is missing, changed or surplus, by path."""
    found = []
    for path in sorted(wanted.keys() | present.keys()):
        if path not in wanted:
            found.append(Difference(path, Kind.SURPLUS, ""))
        elif path not in present:
            found.append(Difference(path, Kind.MISSING, _diff(path, b"", wanted[path])))
        elif wanted[path] != present[path]:
            text = _diff(path, present[path], wanted[path])
            found.append(Difference(path, Kind.CHANGED, text))
    return found


def _diff(path: str, old: bytes, new: bytes) -> str:
    before, after = _lines(old), _lines(new)
    if before == after and old:
        return "only line ends or encoding differ: the file must be UTF-8 with LF, without a BOM\n"
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(before, after, path, f"{path} (expected)")
    )


def _lines(data: bytes) -> list[str]:
    text = data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    return text.splitlines(keepends=True)
