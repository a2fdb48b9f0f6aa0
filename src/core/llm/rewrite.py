"""Puts new roles into the text of ``llm_settings.yaml`` and leaves the rest as it was."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from .trial import Assignment

SOURCE: Final = "auto_test_results"

_KEY: Final = re.compile(
    r"(?P<indent> *)(?P<quote>[\"']?)(?P<key>[\w.-]+)(?P=quote) *:(?P<rest>.*)"
)


def rewritten(text: str, found: Assignment, when: str) -> str:
    """``text`` with the roles of ``found``, changed at ``when``.

    The entries of the section ``llm`` are replaced line by line; where it is not
    written in block style the whole document is written anew, without its
    comments.  Raises `ValueError` for what is no mapping.
    """
    import yaml

    mark, text = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    changes = _changes(found, when)
    tree = yaml.safe_load(text) or {}
    if not isinstance(tree, dict) or not isinstance(tree.get("llm") or {}, dict):
        raise ValueError("the settings are no mapping with a section llm")
    wanted = {**tree, "llm": {**(tree.get("llm") or {}), **changes}}
    by_line = _by_line(text, changes)
    try:
        if by_line is not None and yaml.safe_load(by_line) == wanted:
            return mark + by_line
    except yaml.YAMLError:
        pass
    dumped: str = yaml.safe_dump(wanted, allow_unicode=True, sort_keys=False)
    return mark + dumped


def _changes(found: Assignment, when: str) -> dict[str, Any]:
    return {
        "model_roles": found.roles,
        "_last_updated": when,
        "_update_source": SOURCE,
        "_stats": {
            "total_tested": found.tested,
            "working_count": found.working,
            "fastest_model": found.fastest,
        },
    }


def _by_line(text: str, changes: Mapping[str, Any]) -> str | None:
    """The text with the entries replaced; None if there is no section in block style."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.replace("\r\n", "\n").split("\n")
    start = next((at for at, line in enumerate(lines) if _opens(line, "llm", 0)), None)
    if start is None:
        return None
    end = _end(lines, start, 0)
    first = next((m for line in lines[start + 1 : end] if (m := _KEY.fullmatch(line))), None)
    if first is None or not first["indent"]:
        return None
    indent = len(first["indent"])
    section = lines[start + 1 : end]
    for key, value in changes.items():
        written = _written(key, value, indent)
        at = next((n for n, line in enumerate(section) if _opens(line, key, indent)), None)
        if at is None:
            section += written
        else:
            section[at : _end(section, at, indent)] = written
    return newline.join([*lines[: start + 1], *section, *lines[end:]])


def _opens(line: str, key: str, indent: int) -> bool:
    found = _KEY.fullmatch(line)
    return found is not None and found["key"] == key and len(found["indent"]) == indent


def _end(lines: list[str], start: int, indent: int) -> int:
    """The line behind an entry; comments and blank lines before the next one belong to that."""
    end = start + 1
    for at in range(start + 1, len(lines)):
        line = lines[at]
        stripped = line.lstrip(" ")
        if not stripped or stripped.startswith("#"):
            continue
        depth = len(line) - len(stripped)
        listed = depth == indent and stripped.startswith("-")
        if depth <= indent and not listed:
            break
        end = at + 1
    return end


def _written(key: str, value: Any, indent: int) -> list[str]:
    import yaml

    dumped: str = yaml.safe_dump({key: value}, allow_unicode=True, sort_keys=False, width=1000)
    return [" " * indent + line for line in dumped.rstrip("\n").split("\n")]
