"""Certificates, proxies, and servers that speak HTTP/1.1 only."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import httpx
import pytest

from codeagent.http2 import HTTP2Transport, Limits

from . import servers as real
from .conftest import Make, Start
from .proxy_server import proxy_server
from .servers import Certificates, Server


async def test_a_certificate_of_an_unknown_authority_is_refused(start: Start, make: Make) -> None:
    server = start("nginx")
    client, transport = make(verify=True)
    with pytest.raises(httpx.ConnectError, match=r"localhost:\d+: the server's certificate") as got:
        await client.get(server.url)
    assert "unable to get local issuer certificate" in str(got.value)
    assert transport.snapshot().totals.handshakes_failed == 1


async def test_a_certificate_for_another_name_is_refused(
    upstream: Server, tmp_path: Path, make: Make
) -> None:
    other = real.make_certificates(tmp_path, "elsewhere.test")
    try:
        server = real.nginx(tmp_path, other, upstream.port)
    except real.Missing as missing:
        pytest.skip(str(missing))
    with real.running(server):
        client, _ = make(verify=other.context())
        with pytest.raises(httpx.ConnectError, match="certificate was refused: Hostname mismatch"):
            await client.get(server.url)
        name = {"sni_hostname": "elsewhere.test"}
        answer = await client.get(f"{server.url}/think", extensions=name)
        assert answer.status_code == 200


async def test_an_authority_is_taken_from_a_file(
    start: Start, make: Make, certificates: Certificates
) -> None:
    server = start("nginx")
    client, _ = make(verify=str(certificates.ca))
    assert (await client.get(f"{server.url}/think")).status_code == 200


async def test_a_client_certificate_is_shown(
    start: Start, make: Make, certificates: Certificates, tmp_path: Path
) -> None:
    server = start("nginx", client_ca=certificates.ca)
    mine = certificates.authority.issue_cert("client@example.test")
    pem = tmp_path / "client.pem"
    mine.private_key_and_cert_chain_pem.write_to_path(str(pem))
    client, _ = make(cert=str(pem))
    assert (await client.get(f"{server.url}/think")).status_code == 200
    stranger, _ = make()
    assert (await stranger.get(f"{server.url}/think")).status_code == 400


async def test_a_server_without_http2_is_served_over_http1(start: Start, make: Make) -> None:
    server = start("nginx", http2=False)
    client, transport = make()
    answers = await asyncio.gather(
        *(client.post(f"{server.url}/think?ms=20", content=b"y" * 100_000) for _ in range(40))
    )
    assert {(a.status_code, a.http_version) for a in answers} == {(200, "HTTP/1.1")}
    assert transport.snapshot().totals.handshakes == 10
    assert transport.snapshot().idle == 10


async def test_plain_http_is_served_over_http1(upstream: Server, make: Make) -> None:
    client, transport = make()
    base = f"http://127.0.0.1:{upstream.port}"
    for path, length in (
        ("/think", 1212),
        ("/bytes?n=3000000", 3_000_000),
        ("/status?code=204", 0),
    ):
        assert len((await client.get(base + path)).content) == length
    assert (await client.head(f"{base}/status?code=200")).status_code == 200
    text = b""
    async with client.stream("GET", f"{base}/tokens?n=20&gap=2") as answer:
        async for piece in answer.aiter_raw():
            text += piece
    assert text.count(b"data:") == 20
    assert transport.snapshot().totals.handshakes == 1


async def test_http1_survives_cancellation(upstream: Server, make: Make) -> None:
    client, transport = make()
    base = f"http://127.0.0.1:{upstream.port}"
    for _ in range(6):
        tasks = [asyncio.ensure_future(client.post(f"{base}/think?ms=500")) for _ in range(50)]
        await asyncio.wait(tasks, timeout=0.02)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    answers = await asyncio.gather(*(client.get(f"{base}/think") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    now = transport.snapshot()
    assert (now.streams, now.waiters, now.connections) == (0, 0, now.idle)
    assert now.connections <= 10


async def test_an_http1_answer_that_is_cut_off_is_an_error(upstream: Server, make: Make) -> None:
    client, _ = make()
    with pytest.raises(httpx.RemoteProtocolError, match=r"closed|incomplete|without"):
        await client.get(f"http://127.0.0.1:{upstream.port}/cut?n=500")


async def test_connections_to_all_hosts_together_are_limited(
    start: Start, upstream: Server, make: Make
) -> None:
    server = start("nginx")
    client, transport = make(limits=Limits(max_connections=1))
    plain = f"http://127.0.0.1:{upstream.port}/think?ms=5"
    for _ in range(3):
        answers = await asyncio.gather(client.get(f"{server.url}/think?ms=5"), client.get(plain))
        assert {answer.status_code for answer in answers} == {200}
        assert transport.snapshot().connections == 1
    assert transport.snapshot().totals.evicted >= 4


@pytest.mark.parametrize("secure", [False, True])
async def test_a_proxys_tunnel_leads_to_http2(
    secure: bool, start: Start, make: Make, certificates: Certificates
) -> None:
    server = start("nginx")
    async with proxy_server(certificates if secure else None, "user:pass word") as proxy:
        scheme = "https" if secure else "http"
        context = certificates.context() if secure else None
        url = f"{scheme}://localhost:{proxy.port}"
        given = httpx.Proxy(url, auth=("user", "pass word"), ssl_context=context)
        client, transport = make(proxy=given)
        answers = await asyncio.gather(*(client.get(f"{server.url}/think") for _ in range(5)))
        assert {(a.status_code, a.http_version) for a in answers} == {(200, "HTTP/2")}
        assert proxy.seen == [f"CONNECT localhost:{server.port} HTTP/1.1"]
        assert transport.snapshot().totals.handshakes == 1
        await client.aclose()


async def test_a_proxy_forwards_plain_requests(upstream: Server, make: Make) -> None:
    async with proxy_server(None, "me:secret") as proxy:
        client, _ = make(proxy=f"http://me:secret@127.0.0.1:{proxy.port}")
        target = f"http://127.0.0.1:{upstream.port}/think"
        assert (await client.get(target)).status_code == 200
        assert proxy.seen == [f"GET {target} HTTP/1.1"]
        await client.aclose()


async def test_a_proxy_that_refuses_says_so(make: Make) -> None:
    async with proxy_server(None, "me:secret") as proxy:
        client, transport = make(proxy=f"http://me:wrong@127.0.0.1:{proxy.port}")
        with pytest.raises(httpx.ProxyError, match="407 Proxy Authentication Required") as got:
            await client.get("https://example.test/")
        assert "wrong" not in str(got.value)
        assert "wrong" not in repr(transport._dialer.__dict__)
        await client.aclose()


def test_a_proxy_that_is_no_http_proxy_is_rejected() -> None:
    with pytest.raises(ValueError, match="socks5"):
        HTTP2Transport(proxy="socks5://127.0.0.1:1080", verify=ssl.create_default_context())


async def test_a_host_that_does_not_answer_is_a_connect_timeout(make: Make) -> None:
    client, transport = make()
    async with proxy_server(None, None, silent=True) as silent:
        with pytest.raises(httpx.ConnectTimeout, match=r"0\.1 seconds of connecting"):
            await client.get(
                f"https://127.0.0.1:{silent.port}/", timeout=httpx.Timeout(5, connect=0.1)
            )
        await client.aclose()
    assert transport.snapshot().waiters == 0


async def test_a_name_without_an_address_is_a_connect_error(make: Make) -> None:
    client, _ = make()
    with pytest.raises(httpx.ConnectError, match=r"https://nowhere\.invalid:443: the name"):
        await client.get("https://nowhere.invalid/")


async def test_a_port_without_a_server_is_a_connect_error(make: Make) -> None:
    client, _ = make()
    port = real.free_port()
    with pytest.raises(httpx.ConnectError, match=f"https://127.0.0.1:{port}: cannot connect"):
        await client.get(f"https://127.0.0.1:{port}/")


async def test_other_schemes_are_refused(make: Make) -> None:
    _, transport = make()
    with pytest.raises(httpx.UnsupportedProtocol, match="ftp"):
        await transport.handle_async_request(httpx.Request("GET", "ftp://localhost/"))


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_client_outlives_its_event_loop(
    loop: str, start: Start, certificates: Certificates
) -> None:
    server = start("nginx")
    if loop == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop
    else:
        factory = asyncio.new_event_loop
    client = httpx.AsyncClient(transport=HTTP2Transport(verify=certificates.context()))

    async def ask(close: bool) -> int:
        answers = await asyncio.gather(*(client.get(f"{server.url}/think") for _ in range(5)))
        if close:
            await client.aclose()
        return answers[0].status_code

    for last in (False, True):
        with asyncio.Runner(loop_factory=factory) as runner:
            assert runner.run(ask(last)) == 200
