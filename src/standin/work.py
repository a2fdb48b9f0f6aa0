"""What the stand-in does to the project, and its processes and noises."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from . import task
from .output import Output
from .request import Request, slug


def edit(request: Request, output: Output) -> str:
    """Do the task if it is one that can be done, else add it to its note; return the path."""
    if (wanted := task.addition(request.task)) is not None:
        output.tool_started("edit", path=wanted.path)
        mended = task.mend(request.prompt, wanted.path)
        added = task.add(wanted)
        done = {"path": wanted.path, "linesAdded": 5 if added else 0, "mended": mended}
        output.tool_completed("edit", {"success": done}, path=wanted.path)
        return wanted.path
    task.mend(request.prompt)
    note = Path(path_of(request))
    path = note.as_posix()
    line = f"- worked on it: {request.report or 'no report asked for'}\n"
    output.tool_started("edit", path=path)
    note.parent.mkdir(exist_ok=True)
    with note.open("a", encoding="utf-8", newline="\n") as file:
        if not file.tell():
            file.write(f"# {request.task}\n\n")
        file.write(line)
    output.tool_completed("edit", {"success": {"path": path, "linesAdded": 1}}, path=path)
    return path


def path_of(request: Request) -> str:
    """The file that `edit` changes."""
    wanted = task.addition(request.task)
    return f"notes/{slug(request.task)}.md" if wanted is None else wanted.path


def report_text(request: Request, changed: str, *, with_phrase: bool) -> str:
    phrase = f"\n{request.phrase}\n" if with_phrase and request.phrase else ""
    return f"# Report\n\nTask: {request.task}\n\nChanged: {changed}\n{phrase}"


def write_report(path: str, text: str) -> None:
    """Write the whole report at once: nobody sees half of it."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    draft.write_text(text, "utf-8", newline="\n")
    draft.replace(target)


def write_report_in_pieces(path: str, text: str, pause: float | None) -> None:
    """Write the first half, and the rest after ``pause`` seconds unless that is None."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    half = len(data) // 2
    with target.open("wb", buffering=0) as file:
        file.write(data[:half])
        if pause is not None:
            time.sleep(pause)
            file.write(data[half:])


def write_report_late(path: str, text: str, delay: float) -> None:
    """Leave the report to a process that waits for the end of this one, then ``delay`` seconds.

    It has its own session, so that ending this program's group does not end it.
    """
    reader, writer = os.pipe()
    if os.fork():
        os.close(reader)
        return  # the other end stays open until this process is gone
    try:
        os.setsid()
        os.close(writer)
        _detach_output()
        os.read(reader, 1)
        time.sleep(delay)
        write_report(path, text)
    finally:
        os._exit(0)


def leave_grandchild(seconds: float) -> int:
    """Start a process of the same group that holds the output open; return its id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        time.sleep(seconds)
    finally:
        os._exit(0)


def flood(output: Output, megabytes: float) -> None:
    output.say("x" * int(megabytes * 1024 * 1024))
    for number in range(int(megabytes * 1000)):
        output.say(f"line {number}")


def garbage(output: Output) -> None:
    output.raw(b"T: this line is no event\n")
    output.raw(b'{"type":"assistant","message":{"content":[{"type"\n')
    output.raw(b"\xff\xfe not UTF-8\n\n[1, 2]\nNaN\n" + b"[" * 5000 + b"\n")
    output.raw(b'stdout: {"type":"brand_new","value":NaN}\r\n')


def noise_on_stderr() -> None:
    """Lines that look like errors here and there, and bytes that are no text."""
    for number in range(2000):
        sys.stderr.write(
            f"standin: noise {number:04}, read 402913 tokens of 429 files {'.' * 28}\n"
        )
    sys.stderr.flush()
    sys.stderr.buffer.write(b"\xff\xfe\x00\x1b[2J no text\n")
    sys.stderr.flush()


def hang() -> NoReturn:
    """Wait to be ended; after an hour give up, so that nobody has to look for this process."""
    time.sleep(3600)
    os._exit(1)


def _detach_output() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
