"""The event stream of ``opencode run --format json``.

There is no result: the last step finishes with the reason "stop", and newer
versions add ``done``.  A tool is told of when it has ended.
"""

from __future__ import annotations

from collections import Counter

from .agent_events import AgentEvent, AgentEventKind
from .json_lines import Json, JsonLines, mapping, notice, number, status, subject, text, unknown
from .lines import MAX_LINE


class OpencodeStream(JsonLines):
    """Decodes the stream of one run; tokens are summed up over its steps."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        super().__init__(limit)
        self._begun = False
        self._answer = ""
        self._tokens: Counter[str] = Counter()

    def _events(self, data: Json) -> list[AgentEvent]:
        type_ = text(data.get("type"))
        session = text(data.get("sessionID")) or None
        part = mapping(data.get("part"))
        match type_:
            case "step_start":
                kind = AgentEventKind.NOTICE if self._begun else AgentEventKind.INIT
                self._begun = True
                return [AgentEvent(kind, type_, session=session)]
            case "text":
                self._answer = text(part.get("text"))
                return [AgentEvent(AgentEventKind.TEXT, type_, self._answer, session=session)]
            case "reasoning":
                words = text(part.get("text"))
                return [AgentEvent(AgentEventKind.THINKING, type_, words, session=session)]
            case "tool_use":
                return _tool(part, session)
            case "step_finish":
                return [self._step(part, session)]
            case "error":
                return [_error(mapping(data.get("error")), session)]
            case "done":
                return [self._result(type_, session)]
            case _:
                return [unknown(type_, notice(data), session)]

    def _step(self, part: Json, session: str | None) -> AgentEvent:
        tokens = mapping(part.get("tokens"))
        cache = mapping(tokens.get("cache"))
        for name, value in (
            ("input_tokens", tokens.get("input")),
            ("output_tokens", tokens.get("output")),
            ("reasoning_tokens", tokens.get("reasoning")),
            ("cache_read_tokens", cache.get("read")),
            ("cache_write_tokens", cache.get("write")),
        ):
            self._tokens[name] += int(number(value) or 0)
        if part.get("reason") == "stop":
            return self._result("step_finish", session)
        return AgentEvent(AgentEventKind.NOTICE, "step_finish", session=session)

    def _result(self, type_: str, session: str | None) -> AgentEvent:
        counts = dict(self._tokens)
        return AgentEvent(AgentEventKind.RESULT, type_, self._answer, session=session, usage=counts)


def _tool(part: Json, session: str | None) -> list[AgentEvent]:
    state = mapping(part.get("state"))
    words = subject(mapping(state.get("input")))
    call_id, tool = text(part.get("callID")) or None, text(part.get("tool")) or None
    started = AgentEvent(
        AgentEventKind.TOOL_STARTED, "tool_use", words, session=session, call_id=call_id, tool=tool
    )
    if state.get("status") not in ("completed", "error"):
        return [started]
    finished = AgentEvent(
        AgentEventKind.TOOL_FINISHED,
        "tool_use",
        words,
        session=session,
        call_id=call_id,
        tool=tool,
        is_error=state.get("status") == "error",
    )
    return [started, finished]


def _error(error: Json, session: str | None) -> AgentEvent:
    data = mapping(error.get("data"))
    return AgentEvent(
        AgentEventKind.ERROR,
        "error",
        notice(data) or notice(error) or text(error.get("name")),
        session=session,
        is_error=True,
        code=status(data.get("statusCode")) or status(error.get("name")),
    )
