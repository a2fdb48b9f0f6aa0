"""Text made fit for terminals and logs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.observe.text import display_width, elapsed, fit, one_line, plain


@settings(deadline=None, max_examples=300)
@given(st.text(), st.integers(0, 40))
def test_a_fitted_text_never_exceeds_its_width(text: str, width: int) -> None:
    fitted = fit(text, width)
    assert display_width(fitted) <= width
    assert fitted == text or display_width(text) > width


@settings(deadline=None, max_examples=300)
@given(st.text(st.characters() | st.sampled_from("\x1b[m;1]\x07\r\n")))
def test_one_line_has_neither_line_ends_nor_control_codes(text: str) -> None:
    line = one_line(text, 80)
    assert len(line.splitlines()) <= 1
    assert len(line) <= 80
    assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in line)


@pytest.mark.parametrize(
    ("text", "columns"), [("вход", 4), ("漢字", 4), ("e\u0301", 1), ("⚠\ufe0f", 2), ("👩‍💻", 4)]
)
def test_width_is_counted_in_columns(text: str, columns: int) -> None:
    assert display_width(text) == columns


def test_control_codes_are_dropped_or_spelled_out() -> None:
    assert plain("\x1b[31mred\x1b[0m\x1b]0;title\x07 a\tb\r\nc\rd\x00") == "red a\tb\nc\nd\\x00"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "00:00"), (61.9, "01:01"), (3600, "1:00:00"), (-5, "00:00")]
)
def test_elapsed_time(seconds: float, shown: str) -> None:
    assert elapsed(seconds) == shown
