"""Counters and latencies of both paths, and their text for Prometheus (format 0.0.4)."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .observation import Beside, Observation
from .plan import Decision
from .stages import Colour, Stage, rank

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@dataclass(slots=True)
class Histogram:
    """How many operations took up to each bound, in seconds; the last count is beyond all."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)

    def quantile(self, share: float) -> float | None:
        """The bound below which ``share`` of them lie; None without any, infinity beyond all."""
        wanted, seen = share * self.count, 0
        if not wanted:
            return None
        for bound, count in zip((*BOUNDS, float("inf")), self.counts, strict=True):
            seen += count
            if seen >= wanted:
                return bound
        return float("inf")


@dataclass(slots=True)
class PathMetrics:
    """One path of one capability; its operations are those it ran, authoritative or not."""

    latency: Histogram = field(default_factory=Histogram)
    answers: int = 0
    errors: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class CapabilityMetrics:
    """Both paths of one capability, and what came of running them side by side."""

    paths: dict[Colour, PathMetrics] = field(
        default_factory=lambda: {colour: PathMetrics() for colour in Colour}
    )
    shadows: dict[Beside, int] = field(default_factory=dict)
    matches: int = 0
    differences: int = 0
    decided: dict[Stage, int] = field(default_factory=dict)


class Metrics:
    """What was observed since the process began; safe for any thread."""

    def __init__(self, capabilities: Iterable[str]) -> None:
        self._found = {name: CapabilityMetrics() for name in capabilities}
        self._lock = threading.Lock()

    def __getitem__(self, capability: str) -> CapabilityMetrics:
        """The live figures, to be read only."""
        return self._found[capability]

    def decided(self, capability: str, decision: Decision) -> None:
        """Count a task's decision."""
        with self._lock:
            found = self._found[capability].decided
            found[decision.stage] = found.get(decision.stage, 0) + 1

    def observe(self, seen: Observation) -> None:
        """Count an operation."""
        with self._lock:
            found = self._found.setdefault(seen.capability, CapabilityMetrics())
            for colour, seconds in seen.seconds.items():
                found.paths[colour].latency.add(seconds)
            found.paths[seen.authoritative].answers += 1
            for colour, error in seen.errors.items():
                errors = found.paths[colour].errors
                errors[error] = errors.get(error, 0) + 1
            if seen.shadow is not Beside.NONE:
                found.shadows[seen.shadow] = found.shadows.get(seen.shadow, 0) + 1
            if seen.match is not None:
                found.matches += seen.match
                found.differences += not seen.match

    def prometheus(self, prefix: str = "rollout") -> str:
        """The exposition text, with every capability and path from the beginning."""
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines(prefix))

    def _lines(self, prefix: str) -> Iterator[str]:
        def head(name: str, kind: str, text: str) -> Iterator[str]:
            yield f"# HELP {prefix}_{name} {text}"
            yield f"# TYPE {prefix}_{name} {kind}"

        sides = [
            (_labels(capability=name, path=colour), side)
            for name, found in self._found.items()
            for colour, side in found.paths.items()
        ]
        yield from head("operation_seconds", "histogram", "Time of operations by path.")
        for labels, side in sides:
            yield from _histogram(f"{prefix}_operation_seconds", labels, side.latency)
        yield from head("answers_total", "counter", "Operations that the path answered.")
        for labels, side in sides:
            yield f"{prefix}_answers_total{{{labels}}} {side.answers}"
        yield from head("errors_total", "counter", "Operations that failed on the path.")
        for labels, side in sides:
            for error, count in sorted(side.errors.items()):
                yield f"{prefix}_errors_total{{{labels},{_labels(error=error)}}} {count}"
        yield from head("shadows_total", "counter", "What became of the path beside.")
        for name, found in self._found.items():
            for outcome, count in sorted(found.shadows.items()):
                labels = _labels(capability=name, outcome=outcome)
                yield f"{prefix}_shadows_total{{{labels}}} {count}"
        yield from head("comparisons_total", "counter", "Results of both paths compared.")
        for name, found in self._found.items():
            for match, count in (("true", found.matches), ("false", found.differences)):
                labels = _labels(capability=name, match=match)
                yield f"{prefix}_comparisons_total{{{labels}}} {count}"
        yield from head("tasks_total", "counter", "Tasks by the stage decided for them.")
        for name, found in self._found.items():
            for stage in sorted(found.decided, key=rank):
                labels = _labels(capability=name, stage=stage)
                yield f"{prefix}_tasks_total{{{labels}}} {found.decided[stage]}"


def _histogram(name: str, labels: str, latency: Histogram) -> Iterator[str]:
    seen = 0
    for bound, count in zip((*(f"{b:g}" for b in BOUNDS), "+Inf"), latency.counts, strict=True):
        seen += count
        yield f'{name}_bucket{{{labels},le="{bound}"}} {seen}'
    yield f"{name}_sum{{{labels}}} {latency.total:.9g}"
    yield f"{name}_count{{{labels}}} {seen}"


def _labels(**values: str) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in values.items())


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
