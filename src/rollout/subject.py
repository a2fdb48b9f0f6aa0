"""What a decision is about: one task, where it runs and what it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ldclient import Context

Attribute: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Subject:
    """A task and what flags may aim at.

    Rules see three kinds of context: ``task`` (its key decides the share; attributes
    ``type``, ``project`` and ``attributes``), ``project``, and ``host`` (with
    ``host_attributes``).
    """

    task: str
    type: str = ""
    project: str = ""
    host: str = ""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    host_attributes: Mapping[str, Attribute] = field(default_factory=dict)

    def context(self) -> Context:
        """The subject as the SDK wants it."""
        from ldclient import Context

        task = Context.builder(self.task).kind("task")
        for name, value in self.attributes.items():
            task.set(name, value)
        if self.type:
            task.set("type", self.type)
        if self.project:
            task.set("project", self.project)
        parts = [task.build()]
        if self.project:
            parts.append(Context.builder(self.project).kind("project").build())
        if self.host:
            host = Context.builder(self.host).kind("host")
            for name, value in self.host_attributes.items():
                host.set(name, value)
            parts.append(host.build())
        return Context.create_multi(*parts) if len(parts) > 1 else parts[0]
