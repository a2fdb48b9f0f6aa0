"""Trying models out: what they are asked, how they did, which roles that earns them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .asking import Ask
from .extract import find_object
from .questions import usefulness
from .settings import ROLES, ModelSettings

PING: Final = Ask(prompt="Reply with the one word: pong")
SIMPLE: Final = Ask(prompt="In one sentence: what is a unit test?")
USEFULNESS: Final = usefulness(
    "Add tests for the parser of dates", "A library that reads dates in many formats."
).ask

_SHARES: Final = {"primary": 2, "duplicate": 2, "reserve": 2, "fallback": 2}
_LONGEST_CELL: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One question to one model; ``seconds`` is what its answer took."""

    success: bool
    seconds: float = 0.0
    length: int = 0
    error: str | None = None
    json_valid: bool | None = None

    def data(self) -> dict[str, Any]:
        """In the predecessor's shape."""
        shown: dict[str, Any] = {
            "success": self.success,
            "response_time": round(self.seconds, 3),
            "content_length": self.length,
            "error": self.error,
        }
        if self.json_valid is not None:
            shown["json_valid"] = self.json_valid
        return shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """All tests of one model; those after the first are made if it is available."""

    settings: ModelSettings
    provider: str
    ping: Probe
    simple: Probe | None = None
    usefulness: Probe | None = None

    @property
    def works(self) -> bool:
        """Whether it has passed every test that was made."""
        tests = (self.ping, self.simple, self.usefulness)
        return all(
            test.success and test.json_valid is not False for test in tests if test is not None
        )

    @property
    def seconds(self) -> float:
        """What its slowest answer took."""
        tests = (self.simple, self.usefulness)
        return max((test.seconds for test in tests if test is not None), default=self.ping.seconds)

    def data(self) -> dict[str, Any]:
        """In the predecessor's shape."""
        shown: dict[str, Any] = {
            "available": self.ping.success,
            "availability_message": self.ping.error or "available",
            "model_config": {"provider": self.provider, **self.settings.model_dump()},
        }
        if self.simple is not None:
            shown["simple_test"] = self.simple.data()
        if self.usefulness is not None:
            shown["usefulness_test"] = self.usefulness.data()
        return shown


def judged(ask: Ask, text: str, seconds: float) -> Probe:
    """What an answer is worth."""
    json_valid = find_object(text) is not None if ask.json else None
    if not text.strip():
        return Probe(success=False, seconds=seconds, error="no text", json_valid=json_valid)
    return Probe(success=True, seconds=seconds, length=len(text), json_valid=json_valid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The roles that models have earned, and what is told of it in the settings."""

    roles: dict[str, list[str]] = field(default_factory=dict)
    tested: int = 0
    working: int = 0
    fastest: str | None = None


def assigned(trials: Mapping[str, Trial]) -> Assignment:
    """The two fastest that work are primary, the next two duplicates, then reserve, fallback."""
    working = sorted((name for name in trials if trials[name].works), key=_by_speed(trials))
    roles, rest = {}, working
    for role in ROLES:
        share = _SHARES[role]
        roles[role], rest = rest[:share], rest[share:]
    return Assignment(
        roles=roles,
        tested=len(trials),
        working=len(working),
        fastest=working[0] if working else None,
    )


def markdown(trials: Mapping[str, Trial], when: str) -> str:
    """The results as a document."""
    rows = []
    for name, trial in sorted(trials.items(), key=lambda item: (not item[1].works, item[0])):
        problem = next((t.error for t in (trial.ping, trial.simple, trial.usefulness)
                        if t is not None and t.error), "")  # fmt: skip
        json_valid = "" if trial.usefulness is None else str(trial.usefulness.json_valid)
        cells = [
            name,
            trial.provider,
            "yes" if trial.works else "no",
            f"{trial.seconds:.2f}" if trial.ping.success else "",
            json_valid,
            problem or "",
        ]
        rows.append("| " + " | ".join(map(_cell, cells)) + " |")
    head = ["# Models under test", "", f"{when}, {len(trials)} models", ""]
    table = ["| model | provider | works | seconds | JSON | problem |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *table, *rows, ""])


def _by_speed(trials: Mapping[str, Trial]) -> Any:
    return lambda name: (trials[name].seconds, name)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())[:_LONGEST_CELL]
