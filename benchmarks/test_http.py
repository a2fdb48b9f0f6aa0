"""The HTTP/2 transport beside other clients: paired, interleaved, with round trips.

``HTTP_ROUNDS`` sets how often each comparison is made (3; 30 for a verdict on a
few per cent), ``HTTP_REQUESTS`` how many requests the endurance runs make.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from codeagent.http2 import HTTP2Transport
from tests.http2 import servers as real
from tests.http2.servers import Certificates, Missing, Server

from .http.network import ROUND_TRIPS, Network, slow_network
from .http.thinking import PORT, thinking
from .measure import RESAMPLES, Ratio

ROUNDS = int(os.environ.get("HTTP_ROUNDS", "3"))
REQUESTS = int(os.environ.get("HTTP_REQUESTS", "10000"))
BUSY = int(os.environ.get("HTTP_BUSY", str(2 * (os.cpu_count() or 1))))
ROOT = Path(__file__).parents[1]
WORKER = ROOT / "benchmarks" / "http" / "worker.py"
OWN = "session"
"""The client that Code Agent asks models with."""

COUNTS = {1: 6, 10: 40, 50: 150, 100: 300}
"""How many requests a block makes at each concurrency."""

Row = Callable[..., None]

pytestmark = pytest.mark.timeout(7200)


class Bench:
    """The clients, each in a process of its own, and the way to the server."""

    def __init__(self, network: Network, certificates: Certificates) -> None:
        self.network = network
        self._ca = certificates.ca
        self._workers: dict[str, subprocess.Popen[str]] = {}

    def base(self, round_trip: int) -> str:
        return f"https://{self.network.address(round_trip)}:{PORT}/v1"

    def ask(self, variant: str, **task: Any) -> dict[str, Any]:
        worker = self._workers.get(variant)
        if worker is None:
            words = [*self.network.inside(self.network.client), sys.executable, "-u"]
            if " " in variant:
                path, directory = variant.split(" ", 1)
                words += ["-m", "benchmarks.http.asking", path, str(self._ca), directory]
            else:
                words += [str(WORKER), variant, str(self._ca)]
            worker = self._workers[variant] = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
            )
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps(task) + "\n")
        worker.stdin.flush()
        answer: dict[str, Any] = json.loads(worker.stdout.readline())
        assert "error" not in answer, f"{variant}: {answer['error']}"
        return answer

    def end(self, variant: str) -> None:
        worker = self._workers.pop(variant)
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.close()
        worker.wait(20)
        worker.stdout.close()

    def close(self) -> None:
        for variant in list(self._workers):
            self.end(variant)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("http")
    names = [f"127.20.1.{round_trip}" for round_trip in ROUND_TRIPS]
    certificates = real.make_certificates(folder, *names)
    with contextlib.ExitStack() as stack:
        try:
            network = stack.enter_context(slow_network(folder))
            inside = network.inside(network.server)
            stack.enter_context(real.running(thinking(folder, certificates, inside)))
        except Missing as missing:
            pytest.skip(str(missing))
        ready = Bench(network, certificates)
        stack.callback(ready.close)
        yield ready


def _thinks(number: int, seed: int) -> list[float]:
    """Think times of 50 to 300 ms."""
    chance = random.Random(seed)
    return [round(chance.uniform(50, 300), 1) for _ in range(number)]


def _rounds(
    bench: Bench, variants: list[str], round_trip: int, concurrency: int, *, think: bool, count: int
) -> dict[str, list[dict[str, float]]]:
    """Each variant's blocks; in every round all take part, in random order, with the same times."""
    chance = random.Random(concurrency * 1000 + round_trip)
    results: dict[str, list[dict[str, float]]] = defaultdict(list)
    for number in range(ROUNDS):
        thinks = _thinks(count, number) if think else [0.0] * count
        for variant in chance.sample(variants, len(variants)):
            task = {"base": bench.base(round_trip), "thinks": thinks, "concurrency": concurrency}
            results[variant].append(bench.ask(variant, work="block", **task))
    return results


def _ratio(
    results: dict[str, list[dict[str, float]]], peer: str, what: str, own: str = OWN
) -> Ratio:
    mine = [block[what] for block in results[own]]
    theirs = [block[what] for block in results[peer]]
    ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
    chance = random.Random(7)
    medians = sorted(
        statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES)
    )
    low, high = medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES)]
    return Ratio(statistics.median(ratios), low, high, min(mine), min(theirs))


