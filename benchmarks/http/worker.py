"""One client under test in a process of its own: asked in JSON lines, answers in JSON lines.

usage: worker.py VARIANT CA
"""

from __future__ import annotations

import asyncio
import json
import queue
import resource
import ssl
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import uvloop

from codeagent._runtime.network import NetworkOptions
from codeagent.http2 import HTTP2Transport, Limits

PAYLOAD = {"model": "m", "messages": [{"role": "user", "content": "y" * 4000}]}
TIMEOUT = 60.0
PATIENCE = httpx.Timeout(TIMEOUT)
HEADERS = {"content-type": "application/json", "accept-encoding": "identity"}

Latencies = list[float]
Ask = Callable[[str], Awaitable[None]]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _memory() -> int:
    """The proportional set size in kilobytes (proc(5), smaps_rollup)."""
    for line in Path("/proc/self/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


class Sync:
    """``httpx.Client`` with pooled HTTP/1.1 connections and a thread for each request at a time."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context

    def open(self, concurrency: int, url: str) -> None:
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        self.client = httpx.Client(verify=self.context, limits=limits, timeout=TIMEOUT)

    def one(self, url: str) -> None:
        assert self.client.post(url, json=PAYLOAD).status_code == 200

    def block(self, urls: list[str], concurrency: int) -> Latencies:
        todo: queue.SimpleQueue[str] = queue.SimpleQueue()
        for url in urls:
            todo.put(url)
        latencies: Latencies = []

        def work() -> None:
            while True:
                try:
                    url = todo.get_nowait()
                except queue.Empty:
                    return
                began = time.perf_counter()
                self.one(url)
                latencies.append(time.perf_counter() - began)

        threads = [threading.Thread(target=work) for _ in range(concurrency)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return latencies

    def close(self) -> None:
        self.client.close()


class Predecessor(Sync):
    """A new client and a new event loop for every request."""

    def open(self, concurrency: int, url: str) -> None:
        self.ca = sys.argv[2]

    def one(self, url: str) -> None:
        async def ask() -> None:
            context = httpx.create_ssl_context()
            context.load_verify_locations(self.ca)
            async with httpx.AsyncClient(verify=context, timeout=TIMEOUT) as client:
                assert (await client.post(url, json=PAYLOAD)).status_code == 200

        asyncio.run(ask())

    def close(self) -> None:
        pass


class Twin(Sync):
    """The session of Code Agent's synchronous path."""

    def open(self, concurrency: int, url: str) -> None:
        from codeagent._runtime.sync_http import HTTPSession

        self.session = HTTPSession(_options(concurrency))

    def one(self, url: str) -> None:
        with self.session.direct(
            "POST", url, headers=HEADERS, body=_body(), patience=PATIENCE
        ) as a:
            a.read()
            assert a.status_code == 200

    def close(self) -> None:
        self.session.close()


def _options(connections: int) -> NetworkOptions:
    return NetworkOptions(
        max_connections=max(connections, 10),
        max_per_host=max(connections, 10),
        timeout=TIMEOUT,
        ca_file=sys.argv[2],
    )


def _body() -> bytes:
    return json.dumps(PAYLOAD).encode()


class Async:
    """A client on uvloop."""

    def __init__(self, name: str, context: ssl.SSLContext) -> None:
        self.name = name
        self.context = context
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def open(self, concurrency: int, url: str) -> None:
        self.run(self._open(concurrency))

    async def _open(self, concurrency: int) -> None:
        if self.name == "aiohttp":
            import aiohttp

            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=concurrency, ssl=self.context),
                timeout=aiohttp.ClientTimeout(TIMEOUT),
            )

            async def post(url: str) -> None:
                async with session.post(url, json=PAYLOAD) as answer:
                    await answer.read()
                    assert answer.status == 200

            self.ask: Ask = post
            self.end: Callable[[], Awaitable[None]] = session.close
            return
        if self.name == "session":
            await self._open_session()
            return
        client = httpx.AsyncClient(timeout=TIMEOUT, **self._options(concurrency))

        async def ask(url: str) -> None:
            assert (await client.post(url, json=PAYLOAD)).status_code == 200

        self.ask, self.end = ask, client.aclose

    async def _open_session(self) -> None:
        """That of Code Agent's asynchronous path."""
        from codeagent._runtime.async_http import HTTPSession

        session = HTTPSession(_options(10))

        async def direct(url: str) -> None:
            async with session.direct(
                "POST", url, headers=HEADERS, body=_body(), patience=PATIENCE
            ) as answer:
                await answer.aread()
                assert answer.status_code == 200

        self.ask, self.end = direct, session.aclose

    def _options(self, concurrency: int) -> dict[str, Any]:
        if self.name.startswith("own"):
            http2 = self.name != "own-h1"
            limits = Limits() if http2 else Limits(max_connections_per_host=100)
            self.transport = HTTP2Transport(verify=self.context, http2=http2, limits=limits)
            return {"transport": self.transport}
        limits1 = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        return {"verify": self.context, "limits": limits1, "http2": self.name == "httpx-h2"}

    def block(self, urls: list[str], concurrency: int) -> Latencies:
        latencies: Latencies = self.run(self._block(urls, concurrency))
        return latencies

    async def _block(self, urls: list[str], concurrency: int) -> Latencies:
        todo, latencies = iter(urls), []

        async def work() -> None:
            for url in todo:
                began = time.perf_counter()
                await self.ask(url)
                latencies.append(time.perf_counter() - began)

        await asyncio.gather(*(work() for _ in range(concurrency)))
        return latencies

    def close(self) -> None:
        self.run(self._close())

    async def _close(self) -> None:
        await self.end()


