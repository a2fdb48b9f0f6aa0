"""The same conversation with every server."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from codeagent.http2 import Limits

from .conftest import Make
from .servers import Server


async def test_an_answer_arrives_over_http2(server: Server, make: Make) -> None:
    client, _ = make()
    answer = await client.get(f"{server.url}/think?ms=1")
    assert (answer.status_code, answer.http_version) == (200, "HTTP/2")
    assert len(answer.json()["text"]) == 1200


async def test_a_hundred_requests_share_one_connection(server: Server, make: Make) -> None:
    client, transport = make()
    body = {"prompt": "p" * 4000}
    answers = await asyncio.gather(
        *(client.post(f"{server.url}/think?ms=200", json=body) for _ in range(100))
    )
    assert {answer.status_code for answer in answers} == {200}
    totals = transport.snapshot().totals
    assert (totals.handshakes, totals.requests, totals.reused) == (1, 100, 99)


async def test_a_large_body_is_sent_within_the_servers_windows(server: Server, make: Make) -> None:
    client, _ = make()
    body = bytes(range(256)) * 12_000
    seen = (await client.post(f"{server.url}/echo", content=body)).json()
    assert (seen["length"], seen["crc"]) == (len(body), zlib.crc32(body))


async def test_a_body_of_unknown_length_is_streamed(server: Server, make: Make) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for number in range(50):
            yield bytes([number]) * 3000

    client, _ = make()
    seen = (await client.post(f"{server.url}/echo", content=parts())).json()
    whole = b"".join(bytes([number]) * 3000 for number in range(50))
    assert (seen["length"], seen["crc"]) == (len(whole), zlib.crc32(whole))


async def test_ten_megabytes_arrive(server: Server, make: Make) -> None:
    client, _ = make()
    answer = await client.get(f"{server.url}/bytes?n=10000000")
    assert len(answer.content) == 10_000_000


async def test_ten_megabytes_arrive_for_each_of_three_slow_readers(
    server: Server, make: Make
) -> None:
    client, _ = make(limits=Limits(stream_window=65_535, connection_window=65_535))

    async def read() -> int:
        size = 0
        async with client.stream("GET", f"{server.url}/bytes?n=10000000") as answer:
            async for part in answer.aiter_raw():
                size += len(part)
                await asyncio.sleep(0)
        return size

    assert list(await asyncio.gather(read(), read(), read())) == [10_000_000] * 3


async def test_a_reader_that_stops_does_not_hold_up_the_others(server: Server, make: Make) -> None:
    client, transport = make(limits=Limits(stream_window=65_535, connection_window=131_072))
    async with client.stream("GET", f"{server.url}/bytes?n=10000000") as slow:
        assert slow.status_code == 200
        for _ in range(20):
            assert len((await client.get(f"{server.url}/bytes?n=60000")).content) == 60_000
    assert transport.snapshot().totals.handshakes == 1


async def test_tokens_arrive_one_by_one(server: Server, make: Make) -> None:
    client, _ = make()
    pieces = 0
    text = b""
    async with client.stream("GET", f"{server.url}/tokens?n=10&gap=30") as answer:
        async for piece in answer.aiter_raw():
            pieces += 1
            text += piece
    assert text.decode().split() == [word for n in range(10) for word in ("data:", str(n))]
    assert pieces >= 5


async def test_answers_without_a_body_are_understood(server: Server, make: Make) -> None:
    client, _ = make()
    empty = await client.get(f"{server.url}/status?code=204")
    head = await client.head(f"{server.url}/bytes?n=100")
    assert (empty.status_code, empty.content) == (204, b"")
    assert (head.status_code, head.content) == (200, b"")


async def test_retry_after_is_passed_on(server: Server, make: Make) -> None:
    client, _ = make()
    answer = await client.get(f"{server.url}/status?code=429&after=2")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")


async def test_a_short_request_does_not_wait_behind_long_ones(server: Server, make: Make) -> None:
    client, transport = make()
    order: list[str] = []

    async def ask(name: str, ms: int) -> None:
        await client.get(f"{server.url}/think?ms={ms}")
        order.append(name)

    async with asyncio.TaskGroup() as group:
        for _ in range(9):
            group.create_task(ask("long", 1000))
        await asyncio.sleep(0)
        group.create_task(ask("short", 20))
    assert order == ["short"] + ["long"] * 9
    assert transport.snapshot().totals.handshakes == 1


async def test_the_pool_survives_three_hundred_cancellations(server: Server, make: Make) -> None:
    client, transport = make()
    url = f"{server.url}/think?ms=500"
    for _ in range(6):
        tasks = [asyncio.ensure_future(client.post(url, content=b"x" * 4000)) for _ in range(50)]
        _, pending = await asyncio.wait(tasks, timeout=0.02)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(result) for result in results} == {asyncio.CancelledError}
        assert len(pending) == 50
    answers = await asyncio.gather(*(client.get(f"{server.url}/think?ms=5") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    now = transport.snapshot()
    assert (now.streams, now.waiters) == (0, 0)


async def test_an_answer_that_is_not_read_frees_its_stream(server: Server, make: Make) -> None:
    client, transport = make()
    for _ in range(5):
        async with client.stream("GET", f"{server.url}/bytes?n=10000000") as answer:
            assert answer.status_code == 200
    assert len((await client.get(f"{server.url}/bytes?n=100")).content) == 100
    assert transport.snapshot().streams == 0


async def test_a_server_that_is_killed_and_comes_back_serves_again(
    start: Callable[..., Server], make: Make
) -> None:
    server = start("nginx")
    client, transport = make()
    flying = [asyncio.ensure_future(client.post(f"{server.url}/think?ms=5000")) for _ in range(5)]
    while transport.snapshot().streams < 5:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    server.stop()
    for result in await asyncio.gather(*flying, return_exceptions=True):
        assert isinstance(result, httpx.TransportError)
        assert "localhost" in str(result)
    with pytest.raises(httpx.ConnectError, match="cannot connect"):
        await client.get(server.url)
    server.start()
    assert (await client.get(f"{server.url}/think")).status_code == 200


async def test_an_answer_that_is_cut_off_is_an_error(
    start: Callable[..., Server], make: Make
) -> None:
    server = start("nginx")
    client, _ = make()
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get(f"{server.url}/cut?n=500")


async def test_json_round_trip(server: Server, make: Make) -> None:
    client, _ = make()
    answer = await client.post(f"{server.url}/echo", json={"ключ": "значение 🙂"})
    expected = json.dumps({"ключ": "значение 🙂"}, ensure_ascii=False, separators=(",", ":"))
    assert answer.json()["length"] == len(expected.encode())
