"""The composition root: reads the configuration, builds the chosen path, runs it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .core.agents import Adapter, Machine, NoAgent, choose
from .core.config import (
    BUILT_IN_AGENTS,
    Config,
    environment_with,
    is_predecessor,
    line_of,
    parse_config,
    project_directory,
)
from .core.instructions import InstructionError, sequence
from .core.layout import Layout, plan, root_of
from .core.placement import Placement, PlacementRefused, Repository, place
from .core.todo import candidate_names

if TYPE_CHECKING:
    from .core.llm.settings import LLMSetup


class Refused(Exception):
    """The request cannot be carried out as it stands; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for on the command line; None leaves it to the configuration."""

    project: Path | None = None
    config: Path | None = None
    path: str | None = None
    agent: str | None = None
    directory: Path = field(default_factory=Path.cwd)
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Everything that is known before anything runs."""

    config: Config
    config_file: Path | None
    layout: Layout
    environment: Mapping[str, str] = field(repr=False)
    placement: Placement
    llm: LLMSetup | None = None

    @property
    def path(self) -> str:
        """The path that was chosen."""
        return self.config.runtime.path

    @property
    def asked(self) -> LLMSetup | None:
        """The models that are asked about tasks; None if there are none, or they are not to be."""
        if self.llm is None or not self.llm.models or self.config.llm.skip_llm_checks:
            return None
        return self.llm


def prepare(request: Request) -> Prepared:
    """Read and check the configuration. Raises `Refused` and `ConfigError`."""
    near = (request.project or request.directory).absolute()
    file = _config_file(request, near)
    root = near if file is None else root_of(file, near)
    environment = environment_with(_dotenv(root), request.environment)
    config, text = Config(), ""
    if file is not None:
        text = _text(file)
        config = parse_config(
            text,
            source=str(file),
            predecessor=is_predecessor(file, text),
            environment=environment,
        )
    config = _overridden(config, request)
    project = _project(config, request, near, environment)
    try:
        placement = place(config, _repository(config, project, environment))
    except PlacementRefused as error:
        raise Refused(str(error)) from None
    if placement.note:
        config = config.model_copy(update={"warnings": (*config.warnings, placement.note)})
    if file is not None:
        _check_instructions(config, text)
    layout = plan(config, root=root, project=project)
    if placement.worktrees:  # what happens meanwhile is no change of the checkout
        layout = replace(layout, status=layout.state / Path(config.project.status_file).name)
    settings = (root / "llm_settings.yaml") if file is None else file.with_name("llm_settings.yaml")
    llm = _llm(settings, config, environment)
    return Prepared(
        config=config,
        config_file=file,
        layout=layout,
        environment=environment,
        placement=placement,
        llm=llm,
    )


def _llm(file: Path, config: Config, environment: Mapping[str, str]) -> LLMSetup | None:
    """What is configured beside the configuration; None if there is no such file."""
    if not file.is_file():
        return None
    from ._runtime.network import problem_with
    from .core.llm.settings import parse_llm_settings

    if problem := problem_with(config.runtime.http.ca_file, config.runtime.http.proxy):
        raise Refused(f"async.http.{problem}")
    return parse_llm_settings(_text(file), source=str(file), environment=environment)


def find_agent(prepared: Prepared, name: str | None = None) -> Adapter:
    """The adapter of the configured agent, or of the one called ``name``.

    Raises `Refused` if there is none, or its program is not there.
    """
    search = prepared.environment.get("PATH", os.defpath)

    def which(program: str) -> str | None:
        found = shutil.which(program, path=search)
        return None if found is None else str(Path(found).absolute())

    project, file = prepared.layout.project, prepared.config_file
    machine = Machine(
        which=which,
        is_file=lambda file: Path(file).is_file(),
        project=project,
        root=project if file is None else root_of(file, project),
        python=sys.executable,
        environment=prepared.environment,
    )
    try:
        return choose(prepared.config, machine, name)
    except NoAgent as error:
        raise Refused(str(error)) from None


