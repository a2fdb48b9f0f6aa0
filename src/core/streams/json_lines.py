"""Streams of one JSON object a line, and careful looks into such objects."""

from __future__ import annotations

import json
import math
import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Final

from .agent_events import AgentEvent, AgentEventKind
from .decoder import LineDecoder, printable

_PREFIX: Final = re.compile(r"\s*(?:stdout|stderr):", re.IGNORECASE)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# A string that the end has cut is one, too: what is inside of it is no token.
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[{}\[\],]', re.DOTALL)
_SUBJECTS: Final = (
    *("command", "path", "file_path", "filePath", "pattern", "globPattern"),
    *("query", "url", "description"),
)

Json = Mapping[str, Any]


class JsonLines(LineDecoder):
    """Turns each object into the events that an agent means by it.

    Lines may begin with ``stdout:`` or ``stderr:``.  What is no JSON object
    becomes an INVALID event.  Of an object that is too long, what its beginning
    tells is taken.
    """

    @abstractmethod
    def _events(self, data: Json) -> Iterable[AgentEvent]:
        """The events of one object; one of an unknown type is an UNKNOWN event."""

    def _decode(self, line: str) -> Iterable[AgentEvent]:
        body = line.removeprefix("\ufeff")
        if prefix := _PREFIX.match(body):
            body = body[prefix.end() :]
        body = body.strip()
        if not body:
            return ()
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return self._events(value)
        text = printable(body)
        return (AgentEvent(AgentEventKind.INVALID, text=text),) if text else ()

    def _decode_cut(self, beginning: str) -> Iterable[AgentEvent]:
        return self._decode(closed(beginning))


def closed(beginning: str) -> str:
    """The beginning of a JSON text, ended after the last member that is whole."""
    open_: list[str] = []
    end, endings = 0, ""
    for token in _TOKEN.finditer(beginning):
        match token[0]:
            case "{" | "[":
                open_.append("}" if token[0] == "{" else "]")
                end, endings = token.end(), "".join(reversed(open_))
            case "}" | "]":
                if open_:
                    open_.pop()
                end, endings = token.end(), "".join(reversed(open_))
            case ",":
                end, endings = token.start(), "".join(reversed(open_))
    return beginning[:end] + endings


def mapping(value: object) -> Json:
    """A JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[Json]:
    """The objects of a JSON array."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A JSON string, or an empty one."""
    if not isinstance(value, str):
        return ""
    if value.isascii():
        return value
    # JSON can spell half a surrogate pair, which no file could take later.
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def number(value: object) -> float | None:
    """A finite count or amount of time, never negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        finite = float(value)
    except OverflowError:
        return None
    return finite if math.isfinite(finite) and finite >= 0 else None


def seconds(milliseconds: object) -> float | None:
    """Milliseconds as seconds; None for none at all."""
    amount = number(milliseconds)
    return amount / 1000 if amount else None


def status(value: object) -> str | None:
    """A status, written as a number or a name."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text(value) or None


def usage(value: Json) -> dict[str, int]:
    """The counts of tokens in an object, by their names in snake case."""
    counts = {}
    for key, each in value.items():
        count = number(each)
        if count is not None:
            counts[text(_CAMEL.sub("_", key)).lower()] = int(count)
    return counts


def message(value: object) -> str:
    """The text of a chat message: its content, or the text blocks of it."""
    content = mapping(value).get("content")
    if isinstance(content, list):
        return "".join(text(block.get("text")) for block in objects(content))
    return text(content)


def notice(data: Json) -> str:
    """The words of a message that is about no work."""
    for key in ("message", "text", "error", "reason", "status"):
        value = data.get(key)
        if found := text(value) or text(mapping(value).get("message")):
            return found
    return ""


def subject(arguments: Json) -> str:
    """What a tool was called for: the command, the file."""
    return next((found for key in _SUBJECTS if (found := text(arguments.get(key)))), "")


def unknown(type_: str, words: str, session: str | None) -> AgentEvent:
    """An event of a type that is not known."""
    is_error = type_ == "error"
    kind = AgentEventKind.ERROR if is_error else AgentEventKind.UNKNOWN
    return AgentEvent(kind, type_, words, session=session, is_error=is_error)
