from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.times import countdown, roughly

NOW = datetime(2026, 11, 22, 14, 22, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (float("nan"), "0 s"),
        (0.2, "1 s"),
        (59.5, "1 min"),
        (60, "1 min"),
        (61, "2 min"),
        (2520, "42 min"),
        (3599, "1 h"),
        (7500, "2 h 5 min"),
        (86400, "1 d"),
        (86399, "1 d"),
        (9 * 86400 + 2 * 3600 + 1, "9 d 3 h"),
    ],
)
def test_a_length_of_time_is_told_roughly(seconds: float, words: str) -> None:
    assert roughly(seconds) == words


@settings(deadline=None)
@given(st.floats(allow_nan=True, allow_infinity=True))
def test_every_length_of_time_can_be_told(seconds: float) -> None:
    assert roughly(seconds).endswith((" s", " min", " h", " d"))


def test_a_moment_is_told_with_its_distance() -> None:
    assert countdown(NOW + 2520, NOW, UTC) == "15:04 (in 42 min)"
    assert countdown(NOW + 86400, NOW, UTC) == "2026-11-23 14:22 (in 1 d)"
    assert countdown(NOW, NOW, UTC) == "14:22 (now)"
