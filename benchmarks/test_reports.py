"""How soon a report is seen, and what waiting for it costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from . import measure
from .sides import Side

REPORTS = 200
WAITERS = 20
SECONDS = 10.0

WRITER = """
import random, sys, time
for name in sys.stdin:
    time.sleep(random.uniform(0.005, 0.015))
    with open(name.rstrip("\\n"), "w") as report:
        report.write("# Report\\n\\n" + sys.argv[1] + "\\n")
        report.flush()
        written = time.monotonic()
    print(written, flush=True)
"""


def test_a_report_is_seen_at_once(side: Side, tmp_path: Path, row: Callable[..., None]) -> None:
    """Another process writes them; counted from the moment before it closes the file."""
    names = [f"report_{number}.md" for number in range(REPORTS)]
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, side.server.PHRASE],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        ask = writer.stdin.write
        seen = side.run(side.server.see_reports, tmp_path, names, lambda name: ask(f"{name}\n"))
        writer.stdin.close()
        written = [float(line) for line in writer.stdout]
    delays = [(there - then) * 1e3 for then, there in zip(written, seen, strict=True)]
    middle, high = (measure.percentile(delays, share) for share in (0.5, 0.95))
    row(
        f"report seen, {side.path}",
        f"p50 {middle:.2f} ms, p95 {high:.2f} ms, worst {max(delays):.2f} ms",
        value=high,
        below=50,
        target="p95 < 50 ms",
    )


def test_waiting_costs_next_to_nothing(
    side: Side, tmp_path: Path, row: Callable[..., None]
) -> None:
    """Twenty that wait for reports that nobody writes."""
    used = side.run(side.server.wait_in_vain, tmp_path, WAITERS, SECONDS) * 1e3 / SECONDS
    shown = f"{used:.2f} ms/s"
    row(f"{WAITERS} waiters, CPU, {side.path}", shown, value=used, below=2, target="< 2 ms/s")
