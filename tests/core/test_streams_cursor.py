from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from codeagent.core.streams.agent_events import AgentEvent, AgentEventKind, Decoder
from codeagent.core.streams.cursor import CursorStream
from codeagent.core.streams.json_lines import closed
from codeagent.core.streams.text import TextStream

Kind = AgentEventKind


def decode(data: bytes, *, decoder: Decoder | None = None) -> list[AgentEvent]:
    decoder = decoder or CursorStream()
    return decoder.feed(data) + decoder.close()


def event(**fields: Any) -> AgentEvent:
    (decoded,) = decode(json.dumps(fields).encode())
    return decoded


def tool_call(subtype: str, body: object, call_id: str = "call_1\nfc_2") -> dict[str, Any]:
    return {"type": "tool_call", "subtype": subtype, "call_id": call_id, "tool_call": body}


RUN = b"".join(
    json.dumps(line, ensure_ascii=False).encode() + b"\n"
    for line in (
        {"type": "system", "subtype": "init", "session_id": "s-1", "model": "M", "cwd": "/p"},
        {"type": "user", "message": {"role": "user", "content": [{"type": "text", "text": "Do"}]}},
        {"type": "thinking", "subtype": "delta", "text": "хм 🤔"},
        tool_call("started", {"shellToolCall": {"args": {"command": "ls", "timeout": 30000}}}),
        tool_call(
            "completed",
            {"shellToolCall": {"args": {"command": "ls"}, "result": {"success": {"exitCode": 0}}}},
        ),
        {"type": "assistant", "message": {"content": [{"text": "Do"}, {"text": "ne"}]}},
        {
            "type": "result",
            "subtype": "success",
            "is_error": False,
            "duration_ms": 1500,
            "result": "Done",
            "session_id": "s-1",
            "usage": {"inputTokens": 7, "cacheReadTokens": 2},
        },
    )
)


def test_a_whole_run_is_decoded() -> None:
    events = decode(RUN)
    assert [event.kind for event in events] == [
        Kind.INIT,
        Kind.PROMPT,
        Kind.THINKING,
        Kind.TOOL_STARTED,
        Kind.TOOL_FINISHED,
        Kind.TEXT,
        Kind.RESULT,
    ]
    init, _, thinking, started, finished, text, result = events
    assert (init.session, init.model) == ("s-1", "M")
    assert thinking.text == "хм 🤔"
    assert (started.call_id, started.tool, started.text) == ("call_1", "shell", "ls")
    assert started.timeout == 30
    assert (finished.call_id, finished.exit_code, finished.is_error) == ("call_1", 0, False)
    assert text.text == "Done"
    assert (result.text, result.duration, result.is_error) == ("Done", 1.5, False)
    assert result.usage == {"input_tokens": 7, "cache_read_tokens": 2}


@pytest.mark.parametrize("prefix", ["stdout:", "stdout: ", "stderr:", " STDERR: ", "\ufeff", ""])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_line_may_have_a_prefix(prefix: str, end: str) -> None:
    (decoded,) = decode(f'{prefix}{{"type":"thinking","text":"x"}}{end}'.encode())
    assert (decoded.kind, decoded.text) == (Kind.THINKING, "x")


@pytest.mark.parametrize(
    "usage",
    [{"inputTokens": 5, "cacheWriteTokens": 1}, {"input_tokens": 5, "cache_write_tokens": 1}],
)
def test_usage_comes_in_camel_case_and_snake_case(usage: dict[str, int]) -> None:
    expected = {"input_tokens": 5, "cache_write_tokens": 1}
    assert event(type="result", usage=usage).usage == expected


def test_usage_keeps_only_counts() -> None:
    usage = {"a": True, "b": -1, "c": "7", "d": None, "e": float("inf"), "f": {"g": 1}, "h": 2.0}
    assert event(type="result", usage=usage).usage == {"h": 2}


