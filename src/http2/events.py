"""What a peer's HTTP/2 frames mean to the client."""

from __future__ import annotations

from typing import NamedTuple

from h2.errors import ErrorCodes

Headers = list[tuple[bytes, bytes]]


class Head(NamedTuple):
    """The final response's status and fields; informational responses are not announced."""

    stream_id: int
    status: int
    headers: Headers


class Data(NamedTuple):
    """A piece of a body.  ``credit`` is what the stream's window lost by it, padding included."""

    stream_id: int
    data: bytes
    credit: int


class End(NamedTuple):
    """The answer is complete.  Trailers, if there were any, have been dropped."""

    stream_id: int


class Reset(NamedTuple):
    """The stream is over without a complete answer.

    ``by_peer`` is false where the peer broke the rules and the stream was
    reset from this side.
    """

    stream_id: int
    code: int
    by_peer: bool
    reason: str


class GoAway(NamedTuple):
    """No stream above ``last_stream_id`` was or will be processed (RFC 9113, section 6.8)."""

    last_stream_id: int
    code: int
    debug: bytes


class Settings(NamedTuple):
    """The peer's limits: the first of them, or changed ones."""

    max_streams: int


class Window(NamedTuple):
    """The peer accepts more data on one stream, or on all of them (0)."""

    stream_id: int


class Pong(NamedTuple):
    """The answer to a PING."""

    data: bytes


class Broken(NamedTuple):
    """The peer violated the protocol: the connection cannot be used any more."""

    reason: str


Event = Head | Data | End | Reset | GoAway | Settings | Window | Pong | Broken


def code_name(code: int) -> str:
    """The name of an HTTP/2 error code, ``0x…`` for one that has none."""
    try:
        return ErrorCodes(code).name
    except ValueError:
        return f"{code:#x}"
