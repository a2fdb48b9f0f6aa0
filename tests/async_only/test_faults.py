"""How the errors of the HTTP/2 transport are told apart: by their types and causes."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import httpx
import pytest

from codeagent._runtime.network import fault_of
from codeagent.core.retry import Fault
from codeagent.http2 import HTTP2Transport, Refused
from tests.support.models import ModelServer, authority


async def faults(url: str, count: int = 3) -> list[Fault]:
    """What comes of several requests that wait for the same connection."""
    async with httpx.AsyncClient(transport=HTTP2Transport()) as client:
        answers = await asyncio.gather(
            *(client.post(url, content=b"{}") for _ in range(count)), return_exceptions=True
        )
    errors = [answer for answer in answers if isinstance(answer, httpx.TransportError)]
    assert len(errors) == count
    return [fault_of(error) for error in errors]


async def test_a_strange_certificate_is_one_for_all_who_waited(tmp_path: Path) -> None:
    with ModelServer(authority(tmp_path).server) as server:
        assert await faults(server.url) == [Fault.CERTIFICATE] * 3


async def test_a_name_without_an_address_is_one_for_all_who_waited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", fails, raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{free.getsockname()[1]}/"
    assert await faults("http://nowhere.invalid/") == [Fault.RESOLVE] * 3
    assert await faults(refused) == [Fault.CONNECT] * 3


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (Refused("not taken up"), Fault.REFUSED),
        (httpx.PoolTimeout("full"), Fault.POOL),
        (httpx.ConnectTimeout("late"), Fault.CONNECT),
        (httpx.WriteError("broken"), Fault.WRITE),
        (httpx.ReadTimeout("silent"), Fault.READ),
        (httpx.ReadError("reset"), Fault.CLOSED),
        (httpx.RemoteProtocolError("no address, certificate was refused"), Fault.PROTOCOL),
    ],
)
def test_the_words_of_an_error_do_not_matter(error: httpx.TransportError, fault: Fault) -> None:
    assert fault_of(error) is fault
