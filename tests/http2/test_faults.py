"""What a server can do to a request, one at a time and at random."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import httpx
import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from codeagent.http2 import Limits

from .conftest import Make
from .scripted import Session, scripted
from .servers import Certificates


def fine(session: Session, stream_id: int) -> None:
    session.answer(stream_id)


async def test_a_request_above_the_goaways_mark_goes_elsewhere(
    certificates: Certificates, make: Make
) -> None:
    def script(session: Session, stream_id: int) -> None:
        if session.number == 0:
            if stream_id == 3:
                session.goaway(1)
                session.answer(1)
        else:
            session.answer(stream_id)

    async with scripted(certificates, script) as server:
        client, transport = make()
        answers = await asyncio.gather(*(client.post(server.url, content=b"x") for _ in range(2)))
        await client.aclose()
    assert [answer.content for answer in answers] == [b"fine", b"fine"]
    assert server.requests == [(0, 1), (0, 3), (1, 1)]
    totals = transport.snapshot().totals
    assert (totals.goaways, totals.retries) == (1, 1)


async def test_after_a_goaway_new_requests_go_to_a_new_connection_at_once(
    certificates: Certificates, make: Make
) -> None:
    def script(session: Session, stream_id: int) -> None:
        if session.number == 0:
            session.goaway(stream_id)
        else:
            session.answer(stream_id)

    async with scripted(certificates, script) as server:
        client, transport = make(limits=Limits(max_connections_per_host=1))
        old = asyncio.ensure_future(client.get(server.url))
        while transport.snapshot().draining == 0:
            await asyncio.sleep(0.005)
        assert (await client.get(server.url)).content == b"fine"
        assert not old.done()
        server.sessions[0].answer(1, b"late")
        assert (await old).content == b"late"
        while transport.snapshot().draining:
            await asyncio.sleep(0.005)
        await client.aclose()


async def test_a_refused_stream_is_tried_again(certificates: Certificates, make: Make) -> None:
    def script(session: Session, stream_id: int) -> None:
        if stream_id < 5:
            session.refuse(stream_id)
        else:
            session.answer(stream_id)

    async with scripted(certificates, script) as server:
        client, transport = make()
        assert (await client.post(server.url, content=b"x")).content == b"fine"
        await client.aclose()
    assert transport.snapshot().totals.retries == 2


async def test_a_server_that_always_refuses_is_given_up(
    certificates: Certificates, make: Make
) -> None:
    async with scripted(certificates, lambda s, i: s.refuse(i)) as server:
        client, _ = make(limits=Limits(max_retries=3))
        with pytest.raises(httpx.RemoteProtocolError, match="REFUSED_STREAM"):
            await client.get(server.url)
        await client.aclose()
    assert len(server.requests) == 4


async def test_a_streamed_body_that_was_refused_cannot_be_repeated(
    certificates: Certificates, make: Make
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"once"

    async with scripted(certificates, lambda s, i: s.refuse(i)) as server:
        client, _ = make()
        with pytest.raises(httpx.RemoteProtocolError, match="give the body as bytes"):
            await client.post(server.url, content=body())
        await client.aclose()
    assert len(server.requests) == 1


@pytest.mark.parametrize(("method", "times"), [("GET", 2), ("POST", 1)])
@pytest.mark.parametrize("end", ["close", "abort"])
async def test_a_connection_that_dies_unanswered_is_fatal_to_a_post_only(
    method: str, times: int, end: str, certificates: Certificates, make: Make
) -> None:
    def script(session: Session, stream_id: int) -> None:
        if session.number == 0:
            getattr(session, end)()
        else:
            session.answer(stream_id)

    async with scripted(certificates, script) as server:
        client, _ = make()
        if times == 2:
            assert (await client.request(method, server.url)).content == b"fine"
        else:
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError), match=r"127\.0\.0\.1"):
                await client.request(method, server.url, content=b"pay")
        await client.aclose()
    assert len(server.requests) == times


async def test_an_idempotency_key_allows_the_repetition_of_a_post(
    certificates: Certificates, make: Make
) -> None:
    def script(session: Session, stream_id: int) -> None:
        if session.number == 0:
            session.abort()
        else:
            session.answer(stream_id)

    async with scripted(certificates, script) as server:
        client, _ = make()
        answer = await client.post(server.url, headers={"Idempotency-Key": "k"})
        assert answer.content == b"fine"
        await client.aclose()


async def test_an_answer_that_was_begun_is_never_asked_for_again(
    certificates: Certificates, make: Make
) -> None:
    def script(session: Session, stream_id: int) -> None:
        session.peer.h2.send_headers(stream_id, [(b":status", b"200")])
        session.peer.h2.send_data(stream_id, b"half")
        session.close()

    async with scripted(certificates, script) as server:
        client, _ = make()
        got = b""
        async with client.stream("GET", server.url) as answer:
            with pytest.raises(httpx.RemoteProtocolError, match="closed the connection"):
                async for part in answer.aiter_raw():
                    got += part
        await client.aclose()
    assert got == b"half"
    assert len(server.requests) == 1


async def test_a_reset_names_its_reason(certificates: Certificates, make: Make) -> None:
    def script(session: Session, stream_id: int) -> None:
        session.peer.h2.reset_stream(stream_id, ErrorCodes.ENHANCE_YOUR_CALM)

    async with scripted(certificates, script) as server:
        client, transport = make()
        with pytest.raises(httpx.RemoteProtocolError, match="ENHANCE_YOUR_CALM"):
            await client.get(server.url)
        await client.aclose()
    assert transport.snapshot().totals.resets_received == 1


async def test_garbage_fails_the_request_with_a_clear_message(
    certificates: Certificates, make: Make
) -> None:
    def script(session: Session, stream_id: int) -> None:
        session.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)

    async with scripted(certificates, script) as server:
        client, transport = make()
        with pytest.raises(httpx.RemoteProtocolError, match=r"broke the HTTP/2 protocol"):
            await client.get(server.url)
        assert transport.snapshot().connections == 0
        await client.aclose()


async def test_a_cancelled_request_resets_its_stream(
    certificates: Certificates, make: Make
) -> None:
    async with scripted(certificates, lambda s, i: None) as server:
        client, transport = make()
        task = asyncio.ensure_future(client.get(server.url))
        while not server.requests:
            await asyncio.sleep(0.005)
        task.cancel()
        while not server.sessions[0].peer.resets:
            await asyncio.sleep(0.005)
        assert server.sessions[0].peer.resets == {1: ErrorCodes.CANCEL}
        assert transport.snapshot().streams == 0
        await client.aclose()


async def test_an_early_answer_ends_the_upload(certificates: Certificates, make: Make) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"u" * 10_000

    async with scripted(certificates, fine, window=65_535) as server:
        client, _ = make()

        def too_large(session: Session) -> None:
            session.peer.h2.send_headers(1, [(b":status", b"413")], end_stream=True)
            session.flush()

        task = asyncio.ensure_future(client.post(server.url, content=endless()))
        while not (server.sessions and server.sessions[0].peer.bodies.get(1)):
            await asyncio.sleep(0.005)
        too_large(server.sessions[0])
        assert (await task).status_code == 413
        while 1 not in server.sessions[0].peer.resets:
            await asyncio.sleep(0.005)
        await client.aclose()


async def test_closing_the_transport_ends_what_is_under_way(
    certificates: Certificates, make: Make
) -> None:
    async with scripted(certificates, lambda s, i: None) as server:
        client, transport = make()
        task = asyncio.ensure_future(client.get(server.url))
        while not server.requests:
            await asyncio.sleep(0.005)
        await transport.aclose()
        with pytest.raises(httpx.ReadError, match="the transport was closed"):
            await task
        await client.aclose()


async def test_a_limit_that_changes_under_way_is_kept(
    certificates: Certificates, make: Make
) -> None:
    most = 0

    def script(session: Session, stream_id: int) -> None:
        nonlocal most
        if stream_id == 1:
            session.peer.h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 2})
            session.answer(stream_id)
            return
        most = max(most, session.peer.h2.open_inbound_streams)
        asyncio.get_running_loop().call_later(0.01, session.answer, stream_id)

    async with scripted(certificates, script) as server:
        client, transport = make(limits=Limits(max_connections_per_host=1))
        await client.get(server.url)
        answers = await asyncio.gather(*(client.get(server.url) for _ in range(12)))
        assert {answer.content for answer in answers} == {b"fine"}
        assert transport.snapshot().origins[0].stream_limit == 2
        await client.aclose()
    assert most <= 2


async def test_only_a_few_requests_go_out_before_the_server_has_stated_its_limit(
    certificates: Certificates, make: Make
) -> None:
    async with scripted(certificates, lambda s, i: None, mute=True) as server:
        client, transport = make()
        tasks = [asyncio.ensure_future(client.get(server.url)) for _ in range(30)]
        while transport.snapshot().streams < 10:
            await asyncio.sleep(0.005)
        assert transport.snapshot().waiters == 20
        assert transport.snapshot().connecting == 0
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert transport.snapshot().waiters == 0
        await client.aclose()


async def test_a_line_break_in_a_field_is_refused_before_it_is_sent(
    certificates: Certificates, make: Make
) -> None:
    async with scripted(certificates, fine) as server:
        client, transport = make()
        with pytest.raises(httpx.LocalProtocolError, match="'x-evil'") as got:
            await client.get(server.url, headers={"X-Evil": "secret\r\nX: y"})
        assert "secret" not in str(got.value)
        assert (await client.get(server.url)).content == b"fine"
        assert transport.snapshot().streams == 0
        await client.aclose()
    assert len(server.requests) == 1


@pytest.mark.parametrize("seed", range(12))
async def test_no_request_hangs_or_is_answered_with_anothers_answer(
    seed: int, certificates: Certificates, make: Make
) -> None:
    """A server that answers, refuses, drains, stalls and dies at random."""
    chance = random.Random(seed)

    def script(session: Session, stream_id: int) -> None:
        what = chance.random()
        loop = asyncio.get_running_loop()
        body = session.peer.bodies[stream_id]
        if what < 0.70:
            loop.call_later(chance.random() * 0.01, answer, session, stream_id, body)
        elif what < 0.80:
            session.refuse(stream_id)
        elif what < 0.86:
            session.goaway(max(0, stream_id - 2 * chance.randrange(4)))
            loop.call_later(0.02, session.close)
        elif what < 0.90:
            session.abort()
        elif what < 0.95:
            session.peer.h2.reset_stream(stream_id, ErrorCodes.INTERNAL_ERROR)

    def answer(session: Session, stream_id: int, body: bytes) -> None:
        if stream_id in session.peer.h2.streams and not session.transport.is_closing():
            session.answer(stream_id, body)

    async with scripted(certificates, script, max_streams=8) as server:
        client, transport = make(limits=Limits(max_connections_per_host=3))

        patience = httpx.Timeout(0.5, connect=30, pool=30)

        async def one(number: int) -> str:
            content = b"%d " % number * chance.randrange(1, 4000)
            try:
                async with asyncio.timeout(None if number % 7 else chance.random() * 0.05):
                    got = await client.post(server.url, content=content, timeout=patience)
            except (httpx.TransportError, TimeoutError) as error:
                return type(error).__name__
            assert got.content == content
            return "answered"

        results = await asyncio.gather(*(one(number) for number in range(150)))
        assert "answered" in results
        now = transport.snapshot()
        assert (now.streams, now.waiters, now.connecting) == (0, 0, 0)
        server.script = fine
        for _ in range(5):
            assert (await client.get(server.url)).content == b"fine"
        await client.aclose()
