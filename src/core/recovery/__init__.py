"""What follows on a failure: a table of steps for every kind, and the choice among them.

For every kind the steps stand in order, each with a number of times.  The
first one that is possible and not used up is taken; when there is none left, a
person has to look at it.  An attempt that has run a tool is never simply
repeated: either its chat goes on, or the workspace goes back to the last
accepted state before a new chat begins, and before either it is snapshotted.
"""

from __future__ import annotations

from .choice import MARGIN, UNRESTORED, Recovery, decide, tried
from .continuation import Continuation, continuations_text, read_continuations
from .history import Tried, history_text, read_history
from .policy import DEFAULTS, Policy, Rules, policy_of

__all__ = [
    "DEFAULTS",
    "MARGIN",
    "UNRESTORED",
    "Continuation",
    "Policy",
    "Recovery",
    "Rules",
    "Tried",
    "continuations_text",
    "decide",
    "history_text",
    "policy_of",
    "read_continuations",
    "read_history",
    "tried",
]
