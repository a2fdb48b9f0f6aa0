"""The capabilities: what has a path of its own. Values only."""

from __future__ import annotations

from ..rollout.capability import Capability
from ..rollout.stages import STAGES, Operation, Stage

PREFIX = "codeagent"
"""The beginning of all flag keys."""

_WHOLE = (Stage.OFF, Stage.COMPLETE)
_BESIDE = (Stage.OFF, Stage.SHADOW, Stage.LIVE, Stage.COMPLETE)

FILES_READ = Capability("files-read", Operation.READ, _BESIDE)
FILES_WRITE = Capability("files-write", Operation.WRITE, STAGES)
GIT_READ = Capability("git-read", Operation.READ, _BESIDE)
GIT_WRITE = Capability("git-write", Operation.WRITE, _WHOLE)
LLM = Capability("llm", Operation.WRITE, _BESIDE)
AGENTS = Capability("agents", Operation.WRITE, _WHOLE)
MONITORING = Capability("monitoring", Operation.READ, _BESIDE, exact=False)
CORE = Capability("core", Operation.WRITE, _WHOLE)

CAPABILITIES = (FILES_READ, FILES_WRITE, GIT_READ, GIT_WRITE, LLM, AGENTS, MONITORING, CORE)

GROUPS = {"files": (FILES_READ, FILES_WRITE), "git": (GIT_READ, GIT_WRITE)}


def named(name: str) -> tuple[str, ...]:
    """The capabilities that ``name`` stands for: a group's, else the one itself."""
    return tuple(each.name for each in GROUPS[name]) if name in GROUPS else (name,)
