"""Text in, :class:`Document` out.  The only module here that imports YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from .document import MAX_DEPTH, Document, is_too_deep, repeated_keys
from .problems import ConfigError, Problem

if TYPE_CHECKING:
    from yaml import SafeLoader as BaseLoader
else:
    BaseLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(BaseLoader):
    """The safe loader, but whatever a value does to Python is an error with a line."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise yaml.constructor.ConstructorError(
                None, None, "a value is not what it looks like; quote it", node.start_mark
            ) from None


class _Refused(Exception):
    """The text is no configuration; the arguments are the reason and its line."""


def read_document(text: str, *, source: str, predecessor: bool) -> Document:
    """Parse ``text``; an empty document is an empty mapping.

    Raises :class:`ConfigError` for anything that is not one YAML mapping.
    """
    try:
        return _read(text.removeprefix("\ufeff"), source)
    except _Refused as refused:
        message, line = refused.args
    # Raised out here because a YAML error quotes the text, which may hold secrets.
    problem = Problem("", message, line=line)
    raise ConfigError([problem], source=source, predecessor=predecessor)


def _read(text: str, source: str) -> Document:
    try:
        if (line := _first_line_too_deep(text)) is not None:
            raise _Refused(f"the document nests deeper than {MAX_DEPTH} levels", line)
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return Document({})
        if is_too_deep(root):
            message = f"the document nests deeper than {MAX_DEPTH} levels, or contains itself"
            raise _Refused(message, None)
        warnings = tuple(
            f"{source}: the key {key!r} of line {first} stands again in line {again}, "
            "which is the one that counts"
            for key, first, again in repeated_keys(root)
        )
        tree = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", column {mark.column + 1}" if mark else ""
        reason = f"not valid YAML: {_reason(error)}{where}"
        raise _Refused(reason, mark.line + 1 if mark else None) from None
    except yaml.reader.ReaderError as error:
        before = text.encode()[: error.position].decode(errors="ignore")
        reason = f"not valid YAML: {error.reason}"
        raise _Refused(reason, before.count("\n") + 1) from None
    except UnicodeEncodeError as error:
        reason = "the text holds a character that is not Unicode; save the file as UTF-8"
        raise _Refused(reason, text.count("\n", 0, error.start) + 1) from None
    except RecursionError:
        raise _Refused("the document nests too deeply", None) from None
    if tree is None:
        return Document({})
    if not isinstance(tree, dict):
        message = (
            "the document must be a mapping of sections (project:, server: ...), "
            f"not {type(tree).__name__}"
        )
        raise _Refused(message, root.start_mark.line + 1)
    return Document(tree, root, warnings)


def _reason(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or ""
    if "undefined alias" in problem:
        return "an alias that is not defined; quote a value that begins with '*'"
    if "for the tag" in problem:
        return "a tag that is not known; quote a value that begins with '!'"
    return ", ".join(part for part in (error.context, problem) if part)


def _first_line_too_deep(text: str) -> int | None:
    """Where ``text`` nests too deeply for libyaml, which composes on the C stack."""
    depth = 0
    for event in yaml.parse(text, Loader=BaseLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return event.start_mark.line + 1 if event.start_mark else None
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return None
