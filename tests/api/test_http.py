"""The HTTP of it: what clients send, and what they do."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from codeagent.api.messages import Request, Response, Route

from .conftest import World, opened


def raw(port: int, data: bytes) -> bytes:
    """Send bytes and read until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        found = b""
        while part := client.recv(65536):
            found += part
        return found


def test_an_unknown_path_is_not_found_and_a_wrong_method_not_allowed(world: World) -> None:
    for path, status in (("/nothing", 404), ("/status", 405)):
        answer = world.ask("POST", path)
        assert answer.status == status
        assert answer.headers["content-type"].startswith("text/html")
    assert world.ask("POST", "/status").headers["allow"] == "GET, HEAD, OPTIONS"
    assert world.ask("GET", "/stop").headers["allow"] == "OPTIONS, POST"
    ours = world.ask("GET", "/v1/nothing")
    assert (ours.status, ours.json()) == (404, {"error": "there is nothing at /v1/nothing"})


def test_head_has_the_headers_and_options_the_methods(world: World) -> None:
    head = world.ask("HEAD", "/")
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) == len(world.ask("GET", "/").body)
    options = world.ask("OPTIONS", "/health")
    assert (options.status, options.headers["allow"]) == (200, "GET, HEAD, OPTIONS")


def test_a_connection_serves_many_requests_and_bodies_mean_nothing(world: World) -> None:
    request = (
        b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n"
    )
    found = raw(world.port, request)
    assert found.count(b"HTTP/1.1 404") == 1
    assert found.count(b"HTTP/1.1 200") == 2


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"hello\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"431"),
        (b"GET /%ff HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
        (
            b"POST /stop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
            + b"a" * 100_000,
            b"413",
        ),
    ],
)
def test_what_is_no_proper_request_is_refused_and_harms_nobody(
    world: World, data: bytes, status: bytes
) -> None:
    assert raw(world.port, data).startswith(b"HTTP/1.1 " + status)
    assert world.ask("GET", "/health").status == 200


def test_a_client_that_says_nothing_holds_nobody_up(world: World) -> None:
    with socket.create_connection(("127.0.0.1", world.port)):
        assert world.ask("GET", "/health").status == 200


def test_a_handler_that_fails_is_an_answer_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(request: Request) -> Response:
        raise RuntimeError("oh no")

    with opened(tmp_path, Route("GET", "/rollout/fail", fail)) as world:
        answer = world.ask("GET", "/rollout/fail")
    assert (answer.status, "log" in answer.json()["error"]) == (500, True)
    assert "oh no" in caplog.text


def test_other_rooms_add_routes_which_are_guarded_like_ours(tmp_path: Path) -> None:
    seen: list[Request] = []

    def roll_back(request: Request) -> Response:
        seen.append(request)
        return Response(body=b"{}\n")

    route = Route("POST", "/rollout/rollback/{capability}", roll_back)
    with opened(tmp_path, route) as world:
        assert world.ask("POST", "/rollout/rollback/llm").status == 401
        assert world.ask("POST", "/rollout/rollback/llm?why=slow", token=True).status == 200
    assert [(each.values, each.query) for each in seen] == [
        ({"capability": "llm"}, {"why": "slow"})
    ]


def test_many_clients_at_once_are_answered(world: World) -> None:
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(world.ask("GET", "/health").status))
        for _ in range(30)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 30
