"""What a validator found, in the words of the configuration instead of Python's."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from .base import StrictSettings
from .document import Path, dotted
from .models import Config

_KINDS = {
    bool: "true or false",
    float: "a number",
    int: "a whole number",
    str: "text",
    dict: "a mapping",
    list: "a list",
    tuple: "a list",
}


def explain(error: ErrorDetails) -> tuple[Path, str, str | None]:
    """The path, the message and what is allowed, for one error of :class:`Config`."""
    path = tuple(step for step in error["loc"] if step != "[key]")
    key = dotted(path)
    kind = error["type"]
    if kind == "extra_forbidden":
        keys = keys_at(path[:-1])
        return path, f"unknown key {key}{did_you_mean(str(path[-1]), keys)}", ", ".join(keys)
    allowed = allowed_at(path)
    if kind == "missing":
        return path, f"{key} is missing", allowed
    if kind == "value_error":
        return path, f"{key} {error['ctx']['error']}", None
    if allowed is None:
        return path, f"{key}: {error['msg']}", None
    return path, f"{key} must be {allowed}", allowed


def did_you_mean(word: str, candidates: Sequence[str]) -> str:
    """The end of a message that offers the candidate nearest to ``word``, if any is near."""
    from difflib import get_close_matches

    near = get_close_matches(word, candidates, n=1, cutoff=0.75)
    return f"; did you mean {near[0]!r}?" if near else ""


def keys_of(model: type[BaseModel]) -> list[str]:
    """The keys of a section as they are written."""
    return [field.alias or name for name, field in model.model_fields.items()]


def keys_at(path: Path) -> list[str]:
    """The keys of the section at ``path``."""
    model, _ = _look_up(path)
    return keys_of(model) if _is_model(model) else []


def allowed_at(path: Path) -> str | None:
    """What may stand at ``path``, None if nothing is known of it."""
    annotation, metadata = _look_up(path)
    return None if annotation is None else describe(annotation, metadata)


def describe(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """The values of a type, with the limits that its metadata sets."""
    limits = list(metadata)
    for extra in limits:
        if isinstance(extra, FieldInfo) and extra.description:
            return extra.description
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return describe(arguments[0], [*arguments[1:], *limits])
    if origin is Literal:
        return "one of " + ", ".join(map(str, arguments))
    if origin in (types.UnionType, typing.Union):
        known = [describe(each) for each in arguments if each is not type(None)]
        return " or ".join([*known, "null"] if type(None) in arguments else known)
    if _is_model(annotation):
        return "a mapping"
    return _KINDS.get(origin or annotation, "a value") + _limits(limits)


def _limits(metadata: Iterable[Any]) -> str:
    found: dict[type, Any] = {}
    for each in metadata:
        for one in each.metadata if isinstance(each, FieldInfo) else (each,):
            if isinstance(one, Ge):
                found[Ge] = one.ge
            elif isinstance(one, Gt):
                found[Gt] = one.gt
            elif isinstance(one, Le):
                found[Le] = one.le
    if Ge in found and Le in found:
        return f" from {found[Ge]} to {found[Le]}"
    if Ge in found:
        return f" of at least {found[Ge]}"
    if Gt in found:
        return f" above {found[Gt]}" + (f" and up to {found[Le]}" if Le in found else "")
    return ""


def _look_up(path: Path) -> tuple[Any, list[Any]]:
    """The annotation and the metadata of the value at ``path``."""
    annotation: Any = Config
    metadata: list[Any] = []
    for step in path:
        if _is_model(annotation):
            field = next(
                (
                    field
                    for name, field in annotation.model_fields.items()
                    if (field.alias or name) == step
                ),
                None,
            )
            if field is None:
                return None, []
            annotation, metadata = field.annotation, [field, *field.metadata]
        elif typing.get_origin(annotation) in (dict, list, tuple):
            item = {dict: 1}.get(typing.get_origin(annotation), 0)
            annotation, metadata = typing.get_args(annotation)[item], []
        else:
            return None, []
    return annotation, metadata


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def is_strict(model: type[BaseModel]) -> bool:
    """Whether the section refuses keys that it does not know."""
    return issubclass(model, StrictSettings)
