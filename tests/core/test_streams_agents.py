"""The streams of real agents, as they were recorded, and what is made of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.agent_record import AgentRecord
from codeagent.core.streams import (
    AgentEvent,
    AgentEventKind,
    ClaudeStream,
    CodexStream,
    CursorStream,
    Decoder,
    GeminiStream,
    OpencodeStream,
)

Kind = AgentEventKind
STREAMS: dict[str, Callable[[], Decoder]] = {
    "claude": ClaudeStream,
    "codex": CodexStream,
    "cursor": CursorStream,
    "gemini": GeminiStream,
    "opencode": OpencodeStream,
}
GOLDEN = sorted((Path(__file__).parent / "streams").glob("*.jsonl"))


def decode(name: str, data: bytes) -> tuple[list[AgentEvent], Decoder]:
    decoder = STREAMS[name]()
    return decoder.feed(data) + decoder.close(), decoder


def golden(name: str) -> tuple[list[AgentEvent], AgentRecord]:
    file = Path(__file__).parent / "streams" / f"{name}.jsonl"
    events, _ = decode(name.partition("-")[0], file.read_bytes())
    record = AgentRecord()
    for event in events:
        record.note(event)
    return events, record


def lines(*objects: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in objects)


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_nothing_of_a_real_stream_is_unknown(file: Path) -> None:
    events, decoder = decode(file.stem.partition("-")[0], file.read_bytes())
    assert events
    assert (decoder.counters.unknown, decoder.counters.invalid) == (0, 0)


@pytest.mark.parametrize(
    ("name", "tool", "subject", "usage"),
    [
        ("claude", "Write", "/project/NOTES.md", {"output_tokens": 40}),
        ("codex", "command_execution", "/bin/bash -lc", {"input_tokens": 20208}),
        ("gemini", "write_file", "/project/NOTES.md", {"total_tokens": 24580}),
        ("opencode", "write", "/project/NOTES.md", {"input_tokens": 15469}),
    ],
)
def test_a_run_that_works_is_understood(
    name: str, tool: str, subject: str, usage: dict[str, int]
) -> None:
    events, record = golden(f"{name}-works")
    (started,) = [event for event in events if event.kind is Kind.TOOL_STARTED]
    (finished,) = [event for event in events if event.kind is Kind.TOOL_FINISHED]
    assert (started.tool, started.text[: len(subject)]) == (tool, subject)
    assert started.call_id
    assert started.call_id == finished.call_id
    assert [event.kind for event in events].count(Kind.INIT) == 1
    assert events[-1].kind is Kind.RESULT
    assert not any(event.is_error for event in events)
    assert (record.result_text, record.is_error) == ("Done: NOTES.md was written.", False)
    assert record.session
    assert usage.items() <= record.usage.items()
    assert record.model == {"claude": "claude-sonnet-4-5", "gemini": "gemini-2.5-pro"}.get(name)


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("claude-unauthorised", "401", "Failed to authenticate"),
        ("claude-limited", "429", "Request rejected (429)"),
        ("claude-lost-chat", "error_during_execution", "No conversation found"),
        ("codex-unauthorised", None, "401 Unauthorized"),
        ("codex-limited", None, "429 Too Many Requests"),
        ("gemini-unauthorised", "unknown", "UNAUTHENTICATED"),
        ("opencode-unauthorised", "401", "401"),
        ("opencode-limited", "429", "429"),
    ],
)
def test_a_run_that_fails_says_why(name: str, code: str | None, text: str) -> None:
    _, record = golden(name)
    assert record.is_error
    assert record.code == code
    assert text in (record.result_text or "")


def test_retries_inside_an_agent_are_no_progress() -> None:
    for name in ("claude-limited", "codex-limited"):
        retries = [event for event in golden(name)[0] if event.kind is Kind.RETRY]
        assert retries
        assert not any(event.is_progress for event in retries)


def test_claude_may_do_several_things_in_one_message() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "Both."},
        {"type": "tool_use", "id": "1", "name": "Bash", "input": {"command": "a", "timeout": 5000}},
        {"type": "tool_use", "id": "2", "name": "Read", "input": {"file_path": "b"}},
    ]
    results = [
        {"type": "tool_result", "tool_use_id": "2"},
        {"type": "tool_result", "tool_use_id": "1", "is_error": True},
    ]
    events, _ = decode(
        "claude",
        lines(
            {"type": "assistant", "message": {"content": blocks}},
            {"type": "user", "message": {"content": results}},
            {"type": "user", "message": {"content": "a prompt"}},
        ),
    )
    about = [(event.kind, event.call_id, event.timeout, event.is_error) for event in events]
    assert about == [
        (Kind.THINKING, None, None, False),
        (Kind.TEXT, None, None, False),
        (Kind.TOOL_STARTED, "1", 5.0, False),
        (Kind.TOOL_STARTED, "2", None, False),
        (Kind.TOOL_FINISHED, "2", None, False),
        (Kind.TOOL_FINISHED, "1", None, True),
        (Kind.PROMPT, None, None, False),
    ]


@pytest.mark.parametrize(
    ("fields", "is_error", "code"),
    [
        ({"subtype": "success", "is_error": False}, False, None),
        ({"subtype": "success", "is_error": False, "terminal_reason": "completed"}, False, None),
        (
            {"subtype": "success", "is_error": False, "terminal_reason": "prompt_too_long"},
            True,
            "prompt_too_long",
        ),
        ({"subtype": "success", "is_error": True, "api_error_status": 529}, True, "529"),
        ({"subtype": "error_max_turns"}, True, "error_max_turns"),
    ],
)
def test_claudes_result_is_judged_by_its_flag_and_its_terminal_reason(
    fields: dict[str, Any], is_error: bool, code: str | None
) -> None:
    ((result,), _) = decode("claude", lines({"type": "result", **fields}))
    assert (result.is_error, result.code) == (is_error, code)


def test_claude_tells_when_an_allowance_is_renewed() -> None:
    rejected = {"status": "rejected", "resetsAt": 1790000000, "rateLimitType": "five_hour"}
    allowed = {"status": "allowed_warning", "resetsAt": 1790000001}
    record = AgentRecord()
    for info, reset_at in ((rejected, 1790000000.0), (allowed, None)):
        event = {"type": "rate_limit_event", "rate_limit_info": info}
        ((limit,), _) = decode("claude", lines(event))
        assert (limit.kind, limit.is_progress) == (Kind.LIMIT, False)
        record.note(limit)
        assert record.reset_at == reset_at


def test_codex_tells_of_some_tools_only_when_they_have_ended() -> None:
    change = {"id": "i", "type": "file_change", "status": "completed"}
    change["changes"] = [{"path": "a.py", "kind": "update"}]  # type: ignore[assignment]
    events, _ = decode("codex", lines({"type": "item.completed", "item": change}))
    assert [(event.kind, event.text) for event in events] == [
        (Kind.TOOL_STARTED, "a.py"),
        (Kind.TOOL_FINISHED, "a.py"),
    ]


def test_an_update_of_a_tool_of_codex_is_a_sign_of_life_and_no_second_start() -> None:
    item = {"id": "i", "type": "command_execution", "command": "pytest"}
    events, _ = decode(
        "codex",
        lines(
            {"type": "item.started", "item": item},
            {"type": "item.updated", "item": item},
            {"type": "item.completed", "item": {**item, "exit_code": 2, "status": "failed"}},
        ),
    )
    assert [event.kind for event in events] == [Kind.TOOL_STARTED, Kind.NOTICE, Kind.TOOL_FINISHED]
    assert events[1].is_progress
    assert (events[2].exit_code, events[2].is_error) == (2, True)


def test_geminis_answer_is_what_it_said_last() -> None:
    events, _ = decode(
        "gemini",
        lines(
            {"type": "message", "role": "assistant", "content": "Let me see.", "delta": True},
            {"type": "tool_use", "tool_id": "1", "tool_name": "x", "parameters": {"query": "q"}},
            {"type": "tool_result", "tool_id": "1", "status": "error"},
            {"type": "error", "severity": "warning", "message": "loop"},
            {"type": "message", "role": "assistant", "content": "All ", "delta": True},
            {"type": "message", "role": "assistant", "content": "done.", "delta": True},
            {"type": "result", "status": "success", "stats": {"total_tokens": 7}},
        ),
    )
    assert (events[2].is_error, events[3].kind, events[3].is_error) == (True, Kind.ERROR, False)
    assert (events[-1].text, events[-1].usage) == ("All done.", {"total_tokens": 7})


def test_opencode_says_that_it_is_done_in_newer_versions() -> None:
    ((done,), _) = decode("opencode", lines({"type": "done", "reason": "idle", "rejected": []}))
    assert (done.kind, done.is_error) == (Kind.RESULT, False)


def test_a_tool_of_opencode_that_still_runs_is_not_finished() -> None:
    part = {"callID": "c", "tool": "bash", "state": {"status": "running", "input": {}}}
    ((started,), _) = decode("opencode", lines({"type": "tool_use", "part": part}))
    assert started.kind is Kind.TOOL_STARTED


@pytest.mark.parametrize("name", STREAMS)
def test_prefixes_bare_text_and_unknown_types_are_met_the_same_way_everywhere(name: str) -> None:
    data = b'stdout: {"type":"brand_new"}\r\nYou are out of credit\nstderr: {"type":"brand_new"}'
    events, decoder = decode(name, data)
    assert [event.kind for event in events] == [Kind.UNKNOWN, Kind.INVALID, Kind.UNKNOWN]
    assert decoder.counters.unknown_types == {"brand_new": 2}
    assert events[1].text == "You are out of credit"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
RECORDED = [json.loads(line) for file in GOLDEN for line in file.read_text("utf-8").splitlines()]
INNER = {"content", "id", "message", "item", "part", "state", "changes", "stats"}
WORDS = st.sampled_from(sorted(INNER.union(*RECORDED)))
TYPES = st.sampled_from(sorted({event["type"] for event in RECORDED}))


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(STREAMS)), TYPES, st.dictionaries(WORDS, JSON, max_size=5))
def test_any_value_in_any_field_is_tolerated(
    name: str, type_: str, fields: dict[str, object]
) -> None:
    events, decoder = decode(name, lines({**fields, "type": type_}))
    assert decoder.counters.invalid == 0
    for event in events:
        event.text.encode()


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(GOLDEN), st.lists(st.integers(0, 5000), max_size=20))
def test_the_borders_of_the_chunks_do_not_matter(file: Path, borders: list[int]) -> None:
    name, data = file.stem.partition("-")[0], file.read_bytes()
    decoder = STREAMS[name]()
    cuts = [0, *sorted(min(border, len(data)) for border in borders), len(data)]
    events = [each for a, b in itertools.pairwise(cuts) for each in decoder.feed(data[a:b])]
    assert events + decoder.close() == decode(name, data)[0]
