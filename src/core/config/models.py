"""The settings: their types, defaults, units and limits.

All of them are read once, from one validator that is built when it is first used.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from .agent import AgentSettings
from .api import ApiSettings
from .base import Number, PositiveSeconds, Seconds, Settings, StrictSettings, lowered
from .landing import LandingSettings
from .limits import LimitSettings
from .recovery import RecoverySettings
from .verify import VerifySettings
from .work import WorkspaceSettings

REAL_CHECKPOINT = "data/.codeagent_checkpoint.json"
SHIPPED_CHECKPOINT = ".codeagent_checkpoint.json"


def _not_far_up(path: str) -> str:
    if path.count("..") > 3:
        raise ValueError("has more than three '..'; write it as an absolute path")
    return path


def _inside(path: str) -> str:
    if ".." in path:
        raise ValueError("must stay inside the project, so it cannot hold '..'")
    return path


class ProjectSettings(Settings):
    """The project that is worked on; the two paths are relative to ``base_dir``."""

    base_dir: Annotated[str, AfterValidator(_not_far_up)] | None = None
    docs_dir: Annotated[str, AfterValidator(_inside)] = "docs"
    status_file: Annotated[str, AfterValidator(_inside)] = "codeAgentProjectStatus.md"
    todo_format: Literal["txt", "yaml", "md"] = "md"


class CheckpointSettings(Settings):
    """The checkpoint document and what it limits."""

    enabled: bool = True
    checkpoint_file: str | None = None
    max_task_attempts: int = Field(default=3, ge=1, le=100)
    keep_completed_tasks: int = Field(default=100, ge=0)


class ServerSettings(Settings):
    """How the server goes about the list; intervals are in whole seconds."""

    check_interval: int = Field(default=60, ge=1, le=3600)
    max_iterations: int | None = None
    task_delay: int = Field(default=5, ge=0, le=300)
    checkpoint_file: str | None = None
    checkpoint: CheckpointSettings = Field(default_factory=CheckpointSettings)
    http_enabled: bool = True
    http_port: int = Field(default=3456, ge=1024, le=65535)
    auto_reload: bool = True
    reload_on_py_changes: bool = True
    max_restarts: int = Field(default=3, ge=1, le=100)


class DocsSettings(Settings):
    """The project's documentation; sizes in bytes, directories relative to ``base_dir``."""

    supported_extensions: tuple[str, ...] = (".md", ".txt")
    max_file_size: int = Field(default=1_000_000, ge=0)
    results_dir: str = "docs/results"
    reviews_dir: str = "docs/reviews"


class LLMSettings(Settings):
    """``timeout`` is in seconds."""

    cli_interface: Annotated[Literal["cursor", "gemini"], BeforeValidator(lowered)] = "cursor"
    timeout: float = Field(default=200, gt=0, allow_inf_nan=False)
    retry_attempts: int = Field(default=1, ge=0)
    skip_llm_checks: bool = False


class ResilienceSettings(Settings):
    """What happens when a model fails; the delay is in seconds."""

    enable_fallback: bool = True
    max_fallback_attempts: int = 3
    fallback_retry_delay: float = Field(default=2, ge=0, allow_inf_nan=False)
    fallback_on_errors: tuple[str, ...] = (
        "billing_error",
        "timeout",
        "model_unavailable",
        "unknown_error",
    )


class CursorCLISettings(Settings):
    """The Cursor command line; ``timeout`` is in seconds."""

    cli_path: str | None = None
    timeout: float = Field(default=300, gt=0, allow_inf_nan=False)
    headless: bool = True
    container_name: str | None = None
    model: str = "auto"
    fallback_models: tuple[str, ...] = ("grok",)
    resilience: ResilienceSettings = Field(default_factory=ResilienceSettings)


class CursorSettings(Settings):
    """How Cursor is reached."""

    interface_type: str = "cli"
    prefer_cursor: bool = True
    cli: CursorCLISettings = Field(default_factory=CursorCLISettings)


class GeminiCLISettings(Settings):
    """The Gemini command line; ``timeout`` is in seconds."""

    container_name: str | None = None
    timeout: float = Field(default=300, gt=0, allow_inf_nan=False)


class GeminiSettings(Settings):
    """How Gemini is reached."""

    cli: GeminiCLISettings = Field(default_factory=GeminiCLISettings)


class SecuritySettings(Settings):
    """What the server may do beyond the project's directory."""

    auto_push_enabled: bool = False
    allow_remote_scripts: bool = True


class HTTPSettings(StrictSettings):
    """Connections to LLM providers; ``timeout`` is in seconds.

    ``ca_file`` is relative to where the server is started; ``proxy`` may hold a
    password, so it is not shown.
    """

    max_connections: int = Field(default=100, ge=1, le=10_000)
    max_per_host: int = Field(default=10, ge=1, le=10_000)
    timeout: PositiveSeconds = 30
    ca_file: str | None = None
    proxy: str | None = Field(default=None, repr=False)


