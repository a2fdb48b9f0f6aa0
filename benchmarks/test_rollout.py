"""The rollout in the product: how soon a rollback is in force, what a routed operation costs."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import cpu_count
from pathlib import Path

import pytest

from tests.routing.rig import rigged
from tests.support.installations import Place, scripted
from tests.support.processes import Server
from tests.support.rollouts import put, rollout_in

ROUNDS = 7
OPERATIONS = 300
SOON = 1.0  # seconds
COST = {"off": 60.0, "shadow": 100.0}  # microseconds


@contextmanager
def busy() -> Iterator[None]:
    """Every processor has twice as much to do as it can."""
    burn = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(burn) for _ in range(2 * (cpu_count() or 1))]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _command(place: Place, *arguments: str) -> None:
    words = [sys.executable, "-m", "codeagent", *arguments]
    subprocess.run(words, cwd=place.cwd, env=place.env, check=True, capture_output=True)


@pytest.mark.parametrize("how", ["command", "API"])
def test_rollback_under_load(how: str, tmp_path: Path, row: Callable[..., None]) -> None:
    """From the beginning of the command, or of the request, to the server on the other path."""
    place = scripted(tmp_path, "- [ ] One\n")
    rollout = rollout_in(place.state)
    rollout.install()
    put(rollout, core="complete")
    seconds = []
    with Server("serve", "--json", cwd=place.cwd, env=place.env) as server, busy():
        server.until("server.idle")
        note = json.loads((place.state / "api.json").read_text("utf-8"))
        for _ in range(ROUNDS):
            began = time.monotonic()
            if how == "command":
                _command(place, "rollback")
            else:
                request = urllib.request.Request(  # noqa: S310 - our own server
                    f"{note['url']}/rollout/rollback",
                    method="POST",
                    headers={"Authorization": f"Bearer {note['token']}"},
                )
                urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
            server.until("core.switched", path="sync")
            seconds.append(time.monotonic() - began)
            _command(place, "rollout", "lift", "*")
            server.until("core.switched", path="async")
    worst = max(seconds)
    shown = f"{statistics.median(seconds):.2f} s (worst {worst:.2f})"
    row(f"rollback at full load, {how}", shown, value=worst, below=SOON, target=f"< {SOON:g} s")


@pytest.mark.parametrize("stage", ["off", "shadow"])
def test_a_routed_read(stage: str, tmp_path: Path, row: Callable[..., None]) -> None:
    """What a read through the ports costs more than one that goes straight on."""
    file = tmp_path / "file"
    file.write_bytes(b"x" * 1024)
    with rigged(tmp_path, "sync", {}, files_read=stage) as rig:
        straight = type(rig.own)({}, state=tmp_path)

        def both(ports: object) -> tuple[list[float], list[float]]:
            routed: list[float] = []
            plain: list[float] = []
            for _ in range(OPERATIONS):
                for found, files in ((routed, rig.own.files), (plain, straight.files)):
                    began = time.perf_counter()
                    files.snapshot(file, 4096)
                    found.append(time.perf_counter() - began)
            return routed, plain

        routed, plain = rig.do(both)
    more = [1e6 * (one - other) for one, other in zip(routed, plain, strict=True)]
    middle, wanted = statistics.median(more), COST[stage]
    row(
        f"routed read at {stage}",
        f"{middle:.0f} us more than {1e6 * statistics.median(plain):.0f}",
        value=middle,
        below=wanted,
        target=f"< {wanted:g} us",
    )
