"""One connection: requests in, responses out, by HTTP/1.1 (RFC 9112)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

from .messages import HTML, Refusal, Request, Response, page

PATIENCE = 30.0
"""Seconds to wait for a client's next bytes, and for it to take ours."""

LONGEST_HEAD = 16 * 1024
LONGEST_BODY = 64 * 1024
CHUNK = 16 * 1024

LINGER = 2.0
LARGEST_REST = 4 * 1024 * 1024
"""How long, and how much, a client that was refused may go on talking."""

_HEADERS = (
    (b"Server", b"codeagent"),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Cache-Control", b"no-store"),
)


def serve(client: socket.socket, answer: Callable[[Request], Response]) -> None:
    """Answer a client's requests until it has no more; the socket is left open.

    Raises `OSError` when the client is gone, or too slow.
    """
    client.settimeout(PATIENCE)
    peer = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
    while True:
        try:
            request = _request(client, peer)
        except h11.RemoteProtocolError as error:
            _refuse(client, peer, error.error_status_hint or 400)
            return
        except Refusal as refusal:
            _refuse(client, peer, refusal.status)
            return
        if request is None:
            return
        _respond(client, peer, answer(request), with_body=request.method != "HEAD")
        if peer.our_state is not h11.DONE or peer.their_state is not h11.DONE:
            return
        peer.start_next_cycle()


def _request(client: socket.socket, peer: h11.Connection) -> Request | None:
    """The next request, whose body means nothing; None if there are no more."""
    head: h11.Request | None = None
    size = 0
    while True:
        event = peer.next_event()
        if event is h11.NEED_DATA:
            if peer.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                client.sendall(peer.send(go_on) or b"")
            peer.receive_data(client.recv(CHUNK))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            size += len(event.data)
            if size > LONGEST_BODY:
                raise Refusal(413, "the body is too long")
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _read(head)
        else:
            return None


def _read(head: h11.Request) -> Request:
    try:
        target = urlsplit(head.target.decode("ascii"))
        path = unquote(target.path, errors="strict")
        query = dict(parse_qsl(target.query, errors="strict"))
    except ValueError:
        raise Refusal(400, "the target is no URL") from None
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
    return Request(method=head.method.decode("ascii"), path=path, query=query, headers=headers)


def _respond(
    client: socket.socket, peer: h11.Connection, response: Response, *, with_body: bool
) -> None:
    headers = [(b"Content-Type", response.type.encode("ascii")), *_HEADERS]
    headers += [(name.encode(), value.encode()) for name, value in response.headers.items()]
    if response.type == HTML:
        headers.append((b"Content-Security-Policy", b"default-src 'self'"))
    if response.parts is None:
        headers.append((b"Content-Length", str(len(response.body)).encode("ascii")))
    head = peer.send(h11.Response(status_code=response.status, headers=headers)) or b""
    if response.parts is None:
        data = peer.send(h11.Data(data=response.body)) if with_body else b""
        client.sendall(head + (data or b"") + (peer.send(h11.EndOfMessage()) or b""))
        return
    client.sendall(head)
    if with_body:
        for part in response.parts:
            client.sendall(peer.send(h11.Data(data=part)) or b"")
    client.sendall(peer.send(h11.EndOfMessage()) or b"")


def _refuse(client: socket.socket, peer: h11.Connection, status: int) -> None:
    """Tell a client that does not speak HTTP, and hang up."""
    if peer.our_state in (h11.IDLE, h11.SEND_RESPONSE):
        with suppress(h11.LocalProtocolError):
            _respond(client, peer, page(status), with_body=True)
    # To close while unread bytes lie here would take the answer away from the client.
    client.shutdown(socket.SHUT_WR)
    client.settimeout(LINGER)
    left = LARGEST_REST
    while left > 0 and (data := client.recv(CHUNK)):
        left -= len(data)
