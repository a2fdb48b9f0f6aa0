"""Plots as inline SVG, written by hand: no library, no script, no font to load.

Colours come from classes (``c0`` to ``c5``, ``promote``, ``hold``, ``reject``), so that
the page decides about light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Final

from .criteria import Row, describe
from .quantities import percent, quantity
from .results import Benchmark, Series

WIDTH: Final = 940
_LABELS: Final = 420  # px for the names at the left of the ratios
_VALUES: Final = 150  # px for the numbers at their right
_ROW: Final = 26
_STEPS: Final = (
    0.05,
    0.1,
    0.2,
    0.3,
    0.5,
    0.7,
    0.8,
    0.9,
    0.95,
    1,
    1.05,
    1.1,
    1.2,
    1.5,
    2,
    3,
    5,
    10,
    20,
)
_WIDEST: Final = (0.4, 2.5)  # what lies beyond is drawn at the edge, as an arrow
_FAR: Final = 20  # times: values that differ by more get a logarithmic axis

Scale = Callable[[float], float]


def ratios(rows: Sequence[Row]) -> str:
    """Estimates with their intervals, one row each; what is accepted is shaded.

    All rows should be of performance, or all of cost, so that one side is the
    better one.
    """
    seen = [
        value
        for row in rows
        for value in (row.estimate, row.low, row.high, *row.criterion.bounds)
        if _WIDEST[0] <= value <= _WIDEST[1]
    ]
    low, high = min([*seen, 0.9]) / 1.03, max([*seen, 1.1]) * 1.03
    left, right = float(_LABELS), float(WIDTH - _VALUES)
    x = _log_scale(low, high, left, right)
    bottom = len(rows) * _ROW + 8
    parts = [
        f'<line class="{"one" if tick == 1 else "grid"}" x1="{x(tick):.1f}" y1="4" '
        f'x2="{x(tick):.1f}" y2="{bottom}"/>'
        f'<text class="tick" x="{x(tick):.1f}" y="{bottom + 16}">{tick:g}</text>'
        for tick in _apart([step for step in _STEPS if low <= step <= high], x, 34)
    ]
    for number, row in enumerate(rows):
        parts.append(_ratio(row, 4 + number * _ROW + _ROW / 2, x, (low, high)))
    return _svg(bottom + 24, "Ratios with their intervals", parts)


def _ratio(row: Row, y: float, x: Scale, domain: tuple[float, float]) -> str:
    x_start, x_end = domain
    left, right = x(x_start), x(x_end)

    def at(value: float) -> float:
        return left if value <= 0 else min(max(x(min(value, 1e9)), left), right)

    start, end = map(at, row.criterion.bounds)
    told = not math.isnan(row.estimate)
    numbers = f"{row.estimate:.3f} [{row.low:.3f}, {row.high:.3f}]" if told else "not measured"
    tip = f"{row.name}: {numbers}, asked: {describe(row.criterion)}; {row.verdict}: {row.reason}"
    parts = [
        f"<g><title>{escape(tip)}</title>",
        f'<rect class="hit" x="0" y="{y - _ROW / 2:.1f}" width="{WIDTH}" height="{_ROW}"/>',
        (
            f'<rect class="accepted" x="{start:.1f}" y="{y - 9:.1f}" '
            f'width="{max(end - start, 0):.1f}" height="18"/>'
        ),
        f'<text class="name" x="{left - 10:.1f}" y="{y + 4:.1f}">{escape(_cut(row.name, 64))}</text>',
        f'<text class="value" x="{right + 10:.1f}" y="{y + 4:.1f}">{numbers}</text>',
    ]
    if told:
        middle = at(row.estimate)
        beyond = (row.estimate > x_end) - (row.estimate < x_start)
        parts.append(
            f'<line class="whisker {row.verdict}" x1="{at(row.low):.1f}" y1="{y:.1f}" '
            f'x2="{at(row.high):.1f}" y2="{y:.1f}"/>'
        )
        parts.append(
            f'<path class="dot {row.verdict}" d="M{middle:.1f} {y:.1f}l{-9 * beyond} -6v12z"/>'
            if beyond
            else f'<circle class="dot {row.verdict}" cx="{middle:.1f}" cy="{y:.1f}" r="4.5"/>'
        )
    return "".join([*parts, "</g>"])


def distribution(benchmarks: Sequence[Benchmark], colours: Mapping[str, int]) -> str:
    """The share of measurements that took at most so long, one line for each side."""
    values = [sorted(one.data) for one in benchmarks]
    low = min(one[0] for one in values)
    high = max(one[min(math.ceil(0.995 * len(one)), len(one)) - 1] for one in values)
    logarithmic = low > 0 and high / low > _FAR
    left, right, top, bottom = 52.0, WIDTH - 36.0, 10.0, 190.0
    x, ticks = _axis(low, high, left, right, logarithmic)

    def y(share: float) -> float:
        return bottom - share * (bottom - top)

    unit = benchmarks[0].unit
    parts = [_across(y(share), left, right, percent(share)) for share in (0, 0.25, 0.5, 0.75, 1)]
    parts += [
        f'<text class="tick" x="{x(tick):.1f}" y="{bottom + 17}">{quantity(tick, unit)}</text>'
        for tick in _apart(ticks, x, 72)
    ]
    for one, ordered in zip(benchmarks, values, strict=True):
        parts.append(_curve(one, ordered, x, y, high, colours.get(one.name, 0)))
    return _svg(bottom + 24, f"Distribution: {benchmarks[0].group}", parts)


def _curve(
    one: Benchmark, ordered: Sequence[float], x: Scale, y: Scale, high: float, colour: int
) -> str:
    count = len(ordered)
    # A few hundred points are all that a screen shows.
    ranks = sorted({round(at * (count - 1) / 239) for at in range(240)})
    path = f"M{x(ordered[0]):.1f} {y(0):.1f}"
    for rank in ranks:
        if ordered[rank] > high:
            break
        path += f"H{x(ordered[rank]):.1f}V{y((rank + 1) / count):.1f}"
    middle = ordered[(count - 1) // 2]
    name = escape(f"{one.name}: median {quantity(middle, one.unit)}")
    return (
        f'<g><title>{name}</title><path class="line c{colour}" d="{path}"/>'
        f'<circle class="fill c{colour}" cx="{x(middle):.1f}" cy="{y(0.5):.1f}" r="4"/></g>'
    )


def series(one: Series, colours: Mapping[str, int]) -> str:
    """A quantity over another, with intervals.

    The vertical axis begins at 0, or is logarithmic where the values differ by far.
    """
    places = sorted({x for line in one.lines for x, _ in line.points})
    values = [y for line in one.lines for _, y in line.points]
    most = max(y.high if math.isfinite(y.high) else y.estimate for y in values)
    least = min(y.low if math.isfinite(y.low) else y.estimate for y in values)
    logarithmic = least > 0 and most / least > _FAR
    base = least if logarithmic else 0.0
    top, bottom = 12.0, 230.0
    y, ticks = _axis(base, max(most, 1e-12), bottom, top, logarithmic)
    sides = [(tick, quantity(tick, one.unit)) for tick in _apart(ticks, y, 22)]
    left, right = 20.0 + 7 * max(len(text) for _, text in sides), WIDTH - 24.0
    # Evenly spaced: 1, 10 and 100 are equally far from each other.
    gap = (right - left) / max(len(places), 1)
    across = {place: left + gap * (number + 0.5) for number, place in enumerate(places)}
    parts = [_across(y(tick), left, right, text) for tick, text in sides]
    parts += [
        f'<text class="tick" x="{across[place]:.1f}" y="{bottom + 17}">{place:g}</text>'
        for place in places
    ]
    parts.append(
        f'<text class="tick" x="{(left + right) / 2:.1f}" y="{bottom + 36}">{escape(one.x)}</text>'
    )
    for number, line in enumerate(one.lines):
        shift = (number - (len(one.lines) - 1) / 2) * 7  # side by side, not one upon the other
        colour = colours.get(line.name, 0)
        points = [
            (across[x] + shift, value) for x, value in sorted(line.points, key=lambda p: p[0])
        ]
        path = "L".join(f"{x:.1f} {y(value.estimate):.1f}" for x, value in points)
        parts.append(f'<path class="line c{colour}" d="M{path}"/>')
        for x, value in points:
            tip = escape(f"{line.name}: {quantity(value.estimate, one.unit)}")
            if math.isfinite(value.low) and math.isfinite(value.high):
                parts.append(
                    f'<line class="line c{colour}" x1="{x:.1f}" x2="{x:.1f}" '
                    f'y1="{y(max(value.low, base)):.1f}" y2="{y(value.high):.1f}"/>'
                )
            parts.append(
                f'<circle class="fill c{colour}" cx="{x:.1f}" cy="{y(value.estimate):.1f}" r="4.5">'
                f"<title>{tip}</title></circle>"
            )
    return _svg(bottom + 44, one.title, parts)


def _across(y: float, left: float, right: float, text: str) -> str:
    return (
        f'<line class="grid" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
        f'<text class="side" x="{left - 8}" y="{y + 4:.1f}">{text}</text>'
    )


def _svg(height: float, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def _log_scale(low: float, high: float, start: float, end: float) -> Scale:
    span = math.log(high / low) or 1.0
    return lambda value: start + (end - start) * math.log(value / low) / span


def _axis(
    low: float, high: float, start: float, end: float, logarithmic: bool
) -> tuple[Scale, list[float]]:
    """A scale, widened to round numbers, and its ticks."""
    if logarithmic:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        ticks = [10.0**power * part for power in decades for part in (1, 2, 5)]
        return _log_scale(low / 1.05, high * 1.05, start, end), [
            tick for tick in ticks if low / 1.05 <= tick <= high * 1.05
        ]
    span = high - low or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span / 4))
    step *= next(part for part in (1, 2, 2.5, 5, 10) if span / (step * part) <= 5)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    high = high if high > low else low + step
    ticks = [low + step * at for at in range(round((high - low) / step) + 1)]

    def scale(value: float) -> float:
        return start + (end - start) * (value - low) / (high - low)

    return scale, ticks


def _apart(ticks: Sequence[float], x: Scale, distance: float) -> list[float]:
    """Ticks that do not touch each other; 1 first, since all is relative to it."""
    kept: list[float] = []
    for tick in sorted(ticks, key=lambda tick: (tick != 1, tick)):
        if all(abs(x(tick) - x(other)) >= distance for other in kept):
            kept.append(tick)
    return sorted(kept)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
