"""The event stream of Claude Code: ``-p --output-format stream-json --verbose``.

The objects are those of its SDKs (https://code.claude.com/docs/en/agent-sdk):
``system``, ``assistant`` and ``user`` messages of content blocks, and a
``result``, whose subtype is "success" for failed requests too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from .agent_events import AgentEvent, AgentEventKind
from .json_lines import (
    Json,
    JsonLines,
    mapping,
    message,
    notice,
    number,
    objects,
    seconds,
    status,
    subject,
    text,
    unknown,
    usage,
)

_HEARTBEATS: Final = frozenset({"keep_alive", "ping"})


class ClaudeStream(JsonLines):
    """Decodes the stream of one run; that of Qwen Code is of the same family."""

    def _events(self, data: Json) -> list[AgentEvent]:
        return list(_events(data))


def _events(data: Json) -> Iterator[AgentEvent]:
    type_ = text(data.get("type"))
    subtype = text(data.get("subtype"))
    session = text(data.get("session_id")) or None
    match type_:
        case "system":
            yield _system(data, subtype, session)
        case "assistant":
            yield from _assistant(data, session)
        case "user":
            yield from _user(data, session)
        case "stream_event":
            yield AgentEvent(AgentEventKind.THINKING, type_, session=session)
        case "rate_limit_event":
            yield _limit(mapping(data.get("rate_limit_info")), session)
        case "result":
            yield _result(data, subtype, session)
        case _ if type_ in _HEARTBEATS:
            yield AgentEvent(AgentEventKind.CONNECTION, type_, session=session)
        case _:
            yield unknown(f"{type_}/{subtype}" if subtype else type_, notice(data), session)


def _system(data: Json, subtype: str, session: str | None) -> AgentEvent:
    name = f"system/{subtype}"
    if subtype == "init":
        model = text(data.get("model")) or None
        return AgentEvent(AgentEventKind.INIT, name, session=session, model=model)
    if subtype == "api_retry":
        code, words = status(data.get("error_status")), notice(data)
        return AgentEvent(AgentEventKind.RETRY, name, words, session=session, code=code)
    return AgentEvent(AgentEventKind.NOTICE, name, notice(data), session=session)


def _assistant(data: Json, session: str | None) -> Iterator[AgentEvent]:
    content = mapping(data.get("message")).get("content")
    kind = AgentEventKind.TEXT
    if not isinstance(content, list):
        yield AgentEvent(kind, "assistant", message(data.get("message")), session=session)
    for block in objects(content):
        match text(block.get("type")):
            case "tool_use" | "server_tool_use" | "mcp_tool_use":
                arguments = mapping(block.get("input"))
                yield AgentEvent(
                    AgentEventKind.TOOL_STARTED,
                    "assistant",
                    subject(arguments),
                    session=session,
                    call_id=text(block.get("id")) or None,
                    tool=text(block.get("name")) or None,
                    timeout=seconds(arguments.get("timeout")),
                )
            case "thinking" | "redacted_thinking":
                words = text(block.get("thinking"))
                yield AgentEvent(AgentEventKind.THINKING, "assistant", words, session=session)
            case name if name.endswith("tool_result"):
                yield _tool_result(block, "assistant", session)
            case _:
                yield AgentEvent(kind, "assistant", text(block.get("text")), session=session)


def _user(data: Json, session: str | None) -> Iterator[AgentEvent]:
    blocks = objects(mapping(data.get("message")).get("content"))
    results = [block for block in blocks if block.get("type") == "tool_result"]
    for block in results:
        yield _tool_result(block, "user", session)
    if not results:
        words = message(data.get("message"))
        yield AgentEvent(AgentEventKind.PROMPT, "user", words, session=session)


def _tool_result(block: Json, type_: str, session: str | None) -> AgentEvent:
    return AgentEvent(
        AgentEventKind.TOOL_FINISHED,
        type_,
        session=session,
        call_id=text(block.get("tool_use_id")) or None,
        is_error=block.get("is_error") is True,
    )


def _limit(about: Json, session: str | None) -> AgentEvent:
    standing = text(about.get("status"))
    return AgentEvent(
        AgentEventKind.LIMIT,
        "rate_limit_event",
        standing,
        session=session,
        is_error=standing == "rejected",
        code=text(about.get("rateLimitType")) or None,
        reset_at=number(about.get("resetsAt")),
    )


def _result(data: Json, subtype: str, session: str | None) -> AgentEvent:
    # A prompt that is too long ends as a success, but for its terminal reason.
    ended = text(data.get("terminal_reason"))
    flag = data.get("is_error")
    is_error = flag if isinstance(flag, bool) else subtype.startswith("error")
    is_error = is_error or ended not in ("", "completed")
    code = status(data.get("api_error_status"))
    if code is None and is_error:
        code = next((word for word in (ended, subtype) if word not in ("", "completed")), None)
    errors = data.get("errors")
    told = "; ".join(filter(None, map(text, errors))) if isinstance(errors, list) else ""
    return AgentEvent(
        AgentEventKind.RESULT,
        "result",
        text(data.get("result")) or told or notice(data),
        session=session,
        duration=seconds(data.get("duration_ms")),
        is_error=is_error,
        code=code if is_error else None,
        usage=usage(mapping(data.get("usage"))),
    )