@pytest.mark.parametrize(
    ("fields", "is_error"),
    [
        ({"subtype": "success", "is_error": True}, True),
        ({"subtype": "success", "is_error": False}, False),
        ({"subtype": "error_during_execution"}, True),
        ({"subtype": "error_during_execution", "is_error": False}, False),
        ({"subtype": "success"}, False),
        ({}, False),
    ],
)
def test_the_flag_of_a_result_decides_and_not_its_subtype(
    fields: dict[str, Any], is_error: bool
) -> None:
    assert event(type="result", **fields).is_error is is_error


@pytest.mark.parametrize(
    ("result", "code", "is_error"),
    [
        ({"success": {"exitCode": 2}}, 2, True),
        ({"failure": {"exitCode": 127}}, 127, True),
        ({"rejected": {"reason": "no"}}, None, True),
        ({"error": "lost"}, None, True),
        ({"success": {"exitCode": True}}, None, False),
        (None, None, False),
    ],
)
def test_a_failed_tool_is_seen(result: object, code: int | None, is_error: bool) -> None:
    decoded = event(**tool_call("completed", {"shellToolCall": {"args": {}, "result": result}}))
    assert (decoded.exit_code, decoded.is_error) == (code, is_error)


@pytest.mark.parametrize("timeout", [0, -5, True, "30", None, float("nan"), 10**400])
def test_a_tool_limit_that_is_no_time_is_left_out(timeout: object) -> None:
    assert (
        event(**tool_call("started", {"xToolCall": {"args": {"timeout": timeout}}})).timeout is None
    )


def test_a_tool_may_come_as_a_function() -> None:
    assert event(**tool_call("started", {"function": {"name": "grep"}})).tool == "grep"


@pytest.mark.parametrize(
    "line",
    [
        "T: Model unavailable on the free plan",
        "[1, 2]",
        '"text"',
        "NaN",
        "null",
        '{"type": "result"',
        "[" * 100_000,
        '{"a":' * 100_000,
        "1" * 100_000,
        "\ufffd\ufffe",
    ],
)
def test_what_is_no_object_is_an_invalid_event_with_its_text(line: str) -> None:
    decoder = CursorStream()
    (decoded,) = decode(line.encode() + b"\n", decoder=decoder)
    assert (decoded.kind, decoded.text, decoded.is_progress) == (Kind.INVALID, line, False)
    assert decoder.counters.invalid == 1


def test_invalid_utf8_is_replaced() -> None:
    (decoded,) = decode(b'{"type":"thinking","text":"\xff!"}')
    assert decoded.text == "\ufffd!"


def test_half_a_surrogate_pair_cannot_spoil_a_file_later() -> None:
    (decoded,) = decode(rb'{"type":"thinking","text":"\ud83d \ud83d\ude00","session_id":"\udc00"}')
    assert decoded.text.encode().decode() == "\ufffd 😀"
    assert decoded.session == "\ufffd"


def test_unknown_types_are_counted_by_name_and_end_nothing() -> None:
    decoder = CursorStream()
    lines = b'{"type":"new"}\n{"type":"new"}\n{"type":"system","subtype":"x"}\n{}\n{"type":[]}\n'
    events = decode(lines, decoder=decoder)
    assert {decoded.kind for decoded in events} == {Kind.UNKNOWN}
    assert decoder.counters.unknown_types == {"new": 2, "system/x": 1, "": 2}
    assert (decoder.counters.events, decoder.counters.unknown) == (5, 5)


def test_the_account_of_unknown_types_is_bounded() -> None:
    decoder = CursorStream()
    decode(b"".join(b'{"type":"%d"}\n' % number for number in range(1000)), decoder=decoder)
    assert decoder.counters.unknown == 1000
    assert len(decoder.counters.unknown_types) == 100


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"type": "retry", "message": "overloaded"}, Kind.RETRY),
        ({"type": "system", "subtype": "api_retry"}, Kind.RETRY),
        ({"type": "connection", "subtype": "lost"}, Kind.CONNECTION),
        ({"type": "heartbeat"}, Kind.CONNECTION),
    ],
)
def test_signs_of_life_are_no_progress(fields: dict[str, Any], kind: Kind) -> None:
    decoded = event(**fields)
    assert (decoded.kind, decoded.is_progress) == (kind, False)


