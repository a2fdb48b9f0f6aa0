"""Whether a file is the report that an instruction was asked for.

A report counts only if it is new or changed since the instruction began: the
file of an earlier instruction or task, with the same name and the same phrase,
says nothing about this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath
from typing import Final

MAX_BYTES: Final = 10 * 1024 * 1024
"""The size in bytes up to which a file is taken for a report."""

_RESULTS_DIR: Final = "docs/results"
_EXCHANGE_DIR: Final = "cursor_results"


class ReportPathError(ValueError):
    """A report is expected at a place that is not inside the project."""


class Verdict(StrEnum):
    """What a look at a file has shown. Only ``ACCEPTED`` ends the wait."""

    ACCEPTED = "accepted"
    MISSING = "missing"
    STALE = "stale"  # as it was when the instruction began
    UNSTABLE = "unstable"  # changed while it was read
    EMPTY = "empty"  # nothing in it, and no phrase to wait for
    NO_PHRASE = "no_phrase"
    UNDECODABLE = "undecodable"  # not UTF-8, perhaps cut within a character
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Signature:
    """What tells one state of a file from another (``os.stat_result`` has the values).

    ``mtime_ns`` is in nanoseconds since the epoch, ``size`` in bytes.
    """

    mtime_ns: int
    size: int
    inode: int


@dataclass(frozen=True, slots=True)
class Baseline:
    """The candidates as they were when the instruction began; absent ones are left out."""

    signatures: Mapping[str, Signature] = field(default_factory=dict)

    def is_fresh(self, path: str, signature: Signature) -> bool:
        """Whether the file at ``path`` is new or has changed."""
        return self.signatures.get(path) != signature

    def verdict(self, path: str) -> Verdict:
        """What a look at ``path`` would show as long as nothing has changed."""
        return Verdict.STALE if path in self.signatures else Verdict.MISSING


def default_report(task_id: str) -> str:
    """Where the report of an instruction is expected that names no file."""
    return f"{_RESULTS_DIR}/result_{task_id}.md"


def candidates(report: str, task_id: str) -> tuple[str, ...]:
    """The paths, relative to the project, at which a report may appear, in order.

    First the answers of the file-based interface, then the file itself, then the
    names that agents like to give to the report of a test run.
    """
    stems = (f"result_{task_id}", task_id, f"result_full_cycle_{task_id}")
    paths = [f"{_EXCHANGE_DIR}/{stem}{suffix}" for stem in stems for suffix in (".txt", ".md")]
    paths.append(report)
    if "test_" in report and _RESULTS_DIR in report.replace("\\", "/"):
        paths += [
            f"{_RESULTS_DIR}/{stem}{suffix}"
            for stem in (f"test_{task_id}", f"test_task_{task_id}")
            for suffix in (".md", ".txt")
        ]
    return tuple(dict.fromkeys(paths))


def judge(
    *,
    fresh: bool,
    before: Signature | None,
    after: Signature | None,
    data: bytes | None,
    phrase: str | None,
    max_bytes: int = MAX_BYTES,
) -> Verdict:
    """Judge one look at a file.

    Args:
        fresh: the file differs from its baseline (`Baseline.is_fresh`), or a
            write to it was observed since the instruction began.
        before: its signature before it was read, None if there was no file.
        after: its signature after it was read.
        data: what was read, None if that failed or was not tried.
        phrase: what must occur in it, upper and lower case being different.
        max_bytes: the size above which a file is refused unread.
    """
    if before is None:
        return Verdict.MISSING
    if not fresh:
        return Verdict.STALE
    if before.size > max_bytes:
        return Verdict.TOO_LARGE
    if data is None:
        return Verdict.MISSING
    if before != after or len(data) != before.size:
        return Verdict.UNSTABLE
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return Verdict.UNDECODABLE
    if phrase:
        return Verdict.ACCEPTED if phrase in text else Verdict.NO_PHRASE
    return Verdict.ACCEPTED if text else Verdict.EMPTY


def shortcomings(verdicts: Mapping[str, Verdict], phrase: str | None) -> str:
    """Why the files that are there are no report, for people; "" if there are none."""
    words = {
        Verdict.STALE: "is as it was before the instruction began",
        Verdict.UNSTABLE: "is still being written",
        Verdict.EMPTY: "is empty",
        Verdict.NO_PHRASE: f"does not contain {phrase!r}",
        Verdict.UNDECODABLE: "is not UTF-8 text",
        Verdict.TOO_LARGE: f"is larger than {MAX_BYTES} bytes",
    }
    told = ((path, words.get(verdict)) for path, verdict in verdicts.items())
    return "; ".join(f"{path} {text}" for path, text in told if text)


def resolve_inside(project: PurePath, path: str) -> PurePath:
    """The place of ``path`` under ``project``, by the words of the path alone.

    Links are not followed: whoever opens the file has to refuse those that lead
    elsewhere.

    Raises:
        ReportPathError: the path leads out of the project or names no file.
    """
    root = _folded(project)
    # A backslash separates on Windows only, but the same configuration must not
    # be harmless here and an escape there.
    places = [_folded(project / spelling) for spelling in (path, path.replace("\\", "/"))]
    names_file = bool(path.strip()) and "\0" not in path
    if not names_file or not all(_is_below(place, root) for place in places):
        raise ReportPathError(f"Доступ к файлу вне директории проекта запрещен: {path}")
    return places[0]


def _is_below(place: PurePath, root: PurePath) -> bool:
    below = place.parts[len(root.parts) :]
    return place.is_relative_to(root) and bool(below) and ".." not in below


def _folded(path: PurePath) -> PurePath:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts and parts[-1] not in ("..", path.anchor):
            parts.pop()
        elif part != ".." or not path.anchor:
            parts.append(part)
    return type(path)(*parts)
