"""Numbers with their units, as people read them."""

from __future__ import annotations

import math

_SCALES = {
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    "B": ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")),
}


def quantity(value: float, unit: str) -> str:
    """Three digits and a fitting unit: seconds become ms, bytes MB (decimal)."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    scales = _SCALES.get(unit, ((1.0, unit),))
    size, name = next((scale for scale in scales if abs(value) >= scale[0]), scales[-1])
    if value == 0:
        size, name = scales[0] if unit == "s" else scales[-1]
    return f"{_digits(value / size)} {name}".rstrip()


def _digits(value: float) -> str:
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    text = f"{value:.{2 - max(math.floor(math.log10(abs(value))), -6)}f}"
    return text.rstrip("0").rstrip(".")


def percent(share: float) -> str:
    """A share as per cent: ``0.5`` is ``50 %``."""
    return f"{share * 100:.3g} %"
