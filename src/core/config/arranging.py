"""From what was written to the shape that the models read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from .agent import AgentSettings
from .document import Document, Path, dotted, key_text
from .explain import did_you_mean, is_strict, keys_of
from .models import Config


class Arranging:
    """Brings a tree into the shape that the models expect.

    Null means absent.  Sections that are absent are there, and empty, so that one
    validator fills in everything.
    """

    def __init__(self, document: Document, source: str, predecessor: bool) -> None:
        self._document = document
        self._source = source
        self._predecessor = predecessor
        self.warnings: list[str] = []

    def config(self, tree: Mapping[Any, Any]) -> dict[str, Any]:
        values = self._section(Config, tree, ())
        if self._predecessor and isinstance(values["project"], dict):
            values["project"].setdefault("todo_format", "txt")
            if values["project"].get("base_dir") == "":
                self._warn(
                    ("project", "base_dir"),
                    "project.base_dir is empty; the working directory is the project",
                )
        if isinstance(agents := values.get("agents"), dict):
            values["agents"] = {
                key_text(name): self._section(AgentSettings, agent, ("agents", key_text(name)))
                if isinstance(agent, dict)
                else agent
                for name, agent in agents.items()
            }
        if isinstance(instructions := values.get("instructions"), dict):
            values["instructions"] = dict(self._sequences(instructions))
        return values

    def _section(
        self, model: type[BaseModel], section: Mapping[Any, Any], path: Path
    ) -> dict[str, Any]:
        known = keys_of(model)
        values: dict[str, Any] = {}
        for key, field in zip(known, model.model_fields.values(), strict=True):
            value = section.get(key)
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                values[key] = self._inner(inner, value, (*path, key))
            elif value is not None:
                values[key] = value
        unknown = {key_text(key): value for key, value in section.items() if key not in values}
        for key, value in unknown.items():
            if key in known:
                continue
            if is_strict(model):
                values[key] = value
            elif not self._predecessor and (hint := did_you_mean(key, known)):
                where = dotted((*path, key))
                self._warn((*path, key), f"unknown key {where} has no effect{hint}")
        return values

    def _inner(self, model: type[BaseModel], value: object, path: Path) -> Any:
        if value is None:
            return self._section(model, {}, path)
        if isinstance(value, dict):
            return self._section(model, value, path)
        if self._predecessor and not is_strict(model):
            self._warn(path, f"{dotted(path)} is not a mapping and has no effect")
            return self._section(model, {}, path)
        return value

    def _sequences(self, instructions: Mapping[Any, Any]) -> list[tuple[str, Any]]:
        sequences = []
        for name, sequence in instructions.items():
            path = ("instructions", key_text(name))
            if sequence is None:
                continue
            if self._predecessor and not isinstance(sequence, list):
                self._warn(path, f"{dotted(path)} is not a list and has no effect")
                continue
            sequences.append((path[1], sequence))
        return sequences

    def _warn(self, path: Path, message: str) -> None:
        line = self._document.line(path)
        where = self._source if line is None else f"{self._source}, line {line}"
        self.warnings.append(f"{where}: {message}")
