"""Progress on real streams: pipes, terminals, broken ones."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

import pytest

from codeagent.core.events import Event
from codeagent.observe.progress import (
    JsonProgress,
    PlainProgress,
    Progress,
    TerminalProgress,
    progress_for,
)

from .events import RUN, START, event

_SGR = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """The far end of a pseudo-terminal, read all the time."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        self.stream: TextIO = os.fdopen(slave, "w", encoding="utf-8")
        self._read = bytearray()
        self._reader = threading.Thread(target=self._drain)
        self._reader.start()

    def _drain(self) -> None:
        try:
            while data := os.read(self._master, 65536):
                self._read += data
        except OSError:  # how Linux says that the other end is closed
            pass

    def output(self) -> str:
        """Close the stream and return all that was written to it."""
        self.stream.close()
        self._reader.join()
        return self._read.decode().replace("\r\n", "\n")

    def close(self) -> None:
        self.stream.close()
        self._reader.join()
        os.close(self._master)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    one = Terminal()
    yield one
    one.close()


def screen(output: str) -> list[str]:
    """The lines that stand on a terminal after ``output``, for the codes that are used here."""
    lines, row = [""], 0
    for piece in re.findall(r"\x1b\[\??[0-9;]*[A-Za-z]|\n|\r|[^\x1b\n\r]+", _SGR.sub("", output)):
        if piece == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif piece.endswith("A") and piece.startswith("\x1b"):
            row -= int(piece[2:-1])
            assert row >= 0
        elif piece == "\x1b[J":
            lines[row:] = [""]
        elif piece != "\r" and not piece.startswith("\x1b"):
            lines[row] += piece
    return lines


def test_plain_lines_tell_the_run_in_order() -> None:
    stream = io.StringIO()
    with PlainProgress(stream, logs="logs") as progress:
        for one in RUN:
            progress(one)
    lines = [line.split(" ", 1)[1] for line in stream.getvalue().splitlines()]
    assert lines == [
        "started: path async, agent cursor, project /p",
        "the list: 3 tasks to do of 4",
        "[2/4] started: Починить вход",
        "[2/4] 1/2 plan",
        "[2/4] 1/2 plan: done in 01:00",
        "[2/4] 2/2 do",
        "[2/4] 2/2 do: done in 2.0 s",
        "✓ [2/4] done in 01:03: Починить вход",
        "[3/4] started: Add a page (goes on at instruction 1)",
        "[3/4] 1/1 plan",
        "✗ [3/4] 1/1 plan: failed: no report",
        "✗ [3/4] failed: Add a page: no report",
        "- [-] skipped: c: off plan",
        "! todo.yaml: not a list",
        "! service watcher failed: boom; starts again in 1 s",
        "nothing to do, watching the list",
        "stopping: SIGTERM, at most 30 s",
        "✗ 2 done, 1 failed, 1 skipped, 0 pending in 01:13",
        "Needs a person:",
        "  Add a page: no report (3 attempts) - see logs/task_b_*.log",
        "  todo.yaml: not a list",
    ]
    assert "\x1b" not in stream.getvalue()
    assert re.match(r"\d\d:\d\d:\d\d started", stream.getvalue())


def test_quiet_leaves_what_failed_and_the_summary() -> None:
    stream = io.StringIO()
    progress = progress_for(stream, quiet=True, environ={"TERM": "xterm"})
    for one in RUN:
        progress(one)
    lines = stream.getvalue().splitlines()
    assert [line.split()[1] for line in lines[:4]] == ["✗", "✗", "!", "!"]
    assert lines[4].endswith("✗ 2 done, 1 failed, 1 skipped, 0 pending in 01:13")


def test_json_lines_are_the_events_as_they_are() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    progress = progress_for(stream, json=True, quiet=True, environ={})
    for one in [*RUN, event("agent.progress", text="\udc80\u2028\n")]:
        progress(one)
    lines = raw.getvalue().decode("utf-8").split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines[:-1]] == [one.as_dict() for one in RUN]
    assert json.loads(lines[-1])["text"] == "\udc80\u2028\n"
    assert "Починить" in raw.getvalue().decode("utf-8")


def test_a_terminal_keeps_what_ended_and_clears_what_ran(terminal: Terminal) -> None:
    progress = TerminalProgress(terminal.stream, environ={"NO_COLOR": "1"}, size=lambda: (80, 24))
    for one in RUN:
        progress(one)
        progress.tick(one.at + 0.5)
    progress.close()
    output = terminal.output()
    assert screen(output) == [
        "started: path async, agent cursor, project /p",
        "the list: 3 tasks to do of 4",
        "✓ [2/4] done in 01:03: Починить вход",
        "✗ [3/4] 1/1 plan: failed: no report",
        "✗ [3/4] failed: Add a page: no report",
        "- [-] skipped: c: off plan",
        "! todo.yaml: not a list",
        "! service watcher failed: boom; starts again in 1 s",
        "✗ 2 done, 1 failed, 1 skipped, 0 pending in 01:13",
        "Needs a person:",
        "  Add a page: no report (3 attempts)",
        "  todo.yaml: not a list",
        "",
    ]
    assert output.count("\x1b[?25l") == output.count("\x1b[?25h") == 1
    assert "00:01 of 10:00 · last event 0 s ago · edit src/x.py" in output


