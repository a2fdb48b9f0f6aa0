"""TODO lists in YAML.

A list at the root or under ``tasks``, ``items`` or ``todo``.  An entry is a
text or a mapping with ``text`` (or ``task``), ``done``, ``skipped``,
``comment``, ``task_type`` (or ``type``), ``id``, ``after``, ``priority``,
``paths``, ``level`` and ``children`` (or ``items``), nested.  A scalar is taken as it is
written: ``1.10`` is the text ``1.10``.
"""

from __future__ import annotations

from dataclasses import dataclass

from .attributes import parse_priority, split_names
from .kinds import task_type
from .model import Item, ItemState, Problem
from .yaml_nodes import Alias, Mapping, Node, Scalar, Sequence, Unreadable, compose

_ROOT_KEYS = ("tasks", "items", "todo")
_TRUE = frozenset({"true", "yes", "on", "y", "1"})
_FALSE = frozenset({"false", "no", "off", "n", "0"})
_MAX_LEVEL = 100


@dataclass(frozen=True, slots=True)
class Field:
    """A pair of an entry.

    ``written`` is the value as it stands in the entry, which may be an alias
    of ``value``; it is ``None`` for a pair that ``<<`` brings in.
    """

    key: Scalar
    value: Node
    written: Node | None

    @property
    def own(self) -> bool:
        """Whether the value itself stands in the entry."""
        return self.written is self.value


@dataclass(frozen=True, slots=True)
class YamlItem:
    """An item and the node it was read from."""

    item: Item
    node: Scalar | Mapping


def read(text: str) -> tuple[list[YamlItem], list[Problem]]:
    """All items of a YAML text in the order in which they stand."""
    reader = _Reader()
    try:
        for root in compose(text):
            reader.root(root)
    except Unreadable as error:
        message = f"not valid YAML: {error.message}; nothing is read until this is corrected"
        if error.message.startswith("mapping values"):
            message += " (a text that contains ': ' needs quotes)"
        return [], [Problem(error.line, message)]
    return reader.placed, sorted(reader.problems, key=lambda problem: problem.line)


def fields(entry: Mapping) -> dict[str, Field]:
    """The pairs of an entry by name; of a repeated name the last counts."""
    inherited: dict[str, Field] = {}
    own: dict[str, Field] = {}
    for key, value in entry.pairs:
        if not isinstance(key, Scalar):
            continue
        if key.value == "<<" and not key.style:
            inherited |= _merged(value)
        elif isinstance(value, Alias):
            if value.target is not None:
                own[key.value] = Field(key, value.target, value)
        else:
            own[key.value] = Field(key, value, value)
    return inherited | own


def truth(value: Node | None) -> bool | None:
    """The boolean that is written there; ``None`` if it is none."""
    if value is None or (isinstance(value, Scalar) and value.is_null):
        return False
    word = value.value.strip().lower() if isinstance(value, Scalar) else ""
    return True if word in _TRUE else False if word in _FALSE else None


def text_field(found: dict[str, Field]) -> Field | None:
    """The pair that holds the text of an entry."""
    return next((found[name] for name in ("text", "task") if _written(found.get(name))), None)


def _written(found: Field | None) -> str:
    """What stands in a pair, empty if there is nothing or no scalar."""
    if found is None or not isinstance(found.value, Scalar) or found.value.is_null:
        return ""
    return found.value.value.strip()


def _merged(value: Node) -> dict[str, Field]:
    """The pairs that ``<<`` brings in; of several mappings the first wins."""
    parts = value.items if isinstance(value, Sequence) else (value,)
    merged: dict[str, Field] = {}
    for part in reversed(parts):
        base = part.target if isinstance(part, Alias) else part
        if isinstance(base, Mapping):
            for key, inner in base.pairs:
                if isinstance(key, Scalar) and isinstance(inner, Scalar):
                    merged[key.value] = Field(key, inner, None)
    return merged


