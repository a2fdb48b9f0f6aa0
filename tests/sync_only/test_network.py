"""What only the synchronous client has: threads that wait for sockets, and leave them."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent._runtime.network import fault_of
from codeagent._runtime.sync_http import HTTPSession
from codeagent.core.retry import Fault
from tests.support.models import ModelServer, authority, hang, say

from ..runtime_support import descriptors

BODY = b'{"model": "m", "messages": [{"content": "q"}]}'


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def options(**given: object) -> rt.NetworkOptions:
    return rt.NetworkOptions(**{"timeout": 5.0, **given})  # type: ignore[arg-type]


def post(client: HTTPSession, server: ModelServer) -> int:
    return client.post(f"{server.url}/chat", content=BODY).status_code


def test_a_cancelled_request_ends_at_once_and_its_connection_with_it(server: ModelServer) -> None:
    server.scripted.append(hang)
    with rt.open_client(options()) as client:
        before = time.monotonic()
        with rt.CancelScope() as scope, rt.TaskGroup() as group:
            group.start_soon(post, client, server)
            server.begun.wait()
            scope.cancel()
        assert time.monotonic() - before < 4
        assert (client.pool().connections, client.pool().streams) == (0, 0)
        assert post(client, server) == 200


def test_a_deadline_ends_a_request_that_hangs(server: ModelServer) -> None:
    server.scripted.append(hang)
    with rt.open_client(options()) as client:
        with pytest.raises(TimeoutError), rt.timeout(0.05):
            post(client, server)
        server.scripted.clear()  # it may have ended before the server saw it
        assert post(client, server) == 200


def test_a_read_that_takes_too_long_is_a_read_timeout(server: ModelServer) -> None:
    server.scripted.append(hang)
    with rt.open_client(options(timeout=0.05)) as client, pytest.raises(httpx.ReadTimeout):
        post(client, server)


def test_whoever_finds_no_place_in_time_hears_of_it(server: ModelServer) -> None:
    server.scripted.append(hang)
    with rt.open_client(options(max_per_host=1, timeout=0.3)) as client, rt.TaskGroup() as group:

        def holds() -> None:
            with pytest.raises(httpx.ReadTimeout):
                client.post(f"{server.url}/chat", content=BODY, timeout=httpx.Timeout(0.5))

        group.start_soon(holds)
        server.begun.wait()
        with pytest.raises(httpx.PoolTimeout, match="no connection became free"):
            client.post(f"{server.url}/chat", content=BODY, timeout=httpx.Timeout(5, pool=0.01))
        assert client.pool().waiting == 0


def test_a_place_is_held_until_the_body_is_read(server: ModelServer) -> None:
    with rt.open_client(options(max_per_host=1)) as client:
        with client.stream("POST", f"{server.url}/chat", content=BODY) as response:
            assert client.pool().streams == 1
            response.read()
        assert client.pool().streams == 0


def test_the_limit_over_all_hosts_holds_too(server: ModelServer) -> None:
    with ModelServer() as other, rt.open_client(options(max_connections=1)) as client:
        for _ in range(3):
            assert post(client, server) == post(client, other) == 200
        assert client.pool().connections == 1


def test_a_connection_over_tls_is_kept(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    with ModelServer(ca.server) as server:
        server.answer = lambda seen: say("x" * 300_000)
        with rt.open_client(options(ca_file=ca.ca_file)) as client:
            assert [post(client, server) for _ in range(3)] == [200] * 3
            assert client.pool().handshakes == 1


def test_connections_in_several_threads_leave_the_context_that_they_share_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[list[str]] = []
    really = ssl.SSLContext.set_alpn_protocols

    def noted(context: ssl.SSLContext, protocols: list[str]) -> None:
        named.append(protocols)
        really(context, protocols)

    monkeypatch.setattr(ssl.SSLContext, "set_alpn_protocols", noted)
    ca = authority(tmp_path)
    with (
        ModelServer(ca.server) as one,
        ModelServer(ca.server) as other,
        rt.open_client(options(ca_file=ca.ca_file)) as client,
    ):
        assert post(client, one) == post(client, other) == 200
        assert client.pool().handshakes == 2
    assert named == [["http/1.1"]]


def test_a_strange_certificate_is_refused(tmp_path: Path) -> None:
    running = ModelServer(authority(tmp_path).server)
    refused = pytest.raises(httpx.ConnectError, match="certificate")
    with running as server, rt.open_client(options()) as client, refused:
        post(client, server)


def test_a_name_without_an_address_is_a_connect_error() -> None:
    with rt.open_client(options()) as client, pytest.raises(httpx.ConnectError):
        client.post("http://nowhere.invalid/", content=BODY)


def test_a_look_up_that_hangs_is_left_and_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    released, asked = threading.Event(), threading.Semaphore(0)
    calls: list[str] = []

    def hangs(host: str, port: int, *_: object, flags: int = 0, **__: object) -> list[object]:
        if flags:
            raise socket.gaierror(socket.EAI_NONAME, "no number")
        calls.append(host)
        asked.release()
        released.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "nobody answers")

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    with rt.open_client(options()) as client:

        def fails() -> None:
            with pytest.raises(httpx.ConnectError, match="nobody answers") as failed:
                client.post("http://slow.test/", content=BODY)
            assert fault_of(failed.value) is Fault.RESOLVE

        with rt.TaskGroup() as group:
            group.start_soon(fails)
            asked.acquire()
            with pytest.raises(TimeoutError), rt.timeout(0.05):
                client.post("http://slow.test/", content=BODY)
            released.set()
    assert calls == ["slow.test"]


def test_a_body_that_is_larger_than_the_sockets_buffers_is_sent(server: ModelServer) -> None:
    body = b'{"model": "m", "messages": [{"content": "' + b"x" * 5_000_000 + b'"}]}'
    with rt.open_client(options()) as client:
        assert client.post(f"{server.url}/chat", content=body).status_code == 200
    assert len(server.requests[0].prompt) == 5_000_000


def test_the_client_is_whole_after_300_cancellations(server: ModelServer) -> None:
    server.scripted += [hang] * 300
    with rt.open_client(options(max_per_host=10)) as client:
        cancel_many(client, server, 300)
        server.scripted.clear()
        before = descriptors()
        with rt.timeout(20):
            assert [post(client, server) for _ in range(20)] == [200] * 20
        state = client.pool()
        assert (state.streams, state.waiting) == (0, 0)
        assert state.connections == 1
        assert descriptors() - before <= 2
    server.released.set()


def cancel_many(client: HTTPSession, server: ModelServer, count: int) -> None:
    """Start requests and cancel them in different moments."""
    for round_ in range(count // 20):
        with rt.CancelScope() as scope, rt.TaskGroup() as group:
            for _ in range(20):
                group.start_soon(post, client, server)
            threading.Event().wait(0.002 * (round_ % 5))
            scope.cancel()
