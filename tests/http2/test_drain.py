"""Servers that limit, drain, reload and close: nothing is lost."""

from __future__ import annotations

import asyncio
import signal

import httpx
import pytest

from codeagent.http2 import Limits

from . import servers as real
from .conftest import Make, Start


async def _many(client: httpx.AsyncClient, url: str, number: int, at_once: int) -> set[int]:
    gate = asyncio.Semaphore(at_once)

    async def one() -> int:
        async with gate:
            return (await client.post(url, content=b"x" * 2000)).status_code

    return set(await asyncio.gather(*(one() for _ in range(number))))


@pytest.mark.parametrize("kind", ["nginx", "envoy", "nghttpx", "haproxy"])
@pytest.mark.parametrize("streams", [5, 20])
async def test_the_servers_stream_limit_is_kept_with_further_connections(
    kind: str, streams: int, start: Start, make: Make
) -> None:
    server = start(kind, streams=streams)
    client, transport = make()
    assert await _many(client, f"{server.url}/think?ms=100", 100, 100) == {200}
    now = transport.snapshot()
    assert 1 < now.totals.handshakes <= 10
    assert now.origins[0].stream_limit == streams


@pytest.mark.parametrize("kind", ["nginx", "envoy"])
@pytest.mark.parametrize("requests", [20, 100])
async def test_nothing_is_lost_when_connections_end_after_some_requests(
    kind: str, requests: int, start: Start, make: Make
) -> None:
    server = start(kind, requests=requests)
    client, transport = make()
    assert await _many(client, f"{server.url}/think?ms=5", 1000, 25) == {200}
    totals = transport.snapshot().totals
    assert totals.goaways >= 1000 // requests // 3
    assert transport.snapshot().streams == 0


async def test_nothing_is_lost_when_the_server_reloads(start: Start, make: Make) -> None:
    server = start("nginx")
    client, transport = make()
    work = asyncio.ensure_future(_many(client, f"{server.url}/think?ms=30", 1500, 50))
    for _ in range(4):
        await asyncio.wait([work], timeout=0.15)
        real.reload(server)
    assert await work == {200}
    assert transport.snapshot().totals.handshakes > 1


@pytest.mark.parametrize("kind", ["nginx", "nghttpx", "haproxy", "hypercorn"])
async def test_a_stream_under_way_survives_the_drain(kind: str, start: Start, make: Make) -> None:
    server = start(kind)
    client, _ = make()
    ask = {
        "nginx": signal.SIGHUP,
        "nghttpx": signal.SIGQUIT,
        "haproxy": signal.SIGUSR1,
        "hypercorn": signal.SIGTERM,
    }
    text = b""
    async with client.stream("POST", f"{server.url}/tokens?n=25&gap=40") as answer:
        async for piece in answer.aiter_raw():
            if not text:
                server.signal(ask[kind])
            text += piece
    assert text.count(b"data:") == 25


async def test_an_idle_close_never_fails_a_request(start: Start, make: Make) -> None:
    server = start("nginx", idle="1s")
    client, transport = make()
    for _ in range(4):
        assert await _many(client, f"{server.url}/think?ms=1", 20, 20) == {200}
        await asyncio.sleep(1.0)  # the server's limit: whether it wins the race does not matter
    assert transport.snapshot().totals.handshakes > 1


async def test_an_idle_connection_is_closed_from_this_side_first(start: Start, make: Make) -> None:
    server = start("nginx")
    client, transport = make(limits=Limits(idle_timeout=0.05))
    await client.get(f"{server.url}/think")
    while transport.snapshot().connections:
        await asyncio.sleep(0.01)
    assert transport.snapshot().totals.idle_closed == 1
    assert (await client.get(f"{server.url}/think")).status_code == 200


async def test_a_connection_that_is_too_old_is_replaced(start: Start, make: Make) -> None:
    server = start("nginx")
    client, transport = make(limits=Limits(max_age=0.05))
    for _ in range(3):
        assert (await client.get(f"{server.url}/think?ms=60")).status_code == 200
    assert transport.snapshot().totals.handshakes == 3


async def test_requests_beyond_all_limits_wait_their_turn(start: Start, make: Make) -> None:
    server = start("nginx", streams=5)
    limits = Limits(max_connections_per_host=2)
    client, transport = make(limits=limits)
    assert await _many(client, f"{server.url}/think?ms=20", 60, 60) == {200}
    assert transport.snapshot().totals.handshakes == 2


async def test_waiting_for_a_free_stream_has_its_time_limit(start: Start, make: Make) -> None:
    server = start("nginx", streams=1)
    client, transport = make(limits=Limits(max_connections_per_host=1))
    await client.get(f"{server.url}/think")
    long = asyncio.ensure_future(client.get(f"{server.url}/think?ms=1000"))
    while transport.snapshot().streams == 0:
        await asyncio.sleep(0.01)
    with pytest.raises(httpx.PoolTimeout, match="localhost"):
        await client.get(f"{server.url}/think", timeout=httpx.Timeout(5, pool=0.1))
    assert (await long).status_code == 200
    assert transport.snapshot().waiters == 0


async def test_nothing_is_lost_in_any_calamity(start: Start, make: Make) -> None:
    server = start("nginx", requests=100, streams=50, idle="1s")
    client, transport = make()
    url = f"{server.url}/think?ms=1"
    number = 2000
    gate = asyncio.Semaphore(50)

    async def one() -> int:
        async with gate:
            return (await client.post(url, content=b"x" * 500)).status_code

    async def cancelled() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.post(f"{server.url}/think?ms=2000", content=b"x" * 500)

    async def calamities() -> None:
        for _ in range(5):
            await asyncio.gather(*(cancelled() for _ in range(40)))
            real.reload(server)

    trouble = asyncio.ensure_future(calamities())
    results = await asyncio.gather(*(one() for _ in range(number)))
    await trouble
    assert results == [200] * number
    assert await _many(client, url, 50, 50) == {200}
    assert transport.snapshot().streams == 0
