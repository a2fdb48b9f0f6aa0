"""``codeagent doctor``: what it runs on, and what is missing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .. import __version__
from . import common
from .findings import Finding

if TYPE_CHECKING:
    from ..app import Prepared


def add_parser(subparsers: Any) -> None:
    """Add the command to the program's parser."""
    parser = subparsers.add_parser(
        "doctor",
        description="Look at the installation, the configuration and the agent.",
    )
    common.add_place(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0 if nothing is missing, else 1."""
    from ..app import Refused, prepare
    from ..core.config import ConfigError

    findings = list(_installation())
    try:
        prepared = prepare(common.request(args))
    except (Refused, ConfigError) as error:
        findings.append(Finding("configuration", "cannot be used", str(error)))
    else:
        findings += _project(prepared)
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        mark = "!!" if finding.mend else "ok"
        print(f"{mark}  {finding.subject:<{width}}  {finding.found}")
        for line in (finding.mend or finding.note).splitlines():
            print(f"    {'':<{width}}  {line}")
    return 1 if any(finding.mend for finding in findings) else 0


def _installation() -> Iterator[Finding]:
    import platform
    import sqlite3
    from importlib import metadata

    from .._runtime.inotify import WatchTable, WatchUnavailable
    from .._runtime.loops import choose_loop

    yield Finding("codeagent", __version__)
    yield Finding("python", f"{platform.python_version()} ({sys.executable})")
    choice = choose_loop()
    version = "" if choice.name == "asyncio" else f" {metadata.version(choice.name)}"
    yield Finding("event loop", f"{choice.name}{version}: {choice.reason}")
    try:
        WatchTable().close()
        yield Finding("file watching", "inotify")
    except WatchUnavailable as error:
        yield Finding("file watching", f"by looking every now and then: {error}")
    yield Finding("sqlite", sqlite3.sqlite_version)


def _models(prepared: Prepared) -> Iterator[Finding]:
    if prepared.llm is None:
        yield Finding("models", "none, there is no llm_settings.yaml")
        return
    for warning in prepared.llm.warnings:
        yield Finding("models", warning)
    for provider in prepared.llm.providers.values():
        if provider.problem is not None:
            yield Finding("models", f"{provider.name} cannot be used", provider.problem)
    if prepared.config.llm.skip_llm_checks:
        yield Finding("models", "not asked: llm.skip_llm_checks is set")
    elif not prepared.llm.models:
        yield Finding("models", "none that can be asked")
    for name, model in prepared.llm.models.items():
        role = model.role or "asked in parallel"
        yield Finding("model", f"{name} ({role}) at {model.provider.base_url}")


def _project(prepared: Prepared) -> Iterator[Finding]:
    from ..app import Refused, find_agent
    from ..core.todo import candidate_names
    from .worktrees import worktrees

    config, layout = prepared.config, prepared.layout
    dialect = "the predecessor's" if config.predecessor else "ours"
    source = prepared.config_file or "none, built-in defaults"
    yield Finding("configuration", f"{source} ({dialect})")
    for warning in config.warnings:
        yield Finding("configuration", warning)
    yield Finding("project", str(layout.project))
    names = candidate_names(config.project.todo_format)
    lists = [name for name in names if (layout.project / name).is_file()]
    if lists:
        yield Finding("list", ", ".join(lists))
    else:
        yield Finding("list", "none", f"create one of {', '.join(names)}")
    yield Finding("path", prepared.path)
    yield Finding("state", str(layout.state))
    yield Finding("logs", str(layout.logs))
    yield from worktrees(prepared)
    yield from _models(prepared)
    try:
        adapter = find_agent(prepared)
        yield Finding("agent", f"{adapter.label}: {adapter.launch('').argv[0]}")
    except Refused as error:
        yield Finding("agent", "not found", str(error))
