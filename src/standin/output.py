"""How the stand-in speaks: as a stream of events, as one object, or as plain text."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, Final

_USAGE_KEYS: Final = ("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens")


class Output:
    """Writes to standard output; each line leaves at once."""

    def __init__(self, form: str, model: str, session: str | None, prompt: str) -> None:
        self._form = form
        self._model = model
        self._session = session or _identifier()
        self._prompt = prompt
        self._began = time.monotonic()
        self._calls = 0

    def raw(self, data: bytes) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def hello(self) -> None:
        self.event(
            "system",
            subtype="init",
            apiKeySource="none",
            cwd=os.getcwd(),  # noqa: PTH109
            model=self._model,
            permissionMode="default",
        )
        content = [{"type": "text", "text": self._prompt}]
        self.event("user", message={"role": "user", "content": content})

    def say(self, text: str) -> None:
        if self._form == "text":
            self.raw(f"{text}\n".encode("utf-8", "replace"))
        else:
            content = [{"type": "text", "text": text}]
            self.event("assistant", message={"role": "assistant", "content": content})

    def think(self, text: str) -> None:
        self.event("thinking", subtype="delta", text=text)

    def tool_started(self, tool: str, **arguments: Any) -> None:
        self._calls += 1
        self._tool("started", {f"{tool}ToolCall": {"args": arguments}})

    def tool_completed(self, tool: str, result: dict[str, Any], **arguments: Any) -> None:
        self._tool("completed", {f"{tool}ToolCall": {"args": arguments, "result": result}})

    def result(self, text: str, *, is_error: bool = False) -> None:
        milliseconds = round((time.monotonic() - self._began) * 1000)
        counts = (len(self._prompt) // 4 + 1, len(text) // 4 + 1, 0, 0)
        result = {
            "type": "result",
            "subtype": "error" if is_error else "success",
            "is_error": is_error,
            "duration_ms": milliseconds,
            "duration_api_ms": milliseconds,
            "result": text,
            "session_id": self._session,
            "request_id": _identifier(),
            "usage": dict(zip(_USAGE_KEYS, counts, strict=True)),
        }
        if self._form == "text":
            self.say(text)
        else:
            self.raw(json.dumps(result, ensure_ascii=False).encode("utf-8", "replace") + b"\n")

    def _tool(self, subtype: str, call: dict[str, Any]) -> None:
        # The real program's identifiers hold a line feed too.
        call_id = f"call_{self._calls}\nfc_{self._calls}"
        self.event("tool_call", subtype=subtype, call_id=call_id, tool_call=call)

    def event(self, type_: str, **fields: Any) -> None:
        if self._form == "stream-json":
            event = {"type": type_, **fields, "session_id": self._session}
            self.raw(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace") + b"\n")


def _identifier() -> str:
    digits = os.urandom(16).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
