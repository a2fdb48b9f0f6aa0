from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.streams.sse import ServerSentEvent as Event
from codeagent.core.streams.sse import SSEDecoder


def decode(data: bytes, borders: list[int] | None = None) -> list[Event]:
    decoder, events, begin = SSEDecoder(), [], 0
    for border in [*sorted(b % (len(data) + 1) for b in borders or []), len(data)]:
        events += decoder.feed(data[begin:border])
        begin = border
    return events


# The examples of the standard, section 9.2.6.
@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("data: YHOO\ndata: +2\ndata: 10\n\n", [Event("YHOO\n+2\n10")]),
        (
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third",
            [Event("first event", id="1"), Event("second event")],
        ),
        ("data\n\ndata\ndata\n\ndata:", [Event(""), Event("\n")]),
        ("data:test\n\ndata: test\n\n", [Event("test"), Event("test")]),
    ],
)
def test_the_examples_of_the_standard(text: str, events: list[Event]) -> None:
    assert decode(text.encode()) == events


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_lines_end_in_three_ways(end: str) -> None:
    text = f"event: a{end}data: 1{end}{end}data: 2{end}{end}"
    assert decode(text.encode()) == [Event("1", "a"), Event("2")]


def test_a_carriage_return_ends_an_event_at_once_and_its_line_feed_adds_nothing() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"data: 1\r\n\r") == [Event("1")]
    assert decoder.feed(b"\ndata: 2\r") == []
    assert decoder.feed(b"") == []
    assert decoder.feed(b"\n\r\n") == [Event("2")]


def test_one_byte_order_mark_at_the_beginning_is_dropped_even_in_pieces() -> None:
    data = b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\n"
    assert decode(data) == decode(data, [1, 2, 3]) == [Event("1")]


def test_an_event_without_data_is_none_but_its_id_counts() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"event: x\nid: 7\n\ndata: 1\n\n") == [Event("1", id="7")]
    assert decoder.last_event_id == "7"


def test_an_id_with_a_null_is_ignored_and_one_counts_only_with_its_event() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"id: 7\ndata: 1\nid: 8\0\n\nid: 9\n") == [Event("1", id="7")]
    assert decoder.last_event_id == "7"


@pytest.mark.parametrize(
    ("value", "retry"), [("3000", 3000), ("3s", None), ("٣", None), ("", None)]
)
def test_retry_is_digits(value: str, retry: int | None) -> None:
    decoder = SSEDecoder()
    decoder.feed(f"retry: {value}\n".encode())
    assert decoder.retry == retry


def test_unknown_fields_comments_and_bad_utf8_do_no_harm() -> None:
    assert decode(b": OPENROUTER PROCESSING\n\nfoo: 1\nbar\ndata: \xff\n\n") == [Event("\ufffd")]


def test_a_character_that_was_cut_is_whole() -> None:
    data = "data: é🙂\n\n".encode()
    assert decode(data, list(range(len(data)))) == [Event("é🙂")]


def test_an_event_that_is_too_large_is_dropped_and_the_next_one_is_not() -> None:
    decoder, events = SSEDecoder(limit=20), []
    for _ in range(10):
        events += decoder.feed(b"data: 123\n")
    events += decoder.feed(b"x" * 100)
    assert sum(map(len, decoder._pieces)) < 20
    events += decoder.feed(b"\nid: 5\n\ndata: ok\n\n")
    assert events == [Event("ok")]
    assert decoder.overlong == 1


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            ["data", "id", "event", ":", " ", "\n", "\r", "\r\n", "a", "é", "\ufeff", "\n\n"]
        ),
        max_size=40,
    ).map(lambda parts: "".join(parts).encode()),
    st.lists(st.integers(0, 500), max_size=20),
)
def test_the_borders_of_the_chunks_do_not_matter(data: bytes, borders: list[int]) -> None:
    whole = decode(data)
    assert decode(data, borders) == whole
    assert decode(data, list(range(len(data)))) == whole


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"])),
            st.sampled_from(["message", "delta"]),
        ),
        max_size=10,
    ),
    st.sampled_from(["\n", "\r", "\r\n"]),
)
def test_what_was_encoded_is_decoded(events: list[tuple[str, str]], end: str) -> None:
    lines = []
    for data, type_ in events:
        lines += [f"event: {type_}", *(f"data: {line}" for line in data.split("\n")), ""]
    text = "".join(line + end for line in lines)
    assert decode(text.encode()) == [Event(data, type_) for data, type_ in events]
