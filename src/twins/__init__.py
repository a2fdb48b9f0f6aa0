"""Synchronous twins of asynchronous code: generated, compared and linted.

The package drives the unasync library over the trees that a project names in
``[tool.codeagent.twins]`` of its pyproject.toml.  It knows nothing of what the
trees contain.
"""

from __future__ import annotations

from .compare import Difference, Kind
from .config import Config, Pair, load_config
from .errors import ConfigError, ConversionError, Refused, ToolMissing, TwinsError
from .findings import CODES, Finding
from .project import Checked, Generated, check, generate, lint

__all__ = [
    "CODES",
    "Checked",
    "Config",
    "ConfigError",
    "ConversionError",
    "Difference",
    "Finding",
    "Generated",
    "Kind",
    "Pair",
    "Refused",
    "ToolMissing",
    "TwinsError",
    "check",
    "generate",
    "lint",
    "load_config",
]
