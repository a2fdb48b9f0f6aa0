"""Marking an entry of a YAML list without rewriting the rest of the file."""

from __future__ import annotations

import re

import yaml

from .model import ItemState
from .source import Edit, line_end
from .yaml_list import Field, YamlItem, fields, text_field, truth
from .yaml_nodes import Mapping, Node, Scalar

_PROPERTIES = re.compile(r"(?:[&!]\S*[ \t]*)*")
_FLAGS = (("done", ItemState.DONE), ("skipped", ItemState.SKIPPED))


def mark(text: str, placed: YamlItem, state: ItemState, comment: str | None) -> list[Edit]:
    """The edits that make the entry ``state`` and give it ``comment``.

    A bare text becomes a one-line mapping; a mapping gets its values replaced,
    and missing keys in its own style.  The result is to be read again before
    it is trusted: rare layouts (explicit keys, a pair without braces) break.
    """
    if comment == placed.item.comment:
        comment = None
    if isinstance(placed.node, Scalar):
        return _as_mapping(text, placed.node, placed.item.text, state, comment)
    return _in_mapping(text, placed.node, state, comment)


def _as_mapping(
    text: str, node: Scalar, words: str, state: ItemState, comment: str | None
) -> list[Edit]:
    json = node.style == '"' and text.lstrip()[:1] in ("[", "{")
    added = {name: "true" for name, flagged in _FLAGS if state is flagged}
    if comment is not None:
        added["comment"] = _dumped(comment, json)
    if not added:
        return []
    start, end = _span(text, node)
    value = text[start:end] if node.style in ("'", '"') else _dumped(words, json)
    value = text[node.start : start] + value
    pairs = (_pair(name, written, json) for name, written in {"text": value, **added}.items())
    return [Edit(node.start, end, f"{{{', '.join(pairs)}}}")]


def _in_mapping(text: str, node: Mapping, state: ItemState, comment: str | None) -> list[Edit]:
    found = fields(node)
    text_at = text_field(found)
    json = node.flow and text_at is not None and text_at.key.style == '"'
    wanted: dict[str, str] = {}
    for name, flagged in _FLAGS:
        stands = bool(truth(found[name].value)) if name in found else False
        if stands is not (state is flagged):
            wanted[name] = str(state is flagged).lower()
    if comment is not None:
        wanted["comment"] = _dumped(comment, json)
    edits: list[Edit] = []
    missing: list[str] = []
    for name, value in wanted.items():
        old = found.get(name)
        if old is None or old.written is None:
            missing.append(_pair(name, value, json))
        else:
            edits.append(_replaced(text, old.key, old.written, value))
    if missing:
        edits.append(_inserted(text, node, found.get("done"), text_at, missing))
    return edits


def _replaced(text: str, key: Scalar, value: Node, written: str) -> Edit:
    start, end = _span(text, value)
    if start == end:
        written = f": {written}" if start == key.end else f" {written}"
    return Edit(start, end, written)


def _inserted(
    text: str, node: Mapping, done: Field | None, text_at: Field | None, pairs: list[str]
) -> Edit:
    """Insert behind ``done`` or the text; before a text that takes lines of its own."""
    behind = next((at for at in (done, text_at) if at is not None and at.written is not None), None)
    value = behind.written if behind else None
    key = behind.key if behind else node.pairs[0][0]
    if node.flow:
        joined = ", ".join(pairs)
        if value is not None:
            return Edit(value.end, value.end, f", {joined}")
        return Edit(key.start, key.start, f"{joined}, ")
    indent = " " * node.pairs[0][0].column
    if value is None or (isinstance(value, Scalar) and value.is_block):
        _, line_break = line_end(text, key.start)
        return Edit(key.start, key.start, "".join(f"{pair}{line_break}{indent}" for pair in pairs))
    end, line_break = line_end(text, value.end)
    return Edit(end, end, "".join(f"{line_break}{indent}{pair}" for pair in pairs))


def _span(text: str, node: Node) -> tuple[int, int]:
    """The value without its anchor and tag and without blank lines behind it."""
    source = text[node.start : node.end].rstrip()
    properties = _PROPERTIES.match(source)
    return node.start + (properties.end() if properties else 0), node.start + len(source)


def _pair(key: str, value: str, json: bool) -> str:
    return f'"{key}": {value}' if json else f"{key}: {value}"


def _dumped(words: str, json: bool) -> str:
    """``words`` on one line, quoted where they have to be within braces."""
    one_line = not any(character.isspace() and character != " " for character in words)
    dumped: str = yaml.safe_dump(
        [words],
        default_flow_style=True,
        default_style=None if one_line and not json else '"',
        allow_unicode=True,
        width=float("inf"),
    )
    return dumped.strip().removeprefix("[").removesuffix("]")
