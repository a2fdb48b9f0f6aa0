"""Where a project keeps its TODO lists, and which format a file has."""

from __future__ import annotations

import re

from .model import TodoFormat

_PLANS = ("todo/CURRENT.md", "todo/DEBT.md", "todo/ROADMAP.md")
_SNIFFED = 1024
_BOXED_LINE = re.compile(r"^[ \t>]*[-*+][ \t]+\[[ xX-]\]", re.MULTILINE)


def candidate_names(todo_format: str) -> tuple[str, ...]:
    """The relative names that are looked for, in the order in which they are read.

    ``todo_format`` is the preferred one (``md``, ``txt``, ``yaml`` or another
    suffix).  Names in the project's root come first, then the same names in
    ``todo/``, then the plans kept there.  A disk that ignores case may answer
    to several names with one file.
    """
    preferred = f"todo.{todo_format.strip().lstrip('.')}"
    names = (preferred, "todo.txt", "TODO.txt", "todo.yaml", "TODO.md", "todo.md")
    return tuple(dict.fromkeys((*names, *(f"todo/{name}" for name in names), *_PLANS)))


def format_of(name: str, head: str) -> TodoFormat:
    """The format of the file ``name``, by its suffix, else by how its text begins."""
    match name.rpartition(".")[2].lower():
        case "md":
            return TodoFormat.MD
        case "txt":
            return TodoFormat.TXT
        case "yaml" | "yml":
            return TodoFormat.YAML
    head = head[:_SNIFFED]
    if _BOXED_LINE.search(head):
        return TodoFormat.MD
    if "---" in head or ": " in head:
        return TodoFormat.YAML
    return TodoFormat.MD if "- [" in head or "# " in head else TodoFormat.TXT