def require_list(prepared: Prepared) -> None:
    """Raise `Refused` if the project has no TODO list."""
    names = candidate_names(prepared.config.project.todo_format)
    if not any((prepared.layout.project / name).is_file() for name in names):
        raise Refused(
            f"there is no TODO list in {prepared.layout.project}: create one of {', '.join(names)}"
        )


def _check_instructions(config: Config, text: str) -> None:
    for kind in ("default", *config.instructions):
        try:
            sequence(config.instructions, kind)
        except InstructionError as error:
            line = line_of(text, error.path)
            raise Refused(f"{config.source}, line {line}: {error}") from None


def _config_file(request: Request, near: Path) -> Path | None:
    if request.config is not None:
        file = (request.directory / request.config).absolute()
        if not file.is_file():
            raise Refused(f"Конфигурационный файл не найден: {file} (no such configuration file)")
        return file
    places = [request.directory.absolute() / "config" / "config.yaml"]
    places += [near / name for name in ("codeagent.yaml", "codeagent.yml")]
    return next((file for file in places if file.is_file()), None)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"{file} is not UTF-8 text (byte {error.start}): save it as UTF-8") from None
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}") from None


def _dotenv(root: Path) -> str | None:
    for directory in (root, *root.parents):
        file = directory / ".env"
        if file.is_file():
            return _text(file)
    return None


def _overridden(config: Config, request: Request) -> Config:
    changes = {"path": request.path, "agent": request.agent}
    changes = {key: value for key, value in changes.items() if value is not None}
    known = dict.fromkeys([*config.agents, *BUILT_IN_AGENTS])
    if request.agent is not None and request.agent not in known:
        raise Refused(f"there is no agent {request.agent!r}: choose from {', '.join(known)}")
    return config.model_copy(update={"runtime": config.runtime.model_copy(update=changes)})


def _project(config: Config, request: Request, near: Path, environment: Mapping[str, str]) -> Path:
    chosen = near
    if request.project is None and config.project.base_dir is not None:
        named = project_directory(
            config.project.base_dir,
            environment,
            windows=os.name == "nt",
            exists=lambda path: Path(path).exists(),
        )
        chosen = request.directory / named
    chosen = chosen.resolve()
    if not chosen.is_dir():
        problem = "is not a directory" if chosen.exists() else "does not exist"
        raise Refused(f"the project {chosen} {problem}: name another with --project")
    if not os.access(chosen, os.R_OK | os.W_OK | os.X_OK):
        raise Refused(f"the project {chosen} cannot be read and written: mend its permissions")
    return chosen


def _repository(config: Config, project: Path, environment: Mapping[str, str]) -> Repository:
    """The project's repository, as far as it matters where tasks are worked on."""
    mode = config.workspace.mode
    if mode == "in_place" or (config.predecessor and mode == "auto"):
        return Repository()  # it is not going to have worktrees
    if not (project / ".git").exists():
        return Repository(f"{project} is not the top of a git repository", exists=False)
    head = _git(project, environment, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if head is None:
        return Repository("git cannot be started: install it")
    if not head:
        return Repository(f"{project} has no commit yet")
    branch = _git(project, environment, "symbolic-ref", "--quiet", "--short", "HEAD")
    return Repository(branch=branch or "")


def _git(project: Path, environment: Mapping[str, str], *arguments: str) -> str | None:
    """What git answers, "" if it refuses, None if there is no git."""
    import subprocess

    own = {name: value for name, value in environment.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(project), *arguments]
    try:
        done = subprocess.run(command, env=own, capture_output=True, check=False, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else ""


def ignore_own(layout: Layout) -> None:
    """Keep our own directory out of the project's version control."""
    if layout.state.parent == layout.project:
        ignore = layout.state / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", "ascii")
