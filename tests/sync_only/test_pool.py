"""Connections that several threads use, give up and look at."""

from __future__ import annotations

import threading
from typing import Any

import httpcore
import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent._runtime.sync_pool import Connection
from tests.support.models import ModelServer

from ..runtime_support import Gate


class Inner:
    """A connection that can be made to wait in every call."""

    def __init__(self) -> None:
        self.expired = True
        self.sending, self.looking = Gate(), Gate()
        self.sending.open()
        self.looking.open()
        self.sent = threading.Event()
        self.looked = threading.Event()
        self.requests: list[Any] = []
        self.closed = 0

    def handle_request(self, request: Any) -> Any:
        self.requests.append(request)
        self.sent.set()
        self.sending.pass_through()
        return "response"

    def has_expired(self) -> bool:
        self.looked.set()
        self.looking.pass_through()
        return self.expired

    def close(self) -> None:
        self.closed += 1

    def is_available(self) -> bool:
        return True


def made(inner: Inner) -> Any:
    connection: Any = Connection(inner)  # type: ignore[arg-type]
    return connection


def test_what_a_request_has_begun_on_does_not_expire() -> None:
    inner = Inner()
    inner.sending = Gate()
    connection = made(inner)
    with rt.TaskGroup() as group:
        task = group.start_soon(connection.handle_request, "request")
        assert inner.sent.wait(60)
        assert not connection.has_expired()
        inner.sending.open()
        assert task.wait() == "response"
    assert connection.has_expired()


def test_what_has_expired_takes_no_request_and_stays_so() -> None:
    inner = Inner()
    connection = made(inner)
    assert connection.is_available()
    assert connection.has_expired()
    inner.expired = False
    assert connection.has_expired()
    assert not connection.is_available()
    with pytest.raises(httpcore.ConnectionNotAvailable):
        connection.handle_request("request")
    assert inner.requests == []


def test_a_request_waits_for_who_is_looking_and_goes_elsewhere() -> None:
    inner = Inner()
    inner.looking = Gate()
    connection = made(inner)
    with rt.TaskGroup() as group:
        look = group.start_soon(connection.has_expired)
        assert inner.looked.wait(60)
        request = group.start_soon(_refused, connection)
        inner.looking.open()
        assert look.wait()
        assert request.wait()
    assert inner.requests == []


def _refused(connection: Any) -> bool:
    with pytest.raises(httpcore.ConnectionNotAvailable):
        connection.handle_request("request")
    return True


def test_what_was_closed_takes_no_request() -> None:
    inner = Inner()
    connection = made(inner)
    connection.close()
    assert inner.closed == 1
    assert _refused(connection)


def test_a_request_whose_connection_was_given_up_in_between_is_sent_on_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handle = Connection.handle_request
    given_up: list[Connection] = []

    def late(self: Connection, request: httpcore.Request) -> httpcore.Response:
        if self.is_idle() and not given_up:  # another thread is faster, and finds it expired
            given_up.append(self)
            self.close()
        return handle(self, request)

    monkeypatch.setattr(Connection, "handle_request", late)
    with ModelServer() as server, rt.open_client(rt.NetworkOptions(timeout=5.0)) as client:
        for _ in range(3):
            assert client.post(f"{server.url}/chat", content=b"{}").status_code == 200
        assert len(given_up) == 1
        assert (client.pool().connections, client.pool().handshakes) == (1, 2)
