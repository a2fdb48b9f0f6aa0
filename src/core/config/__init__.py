"""The configuration: its settings, the predecessor's dialect, and messages that help."""

from __future__ import annotations

from .agent import BUILT_IN_AGENTS, AgentSettings
from .environment import environment_with, project_directory, substitute
from .loading import is_predecessor, line_of, parse_config
from .models import Config, RuntimeSettings
from .problems import ConfigError, Problem

__all__ = [
    "BUILT_IN_AGENTS",
    "AgentSettings",
    "Config",
    "ConfigError",
    "Problem",
    "RuntimeSettings",
    "environment_with",
    "is_predecessor",
    "line_of",
    "parse_config",
    "project_directory",
    "substitute",
]
