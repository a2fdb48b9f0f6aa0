"""Tasks that the stand-in really does: functions that are to be added to modules."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from .faults import BROKEN, BROKEN_TEST, MARKERS

_ADD: Final = re.compile(r"\badd (?:a |the )?function `?(\w+)`? to `?([\w./-]+\.py)\b", re.I)
_PATH: Final = re.compile(r"[\w./-]+\.\w+")


class Addition(NamedTuple):
    """A function, by its name, and the module it belongs into."""

    name: str
    path: str


def addition(task: str) -> Addition | None:
    """What a task asks for, if it is such a task and stays in the directory."""
    if (found := _ADD.search(task)) is None or not is_inside(found[2]):
        return None
    return Addition(found[1], found[2])


def add(wanted: Addition) -> bool:
    """Add the function unless it is there; whether anything was changed."""
    target = Path(wanted.path)
    text = target.read_text("utf-8") if target.exists() else '"""A module."""\n'
    if re.search(rf"^def {wanted.name}\(", text, re.MULTILINE):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    function = f'def {wanted.name}() -> str:\n    return "{wanted.name}"\n'
    target.write_text(f"{text.rstrip()}\n\n\n{function}", "utf-8")
    return True


def mend(prompt: str, *paths: str) -> list[str]:
    """Put right what an earlier run left broken, in ``paths`` and what the prompt names.

    Of a conflict both sides are kept.
    """
    mended = []
    for path in dict.fromkeys([*paths, *_PATH.findall(prompt)]):
        target = Path(path)
        if not is_inside(path) or not target.is_file():
            continue
        text = target.read_text("utf-8", "replace")
        whole = _whole(text)
        if whole != text:
            target.write_text(whole, "utf-8")
            mended.append(path)
    if BROKEN_TEST.exists():
        BROKEN_TEST.unlink()
        mended.append(BROKEN_TEST.as_posix())
    return mended


def is_inside(path: str) -> bool:
    """Whether a relative path stays below the working directory."""
    pure = PurePosixPath(path)
    return not pure.is_absolute() and ".." not in pure.parts


def _whole(text: str) -> str:
    kept, in_base = [], False
    markers = MARKERS if _is_in_conflict(text) else ()
    for line in text.splitlines(keepends=True):
        marker = next((mark for mark in markers if _is_marker(line, mark)), None)
        if marker is not None:
            in_base = marker == "|||||||"
        elif not in_base and line.strip() != BROKEN and line.strip() != "def half_a_":
            kept.append(line)
    return "".join(kept)


def _is_in_conflict(text: str) -> bool:
    lines = text.splitlines()
    first, last = MARKERS[0], MARKERS[-1]
    return all(any(_is_marker(line, mark) for line in lines) for mark in (first, last))


def _is_marker(line: str, mark: str) -> bool:
    return line.rstrip("\r\n") == mark or line.startswith(f"{mark} ")
