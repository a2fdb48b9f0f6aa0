"""The event stream of the Cursor CLI: ``-p --output-format stream-json``.

One JSON object a line, as documented at
https://cursor.com/docs/cli/reference/output-format, and what real versions do
beyond that: lines may begin with ``stdout:`` or ``stderr:``, a ``call_id`` may
hold a line feed (its first line is the identifier), the counts of tokens come in
camel case or snake case or not at all, and some errors are bare text.
"""

from __future__ import annotations

from typing import Final

from .agent_events import AgentEvent, AgentEventKind
from .json_lines import (
    Json,
    JsonLines,
    mapping,
    message,
    notice,
    seconds,
    status,
    subject,
    text,
    unknown,
    usage,
)

_HEARTBEATS: Final = frozenset({"connection", "heartbeat", "ping", "keepalive", "keep_alive"})
_FAILED_OUTCOMES: Final = frozenset({"error", "failure", "rejected", "timeout", "permissionDenied"})


class CursorStream(JsonLines):
    """Decodes the stream of one run; missing or unexpected fields are left out."""

    def _events(self, data: Json) -> list[AgentEvent]:
        return [_event(data)]


def _event(data: Json) -> AgentEvent:
    type_ = text(data.get("type"))
    subtype = text(data.get("subtype"))
    session = text(data.get("session_id") or data.get("sessionId")) or None
    match type_, subtype:
        case "system", "init":
            model = text(data.get("model")) or None
            return AgentEvent(AgentEventKind.INIT, type_, session=session, model=model)
        case "user", _:
            kind, words = AgentEventKind.PROMPT, message(data.get("message"))
            return AgentEvent(kind, type_, words, session=session)
        case "assistant", _:
            kind, words = AgentEventKind.TEXT, message(data.get("message"))
            return AgentEvent(kind, type_, words, session=session)
        case "thinking", _:
            words = text(data.get("text"))
            return AgentEvent(AgentEventKind.THINKING, type_, words, session=session)
        case "tool_call", "started" | "completed":
            return _tool_call(data, type_, subtype, session)
        case "result", _:
            return _result(data, type_, subtype, session)
        case ("retry", _) | ("system", "api_retry"):
            kind = AgentEventKind.RETRY
        case _ if type_ in _HEARTBEATS:
            kind = AgentEventKind.CONNECTION
        case _:
            return unknown(f"{type_}/{subtype}" if subtype else type_, notice(data), session)
    name = f"{type_}/{subtype}" if subtype else type_
    return AgentEvent(
        kind, name, notice(data), session=session, code=status(data.get("error_status"))
    )


def _tool_call(data: Json, type_: str, subtype: str, session: str | None) -> AgentEvent:
    tool, call = _tool(mapping(data.get("tool_call")))
    arguments = mapping(call.get("args"))
    outcome = mapping(call.get("result"))
    exit_code = _exit_code(outcome)
    # The identifier may be followed by a line feed and a second one.
    call_id = text(data.get("call_id")).split("\n", 1)[0].strip() or None
    return AgentEvent(
        AgentEventKind.TOOL_STARTED if subtype == "started" else AgentEventKind.TOOL_FINISHED,
        type_,
        subject(arguments),
        session=session,
        call_id=call_id,
        tool=tool,
        timeout=seconds(arguments.get("timeout")),
        exit_code=exit_code,
        is_error=bool(exit_code) or not _FAILED_OUTCOMES.isdisjoint(outcome),
    )


def _tool(value: Json) -> tuple[str | None, Json]:
    """The name of a tool and its body, of ``{"shellToolCall": {...}}`` and the like."""
    for key, body in value.items():
        if key.endswith("ToolCall"):
            return text(key.removesuffix("ToolCall")) or None, mapping(body)
    function = mapping(value.get("function"))
    return text(function.get("name")) or None, {}


def _exit_code(outcome: Json) -> int | None:
    for body in outcome.values():
        code = mapping(body).get("exitCode")
        if isinstance(code, int) and not isinstance(code, bool):
            return code
    return None


def _result(data: Json, type_: str, subtype: str, session: str | None) -> AgentEvent:
    # The subtype says "success" for failed requests too, so the flag decides
    # wherever there is one.
    flag = data.get("is_error")
    is_error = flag if isinstance(flag, bool) else subtype.startswith(("error", "fail"))
    return AgentEvent(
        AgentEventKind.RESULT,
        type_,
        text(data.get("result")) or notice(data),
        session=session,
        duration=seconds(data.get("duration_ms")),
        is_error=is_error,
        code=(subtype or None) if is_error and subtype != "success" else None,
        usage=usage(mapping(data.get("usage"))),
    )
