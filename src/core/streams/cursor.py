"""The event stream of the Cursor CLI: ``-p --output-format stream-json``.

One JSON object a line, as documented at
https://cursor.com/docs/cli/reference/output-format, and what real versions do
beyond that: lines may begin with ``stdout:`` or ``stderr:``, a ``call_id`` may
hold a line feed (its first line is the identifier), the counts of tokens come in
camel case or snake case or not at all, and some errors are bare text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from .agent_events import AgentEvent, AgentEventKind
from .decoder import LineDecoder, printable

_PREFIX: Final = re.compile(r"\s*(?:stdout|stderr):", re.IGNORECASE)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_HEARTBEATS: Final = frozenset({"connection", "heartbeat", "ping", "keepalive", "keep_alive"})
_TOOL_SUBJECTS: Final = ("command", "path", "pattern", "globPattern", "query", "url", "description")
_FAILED_OUTCOMES: Final = frozenset({"error", "failure", "rejected", "timeout", "permissionDenied"})


class CursorStream(LineDecoder):
    """Decodes the stream of one run.

    What is no JSON object becomes an INVALID event, an object of a type that is
    not known an UNKNOWN one; both are counted and neither ends the run.  Fields
    that are missing or have an unexpected type are left out.
    """

    def _decode(self, line: str) -> AgentEvent | None:
        body = line.removeprefix("\ufeff")
        if prefix := _PREFIX.match(body):
            body = body[prefix.end() :]
        body = body.strip()
        if not body:
            return None
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return _event(value)
        text = printable(body)
        return AgentEvent(AgentEventKind.INVALID, text=text) if text else None


def _event(data: Mapping[str, Any]) -> AgentEvent:
    type_ = _text(data.get("type"))
    subtype = _text(data.get("subtype"))
    session = _text(data.get("session_id") or data.get("sessionId")) or None
    match type_, subtype:
        case "system", "init":
            model = _text(data.get("model")) or None
            return AgentEvent(AgentEventKind.INIT, type_, session=session, model=model)
        case "user", _:
            return AgentEvent(
                AgentEventKind.PROMPT, type_, _message(data.get("message")), session=session
            )
        case "assistant", _:
            return AgentEvent(
                AgentEventKind.TEXT, type_, _message(data.get("message")), session=session
            )
        case "thinking", _:
            return AgentEvent(
                AgentEventKind.THINKING, type_, _text(data.get("text")), session=session
            )
        case "tool_call", "started" | "completed":
            return _tool_call(data, type_, subtype, session)
        case "result", _:
            return _result(data, type_, subtype, session)
        case ("retry", _) | ("system", "api_retry"):
            kind = AgentEventKind.RETRY
        case _ if type_ in _HEARTBEATS:
            kind = AgentEventKind.CONNECTION
        case _:
            kind = AgentEventKind.UNKNOWN
    name = f"{type_}/{subtype}" if subtype else type_
    return AgentEvent(kind, name, _notice(data), session=session, is_error=type_ == "error")


def _tool_call(
    data: Mapping[str, Any], type_: str, subtype: str, session: str | None
) -> AgentEvent:
    tool, call = _tool(_mapping(data.get("tool_call")))
    arguments = _mapping(call.get("args"))
    subject = next((text for key in _TOOL_SUBJECTS if (text := _text(arguments.get(key)))), "")
    outcome = _mapping(call.get("result"))
    exit_code = _exit_code(outcome)
    milliseconds = _number(arguments.get("timeout"))
    # The identifier may be followed by a line feed and a second one.
    call_id = _text(data.get("call_id")).split("\n", 1)[0].strip() or None
    return AgentEvent(
        AgentEventKind.TOOL_STARTED if subtype == "started" else AgentEventKind.TOOL_FINISHED,
        type_,
        subject,
        session=session,
        call_id=call_id,
        tool=tool,
        timeout=milliseconds / 1000 if milliseconds else None,
        exit_code=exit_code,
        is_error=bool(exit_code) or not _FAILED_OUTCOMES.isdisjoint(outcome),
    )


def _tool(value: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    """The name of a tool and its body, of ``{"shellToolCall": {...}}`` and the like."""
    for key, body in value.items():
        if key.endswith("ToolCall"):
            return _text(key.removesuffix("ToolCall")) or None, _mapping(body)
    function = _mapping(value.get("function"))
    return _text(function.get("name")) or None, {}


def _exit_code(outcome: Mapping[str, Any]) -> int | None:
    for body in outcome.values():
        code = _mapping(body).get("exitCode")
        if isinstance(code, int) and not isinstance(code, bool):
            return code
    return None


def _result(data: Mapping[str, Any], type_: str, subtype: str, session: str | None) -> AgentEvent:
    # The subtype says "success" for failed requests too, so the flag decides
    # wherever there is one.
    flag = data.get("is_error")
    is_error = flag if isinstance(flag, bool) else subtype.startswith(("error", "fail"))
    milliseconds = _number(data.get("duration_ms"))
    return AgentEvent(
        AgentEventKind.RESULT,
        type_,
        _text(data.get("result")) or _notice(data),
        session=session,
        duration=None if milliseconds is None else milliseconds / 1000,
        is_error=is_error,
        usage=_usage(_mapping(data.get("usage"))),
    )


def _usage(value: Mapping[str, Any]) -> dict[str, int]:
    usage = {}
    for key, number in value.items():
        count = _number(number)
        if count is not None:
            usage[_text(_CAMEL.sub("_", key)).lower()] = int(count)
    return usage


def _message(value: object) -> str:
    content = _mapping(value).get("content")
    if isinstance(content, list):
        return "".join(_text(_mapping(block).get("text")) for block in content)
    return _text(content)


def _notice(data: Mapping[str, Any]) -> str:
    for key in ("message", "text", "error", "reason", "status"):
        value = data.get(key)
        if text := _text(value) or _text(_mapping(value).get("message")):
            return text
    return ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    if not isinstance(value, str):
        return ""
    if value.isascii():
        return value
    # JSON can spell half a surrogate pair, which no file could take later.
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _number(value: object) -> float | None:
    """A finite count or amount of time, never negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
