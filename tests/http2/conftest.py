"""Certificates, an upstream, and servers in front of it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from codeagent.http2 import HTTP2Transport

from . import servers as real
from .servers import Certificates, Server

KINDS: dict[str, Callable[..., Server]] = {
    "nginx": real.nginx,
    "envoy": real.envoy,
    "nghttpx": real.nghttpx,
    "haproxy": real.haproxy,
    "hypercorn": real.hypercorn,
}

Start = Callable[..., Server]
Make = Callable[..., tuple[httpx.AsyncClient, HTTP2Transport]]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return real.make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with real.running(real.upstream(tmp_path_factory.mktemp("upstream"))) as server:
        yield server


@pytest.fixture
def start(certificates: Certificates, upstream: Server, tmp_path: Path) -> Iterator[Start]:
    """Start a server by its kind; it ends with the test."""
    with contextlib.ExitStack() as stack:

        def starter(kind: str, **options: Any) -> Server:
            try:
                server = KINDS[kind](tmp_path, certificates, upstream.port, **options)
            except real.Missing as missing:
                pytest.skip(str(missing))
            stack.callback(server.stop)
            return server

        yield starter


@pytest.fixture(scope="session", params=list(KINDS))
def server(
    request: pytest.FixtureRequest,
    certificates: Certificates,
    upstream: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Each of the servers in turn, with its usual settings."""
    folder = tmp_path_factory.mktemp(request.param)
    try:
        one = KINDS[request.param](folder, certificates, upstream.port)
    except real.Missing as missing:
        pytest.skip(str(missing))
    with real.running(one):
        yield one


@pytest.fixture
async def make(certificates: Certificates) -> AsyncIterator[Make]:
    """Make a client on a transport of its own."""
    async with contextlib.AsyncExitStack() as stack:

        def maker(**options: Any) -> tuple[httpx.AsyncClient, HTTP2Transport]:
            options.setdefault("verify", certificates.context())
            transport = HTTP2Transport(**options)
            client = httpx.AsyncClient(transport=transport, timeout=20)
            stack.push_async_callback(client.aclose)
            return client, transport

        yield maker
