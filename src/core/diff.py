"""What git says about the difference of two trees.

Formats: `git-diff-tree(1)`, "RAW OUTPUT FORMAT" with ``-z`` and ``--no-renames``,
and "GENERATING PATCH TEXT WITH -P" with ``-U0``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

RAW = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev")
"""The call whose output `parse_raw` reads; two trees follow."""

PATCH = (
    "--literal-pathspecs", "diff-tree", "-r", "-p", "-U0", "--no-renames", "--no-color",
    "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip
"""The call whose output `added_lines` reads; two trees and ``--`` with paths follow."""

SIZES = ("cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)")
"""The call whose output `parse_sizes` reads; its input is one object id a line."""

FILE_MODES = ("100644", "100755")
SUBMODULE_MODE = "160000"
ABSENT_MODE = "000000"

_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_ESCAPES = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
}


@dataclass(frozen=True, slots=True)
class Delta:
    """One path of a difference; ``kind`` is A, D, M or T, ``blob`` the new object's id."""

    path: str
    kind: str
    old_mode: str
    new_mode: str
    blob: str

    @property
    def is_file(self) -> bool:
        """Whether the path now is a regular file."""
        return self.new_mode in FILE_MODES


def parse_raw(data: bytes) -> tuple[Delta, ...]:
    """The paths that differ; what is not UTF-8 in them becomes lone surrogates."""
    words = iter(data.split(b"\0"))
    found = []
    for about in words:
        if not about.startswith(b":"):
            continue  # the end, or the name of a commit
        old_mode, new_mode, _, blob, kind = about[1:].decode("ascii").split(" ")
        path = next(words).decode("utf-8", "surrogateescape")
        found.append(Delta(path, kind[:1], old_mode, new_mode, blob))
    return tuple(found)


def parse_sizes(data: bytes) -> dict[str, int]:
    """Bytes by object id, of those objects that are there."""
    lines = (line.split(" ") for line in data.decode("ascii", "replace").splitlines())
    return {words[0]: int(words[2]) for words in lines if len(words) == 3 and words[2].isdigit()}


def in_batches(
    paths: Sequence[str], sizes: Mapping[str, int], *, size: int, names: int = 64 * 1024
) -> Iterator[list[str]]:
    """``paths`` in groups whose files have ``size`` bytes and whose names ``names`` at most.

    A file that alone is larger is in a group of its own.
    """
    batch: list[str] = []
    weight = length = 0
    for path in paths:
        more, longer = sizes.get(path, 0), len(path.encode("utf-8", "surrogateescape")) + 1
        if batch and (weight + more > size or length + longer > names):
            yield batch
            batch, weight, length = [], 0, 0
        batch.append(path)
        weight, length = weight + more, length + longer
    if batch:
        yield batch


def added_lines(patch: bytes) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """Of each file of a patch the lines that it adds: 1-based number and text.

    Lines end with a line feed only, as git counts them.  Bytes that are not
    UTF-8 are replaced.  Binary files have none.
    """
    path, lines = "", list[tuple[int, str]]()
    removed = added = number = 0
    for line in patch.split(b"\n"):
        if (removed or added) and line[:1] in (b"+", b"-", b"\\"):
            if line[:1] == b"+":
                lines.append((number, line[1:].decode("utf-8", "replace")))
                number, added = number + 1, added - 1
            elif line[:1] == b"-":
                removed -= 1
            continue
        if hunk := _HUNK.match(line):
            removed, number, added = (1 if n is None else int(n) for n in hunk.groups())
        elif line.startswith(b"diff --git "):
            if lines:
                yield path, lines
            path, lines = "", []
        elif line.startswith(b"+++ "):
            path = _name(line[4:])
    if lines:
        yield path, lines


def _name(written: bytes) -> str:
    """A path as it stands in the head of a patch: prefixed, and quoted where it is unusual."""
    written = written.removesuffix(b"\t")
    if written[:1] == b'"':
        written = _ESCAPED.sub(_unescaped, written[1:-1])
    return written.removeprefix(b"b/").decode("utf-8", "surrogateescape")


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _ESCAPES.get(code, code)
