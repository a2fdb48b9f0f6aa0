"""Which agent the configuration asks for, and where its program is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from ..config import AgentSettings, Config
from .builtin import BUILT_IN, BuiltInAgent, CursorAgent
from .command import CommandAgent
from .launch import Adapter
from .predecessor import AUTO, KEY, SCRIPT, PredecessorCursorAgent, PredecessorGeminiAgent

CONTAINER_MODE = "docker-compose-agent"


class NoAgent(Exception):
    """The agent cannot be started; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What has to be known of the machine.

    ``which`` gives the absolute path of a program, by its name or its path, and
    ``is_file`` says whether a file is there.  ``project`` is where agents are
    started, ``root`` the installation and ``python`` our own interpreter.
    """

    which: Callable[[str], str | None]
    is_file: Callable[[str], bool]
    project: PurePath
    root: PurePath
    python: str
    environment: Mapping[str, str] = field(repr=False)


def choose(config: Config, machine: Machine, name: str | None = None) -> Adapter:
    """The adapter of the agent called ``name``, else of the configured one. Raises `NoAgent`."""
    name = config.runtime.agent if name is None else name
    settings = config.agents.get(name)
    if settings is not None and settings.command:
        return _command(name, settings, machine)
    if name not in BUILT_IN:
        known = ", ".join(dict.fromkeys([*config.agents, *BUILT_IN]))
        raise NoAgent(f"there is no agent {name!r}: choose from {known}")
    if name == "cursor" and config.predecessor:
        if config.llm.cli_interface == "gemini":
            return _predecessors_gemini(config, machine)
        others = config.cursor.cli.fallback_models
        return PredecessorCursorAgent(_cursor(config, machine), config.cursor_model, others)
    if name == "cursor":
        chosen = config.cursor_model
        model = None if chosen == AUTO else chosen
        agent: BuiltInAgent = CursorAgent(_cursor(config, machine), model)
    else:
        agent = BUILT_IN[name](_program(name, machine))
    return agent if settings is None else _adjusted(agent, settings)


def _adjusted(agent: BuiltInAgent, settings: AgentSettings) -> BuiltInAgent:
    return replace(
        agent,
        model=settings.model or agent.model,
        models=settings.models,
        timeout=settings.timeout,
        silence=agent.silence if settings.idle_timeout is None else settings.idle_timeout,
        environment=settings.environment,
    )


def _command(name: str, settings: AgentSettings, machine: Machine) -> CommandAgent:
    program = settings.command[0]
    named = str(machine.project / program) if "/" in program else program
    if machine.which(named) is None:
        raise NoAgent(
            f"agents.{name}.command: there is no program {program!r}: "
            "install it or write its full path"
        )
    return CommandAgent(name, settings)


def _program(name: str, machine: Machine) -> str:
    kind = BUILT_IN[name]
    for program in kind.programs:
        if (found := machine.which(program)) is not None:
            return found
    raise NoAgent(
        f"async.agent is {name}, but there is no {' or '.join(kind.programs)} on the PATH: "
        f"{kind.installation}, or describe another agent under `agents`"
    )


def _cursor(config: Config, machine: Machine) -> str:
    configured = (config.cursor.cli.cli_path or "").strip()
    if configured and configured != CONTAINER_MODE:
        if (found := machine.which(configured)) is not None:
            return found
        raise NoAgent(
            f"cursor.cli.cli_path: {configured!r} does not exist or cannot be executed: "
            "correct the path, or leave it empty to search for the program"
        )
    for name in CursorAgent.programs:
        if (found := machine.which(name)) is not None:
            return found
    raise NoAgent(
        f"no coding agent was found: none of {', '.join(CursorAgent.programs)} is on the PATH; "
        "install Cursor's command line, or choose another agent with async.agent "
        "(see docs/agents.md)"
    )


def _predecessors_gemini(config: Config, machine: Machine) -> PredecessorGeminiAgent:
    cli = config.gemini.cli
    has_key = bool(machine.environment.get(KEY))
    if container := (cli.container_name or "").strip():
        if (docker := machine.which("docker")) is None:
            raise NoAgent(
                "gemini.cli.container_name is set, but there is no docker on the PATH: install "
                "it, or remove the key to run the agent without a container"
            )
        return PredecessorGeminiAgent(docker, container=container, has_key=has_key)
    script = str(machine.root / SCRIPT)
    if not machine.is_file(script):
        raise NoAgent(
            f"llm.cli_interface is gemini, but there is no {script}: set "
            "gemini.cli.container_name, or choose another agent with async.agent"
        )
    if not has_key:
        raise NoAgent(
            f"llm.cli_interface is gemini, but {KEY} is not set: set it, or put it in .env"
        )
    return PredecessorGeminiAgent(machine.python, script, str(machine.project))
