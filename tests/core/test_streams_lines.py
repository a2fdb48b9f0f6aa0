from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.streams.lines import BEGINNING, MAX_LINE, Cut, LineSplitter


def split(data: bytes, borders: list[int], limit: int = MAX_LINE) -> tuple[list[bytes], int]:
    splitter = LineSplitter(limit)
    lines: list[bytes] = []
    begin = 0
    for border in [*sorted(border % (len(data) + 1) for border in borders), len(data)]:
        lines += splitter.feed(data[begin:border])
        begin = border
    lines += splitter.close()
    return lines, splitter.overlong


@settings(deadline=None, max_examples=200)
@given(
    st.text(alphabet="ab\r\n", max_size=60).map(str.encode),
    st.lists(st.integers(0, 1000), max_size=20),
    st.integers(0, 12),
)
def test_the_borders_of_the_chunks_do_not_matter(
    data: bytes, borders: list[int], limit: int
) -> None:
    pieces = data.split(b"\n")
    if not pieces[-1]:
        pieces.pop()
    long = sum(len(piece) > limit for piece in pieces)
    kept = [p[:limit] if len(p) > limit else p.removesuffix(b"\r") for p in pieces]
    expected = (kept, long)
    assert split(data, [], limit) == expected
    assert split(data, borders, limit) == expected
    assert split(data, list(range(len(data))), limit) == expected


def test_a_carriage_return_within_a_line_stays() -> None:
    assert split(b"10%\r20%\r\nend\r\r\n", [4, 8]) == ([b"10%\r20%", b"end\r"], 0)


def test_empty_lines_are_lines() -> None:
    assert split(b"\n\r\n\n", []) == ([b"", b"", b""], 0)


@pytest.mark.parametrize("chunk", [1, 5, 100])
def test_of_a_line_that_is_too_long_the_beginning_is_kept_and_the_next_one_is_whole(
    chunk: int,
) -> None:
    data = b"one\n" + b"x" * 11 + b"\n" + b"y" * 10 + b"\nlast" + b"z" * 20
    borders = list(range(0, len(data), chunk))
    lines, overlong = split(data, borders, limit=10)
    assert (lines, overlong) == ([b"one", b"x" * 10, b"y" * 10, b"lastzzzzzz"], 2)
    assert [isinstance(line, Cut) for line in lines] == [False, True, False, True]


def test_what_is_held_of_a_line_that_never_ends_is_bounded() -> None:
    splitter = LineSplitter(limit=100_000)
    for _ in range(100):
        assert splitter.feed(b"x" * 9999) == []
        assert len(splitter._held) <= 100_000
    assert splitter.feed(b"\nnext\n") == [b"x" * BEGINNING, b"next"]
    assert splitter.overlong == 1
    assert splitter.feed(b"y" * 200_000 + b"\n" + b"z" * 200_000 + b"\n") == [
        b"y" * BEGINNING,
        b"z" * BEGINNING,
    ]


def test_a_line_of_the_greatest_length_passes_in_small_chunks() -> None:
    splitter = LineSplitter()
    chunk = b"x" * 65536
    for _ in range(MAX_LINE // len(chunk)):
        assert splitter.feed(chunk) == []
    (line,) = splitter.feed(b"\n")
    assert len(line) == MAX_LINE
    assert splitter.overlong == 0


def test_after_the_end_nothing_is_held() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"half") == []
    assert splitter.close() == [b"half"]
    assert splitter.close() == []