def _block(variant: Any, base: str, thinks: list[float], concurrency: int) -> dict[str, Any]:
    urls = [f"{base}?ms={ms:g}" for ms in thinks]
    variant.open(concurrency, base)
    if not isinstance(variant, Predecessor):
        variant.block([base] * (2 * concurrency), concurrency)
    cpu, began = _cpu(), time.perf_counter()
    latencies = variant.block(urls, concurrency)
    seconds, cpu = time.perf_counter() - began, _cpu() - cpu
    memory = _memory()
    variant.close()
    return {
        "seconds": seconds / len(urls),
        "cpu": cpu / len(urls),
        "latency": sum(latencies) / len(latencies),
        "memory": memory,
    }


def _short_among_long(variant: Async, base: str) -> dict[str, Any]:
    async def timed(url: str) -> float:
        began = time.perf_counter()
        await variant.ask(url)
        return time.perf_counter() - began

    async def main() -> tuple[float, float]:
        alone = min([await timed(f"{base}?ms=100") for _ in range(3)])
        long = [asyncio.ensure_future(variant.ask(f"{base}?ms=1000")) for _ in range(9)]
        await asyncio.sleep(0.05)
        among = await timed(f"{base}?ms=100")
        await asyncio.gather(*long)
        return alone, among

    variant.open(10, base)
    alone, among = variant.run(main())
    variant.close()
    return {"alone": alone, "among": among}


def _endurance(variant: Any, base: str, number: int, marks: int) -> dict[str, Any]:
    """Memory as the requests go by."""
    variant.open(10, base)
    seen = []
    for _ in range(marks):
        variant.block([base] * (number // marks), 10)
        seen.append(_memory())
    variant.close()
    return {"memory": seen}


def _make(name: str, ca: str) -> Any:
    context = ssl.create_default_context(cafile=ca)
    if name == "sync":
        return Sync(context)
    if name == "twin":
        return Twin(context)
    if name == "predecessor":
        return Predecessor(context)
    return Async(name, context)


def _main() -> None:
    variant = _make(*sys.argv[1:3])
    works: dict[str, Callable[..., dict[str, Any]]] = {
        "block": _block,
        "short": _short_among_long,
        "endurance": _endurance,
    }
    for line in sys.stdin:
        task = json.loads(line)
        try:
            result = works[task.pop("work")](variant, **task)
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    _main()
