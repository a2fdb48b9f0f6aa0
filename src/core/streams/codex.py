"""The event stream of ``codex exec --json``.

Its events and items are documented at
https://developers.openai.com/codex/noninteractive.  It has no last word but the
end of the turn; what the agent said last is its answer.
"""

from __future__ import annotations

from typing import Final

from .agent_events import AgentEvent, AgentEventKind
from .json_lines import Json, JsonLines, mapping, notice, objects, subject, text, unknown, usage
from .lines import MAX_LINE

_TOOLS: Final = frozenset(
    {"command_execution", "file_change", "mcp_tool_call", "collab_tool_call", "web_search"}
)
_FAILED: Final = frozenset({"failed", "declined"})
_RETRYING: Final = ("Reconnecting", "Retrying")


class CodexStream(JsonLines):
    """Decodes the stream of one run."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        super().__init__(limit)
        self._answer = ""
        self._started: set[str] = set()

    def _events(self, data: Json) -> list[AgentEvent]:
        type_ = text(data.get("type"))
        match type_:
            case "thread.started":
                session = text(data.get("thread_id")) or None
                return [AgentEvent(AgentEventKind.INIT, type_, session=session)]
            case "turn.started":
                return [AgentEvent(AgentEventKind.NOTICE, type_)]
            case "turn.completed":
                counts = usage(mapping(data.get("usage")))
                return [AgentEvent(AgentEventKind.RESULT, type_, self._answer, usage=counts)]
            case "turn.failed":
                return [AgentEvent(AgentEventKind.RESULT, type_, notice(data), is_error=True)]
            case "error":
                words = notice(data)
                retrying = words.startswith(_RETRYING)
                kind = AgentEventKind.RETRY if retrying else AgentEventKind.ERROR
                return [AgentEvent(kind, type_, words, is_error=not retrying)]
            case "item.started" | "item.updated" | "item.completed":
                return self._item(mapping(data.get("item")), type_)
            case _:
                return [unknown(type_, notice(data), None)]

    def _item(self, item: Json, type_: str) -> list[AgentEvent]:
        name = text(item.get("type"))
        completed = type_ == "item.completed"
        match name:
            case "agent_message" if completed:
                self._answer = text(item.get("text"))
                return [AgentEvent(AgentEventKind.TEXT, type_, self._answer)]
            case "agent_message" | "reasoning" | "todo_list":
                return [AgentEvent(AgentEventKind.THINKING, type_, text(item.get("text")))]
            case "error":
                return [AgentEvent(AgentEventKind.ERROR, type_, notice(item))]
            case _ if name in _TOOLS:
                return self._tool(item, name, type_)
            case _:
                return [unknown(f"{type_}/{name}", "", None)]

    def _tool(self, item: Json, name: str, type_: str) -> list[AgentEvent]:
        call_id = text(item.get("id")) or None
        words = subject(item) or ", ".join(map(subject, objects(item.get("changes"))))
        tool = text(item.get("tool")) or name
        events = []
        if (call_id or "") not in self._started:  # some are only told of when they have ended
            self._started.add(call_id or "")
            kind = AgentEventKind.TOOL_STARTED
            events.append(AgentEvent(kind, type_, words, call_id=call_id, tool=tool))
        elif type_ == "item.updated":
            events.append(AgentEvent(AgentEventKind.NOTICE, type_, call_id=call_id, tool=tool))
        if type_ == "item.completed":
            self._started.discard(call_id or "")
            code = item.get("exit_code")
            exit_code = code if isinstance(code, int) and not isinstance(code, bool) else None
            events.append(
                AgentEvent(
                    AgentEventKind.TOOL_FINISHED,
                    type_,
                    words,
                    call_id=call_id,
                    tool=tool,
                    exit_code=exit_code,
                    is_error=bool(exit_code) or text(item.get("status")) in _FAILED,
                )
            )
        return events