@pytest.mark.parametrize("round_trip", ROUND_TRIPS)
@pytest.mark.parametrize("concurrency", [1, 10, 50, 100])
def test_thinking_server(bench: Bench, row: Row, round_trip: int, concurrency: int) -> None:
    """Latency and throughput while the server thinks 50 to 300 ms."""
    variants = [OWN, "own", "own-again", "sync", "twin", "httpx-h2", "aiohttp", "predecessor"]
    if concurrency <= 10:
        variants += ["httpx-h1", "own-h1"]
    count = COUNTS[concurrency]
    results = _rounds(bench, variants, round_trip, concurrency, think=True, count=count)
    where = f"c{concurrency}, RTT {round_trip} ms"
    for peer in variants[1:]:
        if peer == "predecessor":
            _beside_the_predecessor(results, row, round_trip, concurrency)
            continue
        ratio = _ratio(results, peer, "latency")
        row(f"mean latency / {peer}, {where}", str(ratio))
    ratio = _ratio(results, "sync", "seconds")
    most = 1 / 0.97
    row(f"time per request / sync, {where}", str(ratio), value=ratio, below=most, target="<= 1.03")


@pytest.mark.parametrize("concurrency", [1, 10])
def test_thinking_server_on_a_busy_machine(bench: Bench, row: Row, concurrency: int) -> None:
    """The same while other programs compute, as coding agents do."""
    variants = [OWN, "sync", "predecessor"]
    with contextlib.ExitStack() as stack:
        for _ in range(BUSY):
            words = [sys.executable, "-c", "while True: pass"]
            program = subprocess.Popen(words)
            stack.callback(program.wait)
            stack.callback(program.kill)
        count = COUNTS[concurrency]
        results = _rounds(bench, variants, 20, concurrency, think=True, count=count)
    busy = f", {BUSY} others compute"
    _beside_the_predecessor(results, row, 20, concurrency, busy)
    ratio = _ratio(results, "sync", "latency")
    row(f"mean latency / sync, c{concurrency}, RTT 20 ms{busy}", str(ratio))


def _beside_the_predecessor(
    results: dict[str, list[dict[str, float]]],
    row: Row,
    round_trip: int,
    concurrency: int,
    more: str = "",
) -> None:
    """With the least ratio that is possible: that of a client which costs nothing at all."""
    ratio = _ratio(results, "predecessor", "latency")
    floors = []
    for number, block in enumerate(results["predecessor"]):
        thinks = _thinks(COUNTS[concurrency], number)
        floors.append((statistics.fmean(thinks) + round_trip) / 1000 / block["latency"])
    below = {1: 0.60, 10: 0.35}.get(concurrency)
    row(
        f"mean latency / predecessor, c{concurrency}, RTT {round_trip} ms{more}",
        f"{ratio}, least possible x{statistics.median(floors):.2f}",
        value=ratio,
        below=below,
        target=f"<= {below}" if below else "",
    )


@pytest.mark.parametrize("concurrency", [1, 10, 50, 100])
def test_processor_time(bench: Bench, row: Row, concurrency: int) -> None:
    """What a request costs the client when the server answers at once.

    ``session`` is what Code Agent asks models with, ``own`` its transport below
    `httpx.AsyncClient`, which costs more than the transport does.
    """
    variants = [OWN, "own", "own-again", "sync", "twin", "own-h1", "httpx-h2", "aiohttp"]
    count = 200 if concurrency == 1 else 600
    results = _rounds(bench, variants, 0, concurrency, think=False, count=count)
    for own in (OWN, "own"):
        for peer in ["sync"] if own == "own" else variants[1:]:
            ratio = _ratio(results, peer, "cpu", own)
            below = {10: 0.6, 100: 0.25}.get(concurrency) if peer == "sync" else None
            shown = f"{ratio} ({ratio.best * 1e6:.0f} us)"
            target = f"<= {below}" if below else ""
            name = f"CPU, {own} / {peer}, c{concurrency}"
            row(name, shown, value=ratio, below=below, target=target)
        ratio = _ratio(results, "sync", "seconds", own)
        name = f"time per request without thinking, {own} / sync, c{concurrency}"
        row(name, str(ratio), value=ratio, below=1 / 0.97, target="<= 1.03")


@pytest.mark.parametrize("round_trip", ROUND_TRIPS)
@pytest.mark.parametrize("at_once", [1, 10])
def test_what_is_asked_about_a_task(
    bench: Bench, row: Row, tmp_path: Path, round_trip: int, at_once: int
) -> None:
    """All questions before a task's first instruction, for one task and for ten at once."""
    base = f"{bench.base(round_trip).removesuffix('/v1')}/phase/v1"
    variants = {path: f"{path} {tmp_path}" for path in ("async", "sync", "predecessor")}
    results: dict[str, list[dict[str, float]]] = defaultdict(list)
    chance = random.Random(round_trip + at_once)
    for number in range(ROUNDS):
        tasks = [
            [f"t{round_trip}_{number}_{one}_{other}" for other in range(at_once)]
            for one in range(1 + (5 if at_once == 1 else 2))
        ]
        for path in chance.sample(sorted(variants), 3):
            results[path].append(bench.ask(variants[path], base=base, tasks=tasks))
    for variant in variants.values():
        bench.end(variant)
    where = f"{at_once} at once, RTT {round_trip} ms"
    for peer, below in (("sync", 0.60), ("predecessor", None)):
        ratio = _ratio(results, peer, "seconds", "async")
        shown = f"{ratio} ({ratio.best * 1e3:.0f} ms, {ratio.peer * 1e3:.0f} ms)"
        target = f"<= {below}" if below else ""
        row(f"a task's questions / {peer}, {where}", shown, value=ratio, below=below, target=target)


