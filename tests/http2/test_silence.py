"""Servers that say nothing, or nothing in time."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from codeagent.http2 import Limits

from .conftest import Make
from .scripted import Session, scripted
from .servers import Certificates


async def test_a_silent_server_is_a_read_timeout(certificates: Certificates, make: Make) -> None:
    async with scripted(certificates, lambda s, i: None) as server:
        client, transport = make()
        with pytest.raises(httpx.ReadTimeout, match=r"0\.1 seconds of waiting for data"):
            await client.get(server.url, timeout=0.1)
        assert transport.snapshot().totals.timeouts == 1
        assert transport.snapshot().streams == 0
        await client.aclose()


async def test_the_total_deadline_ends_an_answer_that_never_ends(
    certificates: Certificates, make: Make
) -> None:
    tickers: list[asyncio.Task[None]] = []

    def script(session: Session, stream_id: int) -> None:
        async def tick() -> None:
            session.peer.h2.send_headers(stream_id, [(b":status", b"200")])
            while not session.peer.resets:
                session.peer.h2.send_data(stream_id, b".")
                session.flush()
                await asyncio.sleep(0.01)

        tickers.append(asyncio.ensure_future(tick()))

    async with scripted(certificates, script) as server:
        client, _ = make()
        with pytest.raises(httpx.ReadTimeout, match=r"0\.2 seconds were over"):
            await client.get(server.url, extensions={"total_timeout": 0.2})
        await asyncio.gather(*tickers)
        await client.aclose()


async def test_a_peer_that_does_not_even_answer_a_ping_is_dead(
    certificates: Certificates, make: Make
) -> None:
    def script(session: Session, stream_id: int) -> None:
        session.silent = True

    async with scripted(certificates, script) as server:
        client, transport = make(limits=Limits(ping_interval=0.05, ping_timeout=0.05))
        with pytest.raises(httpx.ReadError, match="not even an answer to a PING"):
            await client.post(server.url)
        assert transport.snapshot().totals.dead_peers == 1
        await client.aclose()


async def test_a_peer_that_answers_pings_may_think_as_long_as_it_likes(
    certificates: Certificates, make: Make
) -> None:
    async with scripted(certificates, lambda s, i: None) as server:
        client, transport = make(limits=Limits(ping_interval=0.02, ping_timeout=0.1))
        task = asyncio.ensure_future(client.post(server.url))
        while transport.snapshot().totals.pings < 4:
            await asyncio.sleep(0.005)
        server.sessions[0].answer(1)
        assert (await task).content == b"fine"
        await client.aclose()


async def test_an_upload_waits_for_the_window_and_no_longer_than_it_may(
    certificates: Certificates, make: Make
) -> None:
    def stop_reading(session: Session, stream_id: int) -> None:
        session.silent = True

    async with scripted(certificates, stop_reading, window=65_535) as server:
        client, _ = make()
        await asyncio.wait([asyncio.ensure_future(client.get(server.url, timeout=0.2))])
        with pytest.raises(httpx.WriteTimeout, match="takes more data"):
            await client.post(
                server.url, content=b"u" * 1_000_000, timeout=httpx.Timeout(5, write=0.1)
            )
        await client.aclose()
