"""What is known of the models by experience, and in which order they are asked."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from .settings import LLMSetup, Model

HEALTH_INTERVAL: Final = 300.0
"""Seconds between two looks at the health of the models."""

FASTEST_FOR: Final = 60.0
"""Seconds for which the fastest model stays the fastest."""

_POOR, _POOR_CALLS = 0.3, 5
_GOOD, _GOOD_CALLS = 0.7, 3
_REMEMBERED: Final = 100
_ENOUGH_FOR_P95: Final = 20


class ModelRecord:
    """The experience with one model; times are in seconds."""

    __slots__ = ("durations", "enabled", "errors", "last", "model", "successes")

    def __init__(self, model: Model) -> None:
        self.model = model
        self.enabled = True
        self.successes = 0
        self.errors = 0
        self.last = 0.0  # unmeasured, and so taken for the fastest
        self.durations: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def calls(self) -> int:
        return self.successes + self.errors

    @property
    def success_rate(self) -> float:
        """The share of calls that were answered, 0 before the first one."""
        return self.successes / self.calls if self.calls else 0.0

    @property
    def p95(self) -> float | None:
        """The 95th percentile of recent durations (nearest rank), None while they are few."""
        if len(self.durations) < _ENOUGH_FOR_P95:
            return None
        return sorted(self.durations)[math.ceil(0.95 * len(self.durations)) - 1]


class Models:
    """All models with their records.  Not safe across threads: the caller guards it.

    Times are those of one monotonic clock, in seconds.
    """

    __slots__ = ("_bad_json", "_checked_at", "_fastest", "_records", "setup")

    def __init__(self, setup: LLMSetup) -> None:
        self.setup = setup
        self._records = {name: ModelRecord(model) for name, model in setup.models.items()}
        self._bad_json: set[str] = set()
        self._fastest: tuple[str, float] | None = None
        self._checked_at = -math.inf

    def __contains__(self, name: object) -> bool:
        return name in self._records

    def __getitem__(self, name: str) -> ModelRecord:
        return self._records[name]

    def succeeded(self, name: str, seconds: float | None) -> None:
        """The model has answered; without ``seconds`` the time is not typical of it."""
        record = self._records[name]
        record.successes += 1
        if seconds is not None:
            record.last = seconds
            record.durations.append(seconds)
            self._fastest = None

    def outrun(self, name: str, seconds: float) -> None:
        """The model was cancelled after so many seconds, since another one was faster.

        That it takes at least so long counts among its durations: left out, they
        would make it look ever faster.
        """
        self._records[name].durations.append(seconds)

    def failed(self, name: str) -> None:
        """The model has not answered."""
        self._records[name].errors += 1

    def judged(self, name: str, *, is_json: bool) -> None:
        """The model was asked for a JSON object and has, or has not, answered with one."""
        (self._bad_json.discard if is_json else self._bad_json.add)(name)

    def check_health(self, now: float) -> None:
        """Disable models that mostly fail, enable those that recovered; at most now and then.

        If none is left, all start anew.
        """
        if now < self._checked_at + HEALTH_INTERVAL:
            return
        self._checked_at = now
        for record in self._records.values():
            if record.calls >= _POOR_CALLS and record.success_rate < _POOR:
                record.enabled = False
            elif record.calls >= _GOOD_CALLS and record.success_rate >= _GOOD:
                record.enabled = True
        in_roles = [record for record in self._records.values() if record.model.role]
        if not any(record.enabled for record in in_roles):
            for record in self._records.values():
                record.enabled = True
                record.errors = 0

    def fastest(self, now: float) -> str | None:
        """The primary model whose last answer came first, those not yet measured before all."""
        if self._fastest and now < self._fastest[1] and self[self._fastest[0]].enabled:
            return self._fastest[0]
        primaries = self._enabled(self.setup.in_role("primary"))
        if not primaries:
            return None
        name = min(primaries, key=lambda each: self[each].last)
        self._fastest = (name, now + FASTEST_FOR)
        return name

    def order(self, now: float, *, first: str | None, fastest: bool, json: bool) -> list[str]:
        """The models to ask one after the other.

        First ``first``, else the fastest or the first primary; then those in
        reserve, the duplicates, the fallbacks, and last the other primaries.  For
        JSON those come first that have not failed at it, that succeed more often,
        and that have fewer errors; but ``first`` stays where it is.
        """
        primaries = self._enabled(self.setup.in_role("primary"))
        start = self.fastest(now) if fastest else next(iter(primaries), None)
        names = [start] if start else []
        for role in ("reserve", "duplicate", "fallback"):
            names += self._enabled(self.setup.in_role(role))
        names = list(dict.fromkeys([*names, *primaries]))
        if json:
            names.sort(key=lambda name: (name in self._bad_json, *self._promise(name)))
        return list(dict.fromkeys([first, *names])) if first else names

    def parallel(self) -> list[str]:
        """The models to ask at once, in the order in which they were configured."""
        settings = self.setup.parallel
        return self._enabled(settings.models) if settings.enabled else []

    @property
    def evaluator(self) -> str | None:
        """The model that judges answers, None if there is none that can be asked."""
        name = self.setup.parallel.evaluator_model
        return name if name in self._records and self._records[name].enabled else None

    def statistics(self) -> dict[str, Any]:
        """The counts and times of all models, in the predecessor's shape."""
        models = {name: _statistics(record) for name, record in self._records.items()}
        enabled = sum(record.enabled for record in self._records.values())
        return {
            "total_models": len(models),
            "enabled_models": enabled,
            "disabled_models": len(models) - enabled,
            "models": models,
        }

    def _promise(self, name: str) -> tuple[float, int]:
        record = self[name]
        # A model without experience is neither better nor worse than one that never failed.
        return (-record.success_rate if record.calls else -1.0), record.errors

    def _enabled(self, names: Iterable[str]) -> list[str]:
        known = dict.fromkeys(name for name in names if name in self._records)
        return [name for name in known if self._records[name].enabled]


def _statistics(record: ModelRecord) -> dict[str, Any]:
    durations = record.durations
    return {
        "enabled": record.enabled,
        "role": record.model.role or "parallel",
        "total_requests": record.calls,
        "success_count": record.successes,
        "error_count": record.errors,
        "success_rate": record.success_rate,
        "avg_response_time": sum(durations) / len(durations) if durations else 0.0,
        "max_tokens": record.model.settings.max_tokens,
        "context_window": record.model.settings.context_window,
    }
