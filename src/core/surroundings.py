"""What the programs of a workspace see of the machine: their environment, by allow-list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .workspace import safe_name

USUAL = frozenset(
    [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "LANGUAGE",
        "TERM",
        "COLORTERM",
        "NO_COLOR",
        "TZ",
        "EDITOR",
        "HOSTNAME",
        "CI",
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "PKG_CONFIG_PATH",
        "SSH_AUTH_SOCK",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "DOCKER_HOST",
        "CONTAINER_HOST",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "FTP_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
        "ftp_proxy",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "GIT_SSL_CAINFO",
        "CC",
        "CXX",
        "JAVA_HOME",
        "JDK_HOME",
        "ANDROID_HOME",
        "ANDROID_SDK_ROOT",
        "GOPATH",
        "GOROOT",
        "GOCACHE",
        "GOMODCACHE",
        "GOPROXY",
        "CARGO_HOME",
        "RUSTUP_HOME",
        "NVM_DIR",
        "NVM_BIN",
        "VOLTA_HOME",
        "PNPM_HOME",
        "FNM_DIR",
        "BUN_INSTALL",
        "PYENV_ROOT",
        "UV_CACHE_DIR",
        "PIP_CACHE_DIR",
        "NPM_CONFIG_CACHE",
        "npm_config_cache",
        "CONDA_PREFIX",
        "RBENV_ROOT",
        "GEM_HOME",
        "DOTNET_ROOT",
        "NUGET_PACKAGES",
        "MAVEN_OPTS",
        "GRADLE_USER_HOME",
        "CCACHE_DIR",
        "SYSTEMROOT",
        "SYSTEMDRIVE",
        "WINDIR",
        "COMSPEC",
        "PATHEXT",
        "PROGRAMFILES",
        "PROGRAMDATA",
        "APPDATA",
        "LOCALAPPDATA",
        "USERPROFILE",
        "HOMEDRIVE",
        "HOMEPATH",
        "USERNAME",
        "NUMBER_OF_PROCESSORS",
        "PROCESSOR_ARCHITECTURE",
        "NO_BROWSER",
        "NO_OPEN_BROWSER",
    ]
)
"""Names that everything gets: what programs need to start, and nothing secret."""

PREFIXES = ("LC_", "SSL_", "XDG_", "GIT_AUTHOR_", "GIT_COMMITTER_")
"""What the names of further variables begin with that everything gets."""

AGENT_KEYS = frozenset(
    [
        "CURSOR_API_KEY",
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "CLAUDE_CODE_USE_BEDROCK",
        "CLAUDE_CODE_USE_VERTEX",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "CODEX_API_KEY",
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
        "GOOGLE_GENAI_USE_VERTEXAI",
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_CLOUD_LOCATION",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "OPENROUTER_API_KEY",
        "GROQ_API_KEY",
        "DEEPSEEK_API_KEY",
        "MISTRAL_API_KEY",
        "XAI_API_KEY",
    ]
)
"""What agents identify themselves with; the project's own commands do not get it."""

_DIRECTORIES = ("CURSOR_CONFIG_DIR", "CLAUDE_CONFIG_DIR", "CODEX_HOME")


@dataclass(frozen=True, slots=True)
class AgentDirectory:
    """Where an agent keeps its configuration and its chats.

    ``variable`` tells it so, ``name`` is the directory in the task's own,
    ``usual`` where it is otherwise and ``files`` what is copied from there:
    pairs of a path in the home directory, or below ``usual``, and a name.
    """

    variable: str
    name: str
    usual: str
    files: tuple[str, ...]
    beside: tuple[str, ...] = ()


AGENT_DIRECTORIES = (
    AgentDirectory(
        "CURSOR_CONFIG_DIR", "cursor", ".cursor", ("cli-config.json", "auth.json", "mcp.json")
    ),
    AgentDirectory(
        "CLAUDE_CONFIG_DIR",
        "claude",
        ".claude",
        (".credentials.json", "settings.json", "CLAUDE.md", ".claude.json"),
        beside=(".claude.json",),
    ),
    AgentDirectory("CODEX_HOME", "codex", ".codex", ("auth.json", "config.toml", "AGENTS.md")),
)
"""Agents that overwrite each other's configuration when several run at once."""


def inherited(environment: Mapping[str, str], configured: Iterable[str] = ()) -> dict[str, str]:
    """What of the server's environment agents get: the usual, their keys, what was configured."""
    wanted = USUAL | AGENT_KEYS | frozenset(configured)
    return {
        name: value
        for name, value in environment.items()
        if name in wanted or name.startswith(PREFIXES)
    }


def for_commands(environment: Mapping[str, str], configured: Iterable[str] = ()) -> dict[str, str]:
    """What of a workspace's environment the project's own commands get: no keys of agents."""
    hidden = {*AGENT_KEYS, *_DIRECTORIES} - frozenset(configured)
    return {name: value for name, value in environment.items() if name not in hidden}


def private(
    task_id: str, directory: Path, ports: tuple[int, int], *, isolate_agents: bool
) -> dict[str, str]:
    """What every task has of its own; ``directory`` is the task's."""
    first, last = ports
    variables = {
        **temporary(directory),
        "PORT": str(first),
        "CODEAGENT_PORT_FIRST": str(first),
        "CODEAGENT_PORT_LAST": str(last),
        "CODEAGENT_TASK": task_id,
        "COMPOSE_PROJECT_NAME": compose_name(task_id, directory),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "true",
    }
    if isolate_agents:
        variables |= {place.variable: str(directory / place.name) for place in AGENT_DIRECTORIES}
    return variables


def temporary(directory: Path) -> dict[str, str]:
    """Where programs put what they need for a while."""
    return dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(directory / "tmp"))


def compose_name(task_id: str, directory: Path) -> str:
    """A project name as Compose wants it: lower case letters, digits, "_" and "-".

    ``directory`` tells tasks of the same name in different projects apart.
    """
    installation = safe_name(directory.parent.parent.name).lower()
    return f"codeagent-{installation}-{safe_name(task_id).lower()}"


def agent_files(
    environment: Mapping[str, str], home: Path, directory: Path
) -> list[tuple[Path, Path]]:
    """What is copied into the agents' directories below ``directory``: source and target."""
    pairs = []
    for place in AGENT_DIRECTORIES:
        configured = environment.get(place.variable)
        source = Path(configured) if configured else home / place.usual
        target = directory / place.name
        pairs += [(source / name, target / name) for name in place.files]
        if not configured:
            pairs += [(home / name, target / name) for name in place.beside]
    return pairs
