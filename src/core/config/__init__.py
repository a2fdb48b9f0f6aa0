"""The configuration: its settings, the predecessor's dialect, and messages that help."""

from __future__ import annotations

from .environment import environment_with, project_directory, substitute
from .loading import is_predecessor, line_of, parse_config
from .models import AgentSettings, Config, RuntimeSettings
from .problems import ConfigError, Problem

__all__ = [
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
