"""Requests and responses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

JSON = "application/json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for.  Names of headers are in lower case; ``values`` are those of the
    places in the route's pattern."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What is answered: a whole ``body``, or ``parts`` as they come."""

    status: int = 200
    type: str = JSON
    body: bytes = b""
    parts: Iterator[bytes] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """The request is not carried out; the message says why and what to do."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


Handler = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class Route:
    """Which handler serves a method and a path; ``{name}`` in the pattern takes one segment.

    What changes something asks for the token, unless the route is ``free``.
    """

    method: str
    pattern: str
    handler: Handler
    free: bool = False

    @property
    def guarded(self) -> bool:
        """Whether the token is needed."""
        return self.method != "GET" and not self.free

    def match(self, path: str) -> dict[str, str] | None:
        """The values of the places in the pattern if the path fits it."""
        wanted, given = self.pattern.split("/"), path.split("/")
        if len(wanted) != len(given):
            return None
        values = {}
        for segment, value in zip(wanted, given, strict=True):
            if segment.startswith("{"):
                values[segment[1:-1]] = value
            elif segment != value:
                return None
        return values


def json_response(value: Any, status: int = 200) -> Response:
    """A value as the predecessor wrote it: keys sorted, ASCII, compact, a final line end."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":")) + "\n"
    return Response(status=status, body=text.encode("ascii"))


def page(status: int) -> Response:
    """A status as a small page for people."""
    title = f"{status} {HTTPStatus(status).phrase}"
    text = f"<!doctype html>\n<html lang=en>\n<title>{title}</title>\n<h1>{title}</h1>\n"
    return Response(status=status, type=HTML, body=text.encode("ascii"))