class RuntimeSettings(StrictSettings):
    """The section ``async``: what runs, on which path, and for how long.

    Times are in seconds.  ``retry_delay`` doubles with each attempt of a task up to
    ``retry_delay_max``; ``ageing`` is the wait that is worth one step of priority;
    ``exit_grace`` is how long an agent may live on once its report is there or its
    result was announced; ``grace_period`` is what a stop leaves to running agents.
    An agent may take ``handshake_timeout`` until its first event and be silent for
    ``idle_timeout``; a tool that it called may be silent for its own limit and
    ``tool_grace``, or for ``tool_timeout`` if it has none.
    """

    path: Literal["async", "sync"] = "async"
    agent: str = "cursor"
    max_concurrent_tasks: Annotated[int, Number, Field(ge=1, le=1000)] | None = None
    loop: Literal["auto", "uvloop", "winloop", "asyncio"] = "auto"
    debug: bool = False
    grace_period: Seconds = 30
    instruction_timeout: PositiveSeconds = 600
    handshake_timeout: Seconds = 60
    idle_timeout: Seconds = 300
    tool_timeout: PositiveSeconds = 7200
    tool_grace: Seconds = 30
    report_timeout: PositiveSeconds | None = None
    exit_grace: Seconds = 10
    retry_delay: Seconds = 5
    retry_delay_max: Seconds = 300
    io_threads: Annotated[int, Number, Field(ge=1, le=256)] = 8
    state_dir: str | None = None
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lowered)] = (
        "info"
    )
    ageing: PositiveSeconds = 600
    monitor_interval: PositiveSeconds = 30
    http: HTTPSettings = Field(default_factory=HTTPSettings)

    @model_validator(mode="after")
    def _delays_are_in_order(self) -> RuntimeSettings:
        if self.retry_delay > self.retry_delay_max:
            raise ValueError("has a retry_delay longer than its retry_delay_max")
        return self


class Config(Settings):
    """Everything that was configured, defaults filled in.

    ``source`` names where it came from, ``predecessor`` says whether it is in the
    predecessor's dialect, and ``warnings`` are about what was accepted and is worth
    a second look.  ``instructions`` holds the sequences as they were written.
    """

    project: ProjectSettings = Field(default_factory=ProjectSettings)
    server: ServerSettings = Field(default_factory=ServerSettings)
    docs: DocsSettings = Field(default_factory=DocsSettings)
    llm: LLMSettings = Field(default_factory=LLMSettings)
    cursor: CursorSettings = Field(default_factory=CursorSettings)
    gemini: GeminiSettings = Field(default_factory=GeminiSettings)
    security: SecuritySettings = Field(default_factory=SecuritySettings)
    instructions: dict[str, list[Any]] = Field(default_factory=dict)
    agents: dict[str, AgentSettings] = Field(default_factory=dict)
    runtime: RuntimeSettings = Field(default_factory=RuntimeSettings, alias="async")
    api: ApiSettings = Field(default_factory=ApiSettings)
    workspace: WorkspaceSettings = Field(default_factory=WorkspaceSettings)
    limits: LimitSettings = Field(default_factory=LimitSettings)
    verify: VerifySettings = Field(default_factory=VerifySettings)
    landing: LandingSettings = Field(default_factory=LandingSettings)
    recovery: RecoverySettings = Field(default_factory=RecoverySettings)
    source: str = "built-in defaults"
    predecessor: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def agent(self) -> AgentSettings | None:
        """The configured agent that runs the instructions, None for a built-in one."""
        return self.agents.get(self.runtime.agent)

    @property
    def cursor_model(self) -> str:
        """The model asked of Cursor; an empty name means that Cursor chooses."""
        return self.cursor.cli.model or "auto"

    @property
    def max_attempts(self) -> int:
        """How often a task is tried before it needs a person."""
        return self.server.checkpoint.max_task_attempts

    @property
    def checkpoint_files(self) -> tuple[str, ...]:
        """Where the checkpoint may be, relative to the installation; the first is written.

        The flat ``server.checkpoint_file`` is the only place if it is set.  The
        predecessor never looked at ``server.checkpoint.checkpoint_file`` and kept its
        state under ``data/``, so that place is searched whatever the nested key says.
        """
        flat, nested = self.server.checkpoint_file, self.server.checkpoint.checkpoint_file
        if flat:
            return (flat,)
        if not nested or nested in (SHIPPED_CHECKPOINT, REAL_CHECKPOINT):
            return (REAL_CHECKPOINT, SHIPPED_CHECKPOINT)
        return (nested, REAL_CHECKPOINT)

    @property
    def api_port(self) -> int | None:
        """Where the API listens: 0 is any free port, None is nowhere.

        The predecessor's ``server.http_port`` counts in its own dialect only.
        """
        if not (self.api.enabled and self.server.http_enabled):
            return None
        if self.predecessor and "port" not in self.api.model_fields_set:
            return self.server.http_port
        return self.api.port

    def report_timeout(self, instruction_timeout: float) -> float:
        """Seconds to wait for a report once its instruction may be given that long."""
        if self.runtime.report_timeout is not None:
            return self.runtime.report_timeout
        return instruction_timeout if self.predecessor else 60.0