def test_an_error_event_carries_its_message() -> None:
    decoded = event(type="error", error={"message": "quota"})
    assert (decoded.kind, decoded.text, decoded.is_error) == (Kind.ERROR, "quota", True)


def test_a_line_that_is_too_long_is_counted_and_the_run_goes_on() -> None:
    decoder = CursorStream(limit=30)
    events = decode(b"x" * 31 + b'\n{"type":"thinking"}\n', decoder=decoder)
    assert [decoded.kind for decoded in events] == [Kind.THINKING]
    assert decoder.counters.overlong == 1


def test_of_a_line_that_is_too_long_what_its_beginning_tells_is_taken() -> None:
    decoder = CursorStream(limit=200)
    lines = [
        tool_call("completed", {"shellToolCall": {"args": {"command": "ls"}, "result": "x" * 500}}),
        {"type": "result", "is_error": False, "usage": {"inputTokens": 3}, "result": "y" * 500},
    ]
    finished, result = decode(
        b"".join(json.dumps(x).encode() + b"\n" for x in lines), decoder=decoder
    )
    assert (finished.kind, finished.call_id, finished.tool) == (
        Kind.TOOL_FINISHED,
        "call_1",
        "shell",
    )
    assert (result.kind, result.is_error, result.usage) == (Kind.RESULT, False, {"input_tokens": 3})
    assert (decoder.counters.overlong, decoder.counters.invalid) == (2, 0)


@settings(deadline=None, max_examples=200)
@given(
    st.recursive(st.integers() | st.text(max_size=4), st.lists, max_leaves=5), st.integers(0, 99)
)
@example(value=",", length=27)
@example(value="{", length=27)
@example(value=["\\"], length=29)
def test_the_beginning_of_an_object_is_an_object(value: object, length: int) -> None:
    text = json.dumps({"type": "t", "a": {"b": [value, "\\"]}, "c": value})
    assert json.loads(closed(text)) == json.loads(text)
    cut = json.loads(closed(text[: 1 + length]))
    assert cut.items() <= json.loads(text).items() or set(cut) <= {"type", "a", "c"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "subtype",
        "session_id",
        "model",
        "message",
        "text",
        "call_id",
        "tool_call",
        "is_error",
        "duration_ms",
        "result",
        "usage",
        "error",
    ]
)
TYPES = st.sampled_from(["system", "user", "assistant", "thinking", "tool_call", "result", "retry"])
SUBTYPES = st.sampled_from(["init", "started", "completed", "delta", "success"])


@settings(deadline=None, max_examples=200)
@given(TYPES, SUBTYPES, st.dictionaries(KEYS, JSON, max_size=6))
def test_any_value_in_any_field_is_tolerated(
    type_: str, subtype: str, fields: dict[str, object]
) -> None:
    decoded = event(**({"subtype": subtype} | fields | {"type": type_}))
    assert decoded.kind is not Kind.INVALID
    decoded.text.encode()


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200), st.sampled_from([CursorStream, TextStream]))
def test_no_bytes_make_a_decoder_raise(data: bytes, make: type[CursorStream | TextStream]) -> None:
    decoder = make()
    events = decode(data, decoder=decoder)
    assert decoder.counters.events == len(events)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.integers(0, len(RUN)), max_size=30),
    st.sampled_from([CursorStream, TextStream]),
)
def test_the_borders_of_the_chunks_do_not_matter(
    borders: list[int], make: type[CursorStream | TextStream]
) -> None:
    decoder = make()
    cuts = [0, *sorted(borders), len(RUN)]
    events = [e for a, b in itertools.pairwise(cuts) for e in decoder.feed(RUN[a:b])]
    assert events + decoder.close() == decode(RUN, decoder=make())


def test_plain_output_is_one_event_a_line_without_the_colours() -> None:
    data = b"\x1b[1;32mok\x1b[0m\r\n\n \t\n10%\r50%\r100%\nlast \x07\xff"
    events = decode(data, decoder=TextStream())
    assert [decoded.text for decoded in events] == ["ok", "100%", "last \ufffd"]
    assert {decoded.kind for decoded in events} == {Kind.TEXT}
