"""The models behind real HTTP/2 servers: many questions on one connection, none lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from codeagent._async.http import AsyncHTTPClient
from codeagent._async.llm import AsyncLLMManager
from codeagent._runtime import async_runtime as rt
from codeagent.core.llm.asking import Ask
from codeagent.core.llm.settings import parse_llm_settings
from codeagent.core.retry import RetryPolicy
from tests.http2 import servers as real
from tests.support.models import ModelServer, late, say, setup


@pytest.fixture
def models() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture(params=["nginx", "nghttpx", "haproxy"])
def front(
    request: pytest.FixtureRequest, models: ModelServer, tmp_path: Path
) -> Iterator[tuple[real.Server, real.Certificates]]:
    """An HTTP/2 server between the client and the models."""
    certificates = real.make_certificates(tmp_path)
    behind = urlsplit(models.url).port
    try:
        server = getattr(real, request.param)(tmp_path, certificates, behind)
    except real.Missing as missing:
        pytest.skip(str(missing))
    with real.running(server):
        yield server, certificates


def manager(server: real.Server, certificates: real.Certificates) -> AsyncLLMManager:
    text = setup(("openai", f"https://localhost:{server.port}/v1", ["m"]))
    http = AsyncHTTPClient(
        rt.NetworkOptions(ca_file=str(certificates.ca)), retries=RetryPolicy(base=0.001)
    )
    environment = {"OPENAI_API_KEY": "sk-0123456789abcdef0123"}
    llm = parse_llm_settings(text, source="x", environment=environment)
    return AsyncLLMManager(llm, http, sink=lambda event: None, clock=lambda: 0.0)


async def answers(llm: AsyncLLMManager, count: int) -> list[str]:
    async def ask(number: int) -> str:
        result = await llm.ask(Ask(prompt=f"q{number}"))
        return result.content or str(result.error)

    return await rt.map_concurrently(ask, range(count), limit=count)


async def test_questions_at_once_share_one_connection(models: ModelServer, front: Any) -> None:
    async with manager(*front) as llm:
        assert await answers(llm, 1) == ["fine"]
        assert await answers(llm, 40) == ["fine"] * 40
        pool = llm.snapshot().network.pool
    assert (pool.handshakes, pool.requests, pool.streams) == (1, 41, 0)


async def test_a_reload_loses_no_question(models: ModelServer, tmp_path: Path) -> None:
    certificates = real.make_certificates(tmp_path)
    try:
        server = real.nginx(tmp_path, certificates, urlsplit(models.url).port or 0)
    except real.Missing as missing:
        pytest.skip(str(missing))
    models.answer = lambda seen: late(say("slow"))
    with real.running(server):
        async with manager(server, certificates) as llm, rt.TaskGroup() as group:
            slow = group.start_soon(answers, llm, 10)
            while len(models.requests) < 10:
                await rt.sleep(0.005)
            real.reload(server)
            while not llm.snapshot().network.pool.goaways:
                await rt.sleep(0.005)
            models.answer = lambda seen: say("new")
            result = await llm.ask(Ask(prompt="meanwhile"))
            assert result.content == "new"
            models.released.set()
            assert await slow.wait() == ["slow"] * 10
            assert llm.snapshot().network.retries == 0