def test_a_short_request_among_long_ones(bench: Bench, row: Row) -> None:
    for variant in ("own", "httpx-h2"):
        seen = bench.ask(variant, work="short", base=bench.base(20))
        ratio = seen["among"] / seen["alone"]
        target = {"below": 1.3, "target": "<= 1.3", "value": ratio} if variant == "own" else {}
        row(f"100 ms among nine of 1 s / alone, {variant}", f"x{ratio:.2f}", **target)


def test_memory(bench: Bench, row: Row) -> None:
    """Side by side at the same load, each in a fresh process; then over many requests."""
    for concurrency in (10, 100):
        ratios = []
        for _ in range(ROUNDS):
            used = {}
            for variant in ("own", "sync"):
                name = {"own": "own-h2"}.get(variant, variant)
                task: dict[str, Any] = {
                    "base": bench.base(0),
                    "thinks": [0.0] * 3 * concurrency,
                }
                with contextlib.suppress(KeyError):
                    bench.end(name)
                used[variant] = bench.ask(name, work="block", concurrency=concurrency, **task)
                bench.end(name)
            ratios.append(used["own"]["memory"] / used["sync"]["memory"])
        ratio = statistics.median(ratios)
        row(
            f"memory / sync, c{concurrency}",
            f"x{ratio:.2f}",
            value=ratio,
            below=1.05,
            target="<= 1.05",
        )
    marks = 10
    endurance = {"base": bench.base(0), "number": REQUESTS * 5, "marks": marks}
    seen = bench.ask("own-h2", work="endurance", **endurance)["memory"]
    growth = seen[-1] / seen[1]
    row(
        f"memory after {REQUESTS * 5} requests / after {REQUESTS}",
        f"x{growth:.3f} ({seen[1] / 1024:.1f} -> {seen[-1] / 1024:.1f} MB)",
        value=growth,
        below=1.02,
        target="<= 1.02",
    )


def test_h2load(bench: Bench, row: Row) -> None:
    """The limit: what a client in C reaches on the same way."""
    if shutil.which("h2load") is None:
        pytest.skip("h2load is not installed")
    words = [
        *bench.network.inside(bench.network.client),
        "h2load",
        "-n",
        "4000",
        "-c",
        "1",
        "-m",
        "100",
    ]
    done = subprocess.run([*words, bench.base(0)], capture_output=True, text=True, check=True)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("finished in")]
    row("h2load, 100 streams on one connection", line.split(", ")[1])


async def test_nothing_is_lost(row: Row, tmp_path: Path) -> None:
    """GOAWAYs every 100 requests, reloads, idle closes and cancellations, all at once."""
    certificates = real.make_certificates(tmp_path)
    with contextlib.ExitStack() as stack:
        behind = stack.enter_context(real.running(real.upstream(tmp_path)))
        try:
            server = real.nginx(
                tmp_path, certificates, behind.port, requests=100, streams=100, idle="1s"
            )
        except Missing as missing:
            pytest.skip(str(missing))
        stack.enter_context(real.running(server))
        transport = HTTP2Transport(verify=certificates.context())
        async with httpx.AsyncClient(transport=transport, timeout=30) as client:
            lost, cancelled = await _calamities(client, server)
        totals = transport.snapshot().totals
    row(
        f"lost of {REQUESTS}: {totals.goaways} GOAWAYs, 20 reloads, {cancelled} cancellations",
        str(lost),
        value=lost,
        below=0,
        target="0",
    )
    assert lost == 0


async def _calamities(client: httpx.AsyncClient, server: Server) -> tuple[int, int]:
    gate = asyncio.Semaphore(50)
    cancelled = lost = 0

    async def one() -> None:
        nonlocal lost
        async with gate:
            try:
                answer = await client.post(f"{server.url}/think?ms=1", content=b"x" * 4000)
                lost += answer.status_code != 200
            except httpx.TransportError as error:
                print(f"lost: {error!r}")
                lost += 1

    async def impatient() -> None:
        nonlocal cancelled
        try:
            async with asyncio.timeout(0.1):
                await client.post(f"{server.url}/think?ms=5000", content=b"x" * 4000)
        except TimeoutError:
            cancelled += 1

    for batch in range(20):
        requests = [asyncio.ensure_future(one()) for _ in range(REQUESTS // 20)]
        await asyncio.gather(*(impatient() for _ in range(REQUESTS // 200)))
        real.reload(server)
        await asyncio.gather(*requests)
        if batch % 5 == 4:
            await asyncio.sleep(1.05)
    return lost, cancelled
