"""The ways in which the stand-in can be told to misbehave."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple


class Behaviour(NamedTuple):
    """``argument`` names what may follow the colon; without it ``default`` applies."""

    description: str
    argument: str | None = None
    default: float | None = None


BEHAVIOURS: Final = {
    "hang": Behaviour("say hello, then nothing more"),
    "hang-after-report": Behaviour("write the report, then never give the result"),
    "hang-after-result": Behaviour("give the result, then do not exit"),
    "die": Behaviour("exit with CODE (1) after the edit: no report, no result", "CODE", 1),
    "late": Behaviour("exit; another process reports SECONDS (1) later", "SECONDS", 1),
    "truncated": Behaviour("write half a report; the rest after SECONDS, or never", "SECONDS"),
    "phraseless": Behaviour("leave the phrase out of the report"),
    "no-report": Behaviour("write no report"),
    "flood": Behaviour("one line of MB (8) megabytes and 1000 short ones for each", "MB", 8),
    "grandchild": Behaviour("leave a process that holds the output open (3600)", "SECONDS", 3600),
    "slow": Behaviour("take SECONDS (2) for the work", "SECONDS", 2),
    "garbage": Behaviour("mix lines into the output that are no events"),
    "stderr": Behaviour("write 160 kB to standard error"),
    "ignore-sigterm": Behaviour("go on when asked to end"),
    "fail": Behaviour("do nothing, give a result that is an error, exit with 1"),
    "idle": Behaviour("exit with 0 without having done or said anything"),
    "untrusted": Behaviour("ask whether to trust the directory, exit with 0"),
    "retrying": Behaviour("tell of nothing but retries"),
    "crash": Behaviour("be killed in the middle of an edit"),
    "no-result": Behaviour("do everything, exit with 0 without a result"),
    "talk-on": Behaviour("go on talking after the result"),
    "hold-stdin": Behaviour("read standard input to its end before anything else"),
    "orphan": Behaviour("leave a process in a session of its own (3600)", "SECONDS", 3600),
    "huge": Behaviour("one event of MB (50) megabytes", "MB", 50),
    "tool": Behaviour("call a tool that is silent for SECONDS (2)", "SECONDS", 2),
    "unknown": Behaviour("mix events of unknown types into the output"),
    "rate-limit": Behaviour("fail with a rate limit that ends in SECONDS (2)", "SECONDS", 2),
    "quota": Behaviour("fail with a used-up allowance, back in SECONDS or next month", "SECONDS"),
    "network": Behaviour("fail for want of a network"),
    "auth": Behaviour("fail to log in"),
    "escape": Behaviour("write outside the directory too"),
    "markers": Behaviour("leave conflict markers"),
    "break": Behaviour("break the tests"),
    "shared": Behaviour("edit a file that all tasks edit, CODEAGENT_STANDIN_SHARED"),
    "commit": Behaviour("commit the work"),
    "fail-once": Behaviour("the same, but only the first time for a report or task"),
    "once": Behaviour("do the other things only the first time for a report or task"),
}


class BehaviourError(ValueError):
    """A behaviour was asked for that does not exist, or with a wrong argument."""


def parse(texts: Iterable[str]) -> dict[str, float | None]:
    """Read ``name[:argument]`` items, separated by commas or blanks.

    Raises:
        BehaviourError: a name is unknown, or its argument is no number or not taken.
    """
    chosen: dict[str, float | None] = {}
    for item in " ".join(texts).replace(",", " ").split():
        name, colon, argument = item.partition(":")
        if name not in BEHAVIOURS:
            raise BehaviourError(f"unknown behaviour {name!r}; there are {', '.join(BEHAVIOURS)}")
        known = BEHAVIOURS[name]
        if colon and known.argument is None:
            raise BehaviourError(f"behaviour {name!r} takes no argument; write it alone")
        chosen[name] = _number(name, argument) if colon else known.default
    return chosen


def effective(
    chosen: Mapping[str, float | None], key: str, environ: Mapping[str, str]
) -> Mapping[str, float | None]:
    """Resolve ``once`` and ``fail-once``: what to do this time for ``key``.

    The keys that have had their first time are kept, one a line, in the file
    named by ``CODEAGENT_STANDIN_STATE``, else in ``.codeagent/standin-once.txt``
    under the working directory.
    """
    behaviours = dict(chosen)
    if "fail-once" in behaviours:
        behaviours.pop("fail-once")
        behaviours |= {"fail": None, "once": None}
    if "once" not in behaviours:
        return behaviours
    behaviours.pop("once")
    state = state_file(environ)
    if state.exists() and key in state.read_text("utf-8", "replace").splitlines():
        return {}
    state.parent.mkdir(parents=True, exist_ok=True)
    with state.open("a", encoding="utf-8") as file:
        file.write(f"{key}\n")
        file.flush()
        os.fsync(file.fileno())
    return behaviours


def state_file(environ: Mapping[str, str]) -> Path:
    """Where is kept what was done before."""
    return Path(environ.get("CODEAGENT_STANDIN_STATE") or ".codeagent/standin-once.txt")


def help_text() -> str:
    """The table of behaviours for ``--help``."""
    lines = []
    for name, known in BEHAVIOURS.items():
        label = f"{name}[:{known.argument}]" if known.argument else name
        lines.append(f"  {label:<22}{known.description}")
    return "\n".join(lines)


def _number(name: str, argument: str) -> float:
    try:
        number = float(argument)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e6:
        raise BehaviourError(f"behaviour {name!r}: expected a number from 0, got {argument!r}")
    return number
