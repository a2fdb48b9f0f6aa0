"""Metrics as Prometheus reads them: version 0.0.4 of the text exposition format,
https://prometheus.io/docs/instrumenting/exposition_formats/."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]
Sample = tuple[Labels, float]


def family(
    name: str, kind: Literal["counter", "gauge"], help_: str, samples: Iterable[Sample]
) -> Iterator[str]:
    """The lines of one metric: its help, its type, and a line for each sample."""
    yield from _head(name, kind, help_)
    for labels, value in samples:
        yield f"{name}{_braces(labels)} {_number(value)}"


def histogram(
    name: str,
    help_: str,
    bounds: Sequence[float],
    samples: Iterable[tuple[Labels, Sequence[int], float]],
) -> Iterator[str]:
    """The lines of a histogram.

    Each sample has its labels, how many values lie up to each bound and above
    the one before (the last count is of those beyond all), and their sum.
    """
    yield from _head(name, "histogram", help_)
    for labels, counts, total in samples:
        seen = 0
        for bound, count in zip((*map(_number, bounds), "+Inf"), counts, strict=True):
            seen += count
            yield f"{name}_bucket{_braces({**labels, 'le': bound})} {seen}"
        yield f"{name}_sum{_braces(labels)} {_number(total)}"
        yield f"{name}_count{_braces(labels)} {seen}"


def _head(name: str, kind: str, help_: str) -> Iterator[str]:
    text = help_.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def _braces(labels: Labels) -> str:
    inner = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inner}}}" if inner else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    """Whole numbers in full, whatever their size; others to nine digits."""
    whole = isinstance(value, int) or (value.is_integer() and abs(value) < 2**53)
    return str(int(value)) if whole else f"{value:.9g}"