def test_ticks_redraw_the_block_in_place(terminal: Terminal) -> None:
    progress = progress_for(terminal.stream, environ={"TERM": "xterm"})
    assert isinstance(progress, TerminalProgress)
    for one in RUN[:6]:
        progress(one)
    for second in range(5, 30):
        progress.tick(START + second)
    shown = screen(terminal.output())
    assert [line for line in shown if line.startswith("    1/2 plan")] == [
        "    1/2 plan · 00:26 of 10:00 · last event 25 s ago · edit src/x.py"
    ]
    progress.close()


def test_no_color_changes_colours_and_nothing_else() -> None:
    outputs = []
    for environ in ({}, {"NO_COLOR": "1"}, {"NO_COLOR": ""}):
        one = Terminal()
        with TerminalProgress(one.stream, environ=environ, size=lambda: (60, 24)) as progress:
            for each in RUN:
                progress(each)
        outputs.append(one.output())
        one.close()
    coloured, colourless, empty = outputs
    assert _SGR.sub("", coloured) == colourless
    assert not _SGR.search(colourless)
    assert coloured == empty
    assert "\x1b[32m✓\x1b[0m" in coloured


def test_a_narrower_terminal_is_cleared_of_the_wrapped_block() -> None:
    stream = io.StringIO()
    columns = 80
    progress = TerminalProgress(stream, size=lambda: (columns, 24))
    for one in RUN[:6]:
        progress(one)
    block = stream.getvalue().rsplit("\x1b[J", 1)[1].rstrip("\n").split("\n")
    columns = 20
    progress.tick(START + 9)
    wrapped = sum(-(-len(line) // 20) for line in block)
    assert f"\x1b[{wrapped}A\x1b[J" in stream.getvalue()
    assert max(map(len, stream.getvalue().rsplit("\x1b[J", 1)[1].split("\n"))) < 20
    progress.close()


def test_an_exception_gives_the_cursor_back(terminal: Terminal) -> None:
    with (
        pytest.raises(RuntimeError),
        TerminalProgress(terminal.stream, size=lambda: (80, 24)) as progress,
    ):
        for one in RUN[:6]:
            progress(one)
        raise RuntimeError
    output = terminal.output()
    assert output.endswith("\x1b[?25h")
    assert screen(output)[2:] == [""]


def test_an_event_that_cannot_be_shown_costs_only_itself() -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream)
    progress(Event("task.failed", float("nan"), "a", 1, {"reason": "x"}))
    progress(RUN[0])
    assert stream.getvalue().endswith("started: path async, agent cursor, project /p\n")


@pytest.mark.parametrize("kind", [PlainProgress, JsonProgress, TerminalProgress])
def test_a_broken_pipe_silences_and_never_raises(kind: Callable[[TextIO], Progress]) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        progress = kind(stream)
        progress(RUN[0])
        os.close(reading)
        for one in RUN:
            progress(one)
        progress.tick(START)
        progress.close()
        progress(RUN[0])


def test_a_broken_standard_output_leaves_the_exit_code_alone() -> None:
    program = (
        "import sys; from codeagent.core.events import Event\n"
        "from codeagent.observe.progress import PlainProgress\n"
        "sys.stdin.readline(); progress = PlainProgress(sys.stdout)\n"
        "progress(Event('server.started', 0.0)); progress.close()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        _, errors = process.communicate(b"go\n")
    assert (process.returncode, errors) == (0, b"")


@pytest.mark.parametrize("kind", [PlainProgress, JsonProgress, TerminalProgress])
def test_a_closed_stream_never_raises(kind: Callable[[TextIO], Progress]) -> None:
    stream = io.StringIO()
    progress = kind(stream)
    progress(RUN[0])
    stream.close()
    progress(RUN[1])
    progress.close()


def test_a_stream_without_the_characters_shows_what_it_can() -> None:
    raw = io.BytesIO()
    progress = PlainProgress(io.TextIOWrapper(raw, encoding="ascii"))
    for one in RUN[:11]:
        progress(one)
    assert b"? [2/4] done in 01:03: ????????" in raw.getvalue()


def test_secrets_never_reach_a_stream() -> None:
    for as_json in (True, False):
        stream = io.StringIO()
        progress = progress_for(stream, environ={}, secrets=["correct horse"], json=as_json)
        progress(event("task.failed", 0, "a", reason="API_KEY=hunter2 and correct horse"))
        assert "REDACTED" in stream.getvalue()
        assert "hunter2" not in stream.getvalue()
        assert "correct horse" not in stream.getvalue()


def test_a_dumb_terminal_gets_plain_lines(terminal: Terminal) -> None:
    assert isinstance(progress_for(terminal.stream, environ={"TERM": "dumb"}), PlainProgress)


def test_many_threads_never_mix_their_lines() -> None:
    stream = io.StringIO()
    progress = JsonProgress(stream)

    def announce(task: str) -> None:
        for position in range(50):
            progress(event("instruction.done", 0, task, position=position))

    threads = [threading.Thread(target=announce, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [one["position"] for one in told if one["task"] == "3"] == list(range(50))
    assert len(told) == 400