class _Reader:
    """Walks the tree and collects items and problems."""

    def __init__(self) -> None:
        self.placed: list[YamlItem] = []
        self.problems: list[Problem] = []

    def root(self, node: Node) -> None:
        if isinstance(node, Sequence):
            self._entries(node, 0)
            return
        if isinstance(node, Mapping):
            found = fields(node)
            lists = [found[name] for name in _ROOT_KEYS if name in found]
            for entry in lists:
                if isinstance(entry.value, Sequence) and entry.own:
                    self._entries(entry.value, 0)
                    return
            if any(isinstance(entry.value, Scalar) and entry.value.is_null for entry in lists):
                return
        elif isinstance(node, Scalar) and node.is_null:
            return
        self._problem(node, "no list of tasks: write one under 'tasks:' (or 'items:', 'todo:')")

    def _entries(self, sequence: Sequence, level: int) -> None:
        for node in sequence.items:
            if isinstance(node, Mapping):
                self._mapping(node, level)
            elif isinstance(node, Scalar):
                if not node.is_null:
                    self._scalar(node, level)
            elif isinstance(node, Alias):
                self._problem(node, f"*{node.name} cannot be a task: write its text here")
            else:
                self._problem(node, "a list in a list is no task: use 'text:' and 'children:'")

    def _scalar(self, node: Scalar, level: int) -> None:
        text = node.value.strip()
        if text:
            self.placed.append(YamlItem(Item(text, level, line=node.line), node))
        else:
            self._problem(node, "a task without text is not read")

    def _mapping(self, node: Mapping, level: int) -> None:
        found = fields(node)
        stated = _written(found.get("level"))
        if level == 0 and stated.isascii() and stated.isdigit() and len(stated) < 4:
            level = min(int(stated), _MAX_LEVEL)
        text = text_field(found)
        if text is None:
            hint = "give it 'text:', and quote a text that contains ': '"
            self._problem(node, f"an entry without text is not read: {hint}")
        else:
            kinds = (task_type(_written(found.get(name))) for name in ("task_type", "type"))
            priority = 0
            if "priority" in found and _written(found["priority"]):
                priority, complaint = parse_priority(_written(found["priority"]))
                if complaint:
                    self._problem(found["priority"].key, complaint)
            item = Item(
                text=_written(text),
                level=level,
                state=self._state(found),
                comment=_written(found.get("comment")) or None,
                task_type=next(filter(None, kinds), None),
                line=node.line,
                id=_written(found.get("id")) or None,
                after=self._names(found.get("after"), "the id of a task or a list of such ids"),
                priority=priority,
                paths=self._names(found.get("paths"), "a path or a list of paths"),
            )
            self.placed.append(YamlItem(item, node))
        for name in ("children", "items"):
            if name in found:
                self._children(found[name], level + 1)
                break

    def _children(self, field: Field, level: int) -> None:
        if isinstance(field.value, Sequence) and field.own:
            self._entries(field.value, level)
        elif not (isinstance(field.value, Scalar) and field.value.is_null):
            self._problem(field.key, f"'{field.key.value}' must be a list of tasks written here")

    def _state(self, found: dict[str, Field]) -> ItemState:
        for name, state in (("done", ItemState.DONE), ("skipped", ItemState.SKIPPED)):
            if name in found:
                value = truth(found[name].value)
                if value is None:
                    self._problem(found[name].key, f"'{name}' must be true or false; false is used")
                elif value:
                    return state
        return ItemState.PENDING

    def _names(self, field: Field | None, allowed: str) -> tuple[str, ...]:
        if field is None:
            return ()
        if isinstance(field.value, Scalar):
            return split_names(_written(field))
        if isinstance(field.value, Sequence):
            nodes = [node.target if isinstance(node, Alias) else node for node in field.value.items]
            names = [node.value.strip() for node in nodes if isinstance(node, Scalar)]
            if len(names) == len(nodes):
                return tuple(name for name in names if name)
        self._problem(field.key, f"'{field.key.value}' must be {allowed}")
        return ()

    def _problem(self, node: Node, message: str) -> None:
        self.problems.append(Problem(node.line, message))
