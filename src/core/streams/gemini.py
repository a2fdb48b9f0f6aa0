"""The event stream of the Gemini CLI: ``--output-format stream-json``.

Its events are documented at https://geminicli.com/docs/cli/headless.
"""

from __future__ import annotations

from .agent_events import AgentEvent, AgentEventKind
from .json_lines import (
    Json,
    JsonLines,
    mapping,
    notice,
    seconds,
    status,
    subject,
    text,
    unknown,
    usage,
)
from .lines import MAX_LINE


class GeminiStream(JsonLines):
    """Decodes the stream of one run; the answer is what was said since the last tool."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        super().__init__(limit)
        self._answer = ""

    def _events(self, data: Json) -> list[AgentEvent]:
        return [self._event(data)]

    def _event(self, data: Json) -> AgentEvent:
        type_ = text(data.get("type"))
        match type_:
            case "init":
                session, model = text(data.get("session_id")), text(data.get("model"))
                return AgentEvent(
                    AgentEventKind.INIT, type_, session=session or None, model=model or None
                )
            case "message":
                words = text(data.get("content"))
                if data.get("role") == "user":
                    return AgentEvent(AgentEventKind.PROMPT, type_, words)
                self._answer = self._answer + words if data.get("delta") is True else words
                return AgentEvent(AgentEventKind.TEXT, type_, words)
            case "tool_use":
                self._answer = ""
                arguments = mapping(data.get("parameters"))
                return AgentEvent(
                    AgentEventKind.TOOL_STARTED,
                    type_,
                    subject(arguments),
                    call_id=text(data.get("tool_id")) or None,
                    tool=text(data.get("tool_name")) or None,
                    timeout=seconds(arguments.get("timeout")),
                )
            case "tool_result":
                return AgentEvent(
                    AgentEventKind.TOOL_FINISHED,
                    type_,
                    call_id=text(data.get("tool_id")) or None,
                    is_error=data.get("status") == "error",
                )
            case "error":
                # It has severities; a warning is no failure.
                failed = data.get("severity") != "warning"
                return AgentEvent(AgentEventKind.ERROR, type_, notice(data), is_error=failed)
            case "result":
                return self._result(data)
            case _:
                return unknown(type_, notice(data), None)

    def _result(self, data: Json) -> AgentEvent:
        is_error = data.get("status") != "success"
        error, stats = mapping(data.get("error")), mapping(data.get("stats"))
        return AgentEvent(
            AgentEventKind.RESULT,
            "result",
            notice(error) if is_error else self._answer,
            duration=seconds(stats.get("duration_ms")),
            is_error=is_error,
            code=status(error.get("type")) if is_error else None,
            usage=usage({key: each for key, each in stats.items() if key.endswith("tokens")}),
        )
