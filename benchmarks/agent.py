"""What agent.c does, for machines without a compiler."""

import json
import os
import re
import sys
import time
from pathlib import Path


def work(seconds: int, longest: int) -> None:
    """Say something or use a tool, ten times a second, the first time with so much to read."""
    for step in range(seconds * 10):
        length = 400 if step % 2 else 2_000 if step % 100 else longest
        text = ("agent " * (length // 6 + 1))[:length]
        read: dict[str, object] = {"args": {"path": "src/main.py"}}
        tool = {"type": "tool_call", "call_id": "c", "session_id": "s"}
        if step % 2:
            said = {"role": "assistant", "content": [{"type": "text", "text": text}]}
            print(json.dumps({"type": "assistant", "session_id": "s", "message": said}))
        else:
            print(json.dumps({**tool, "subtype": "started", "tool_call": {"readToolCall": read}}))
            read["result"] = {"success": {"content": text}}
            print(json.dumps({**tool, "subtype": "completed", "tool_call": {"readToolCall": read}}))
        sys.stdout.flush()
        time.sleep(0.1)


def note(variable: str, line: str) -> None:
    """Add a line to the file that the variable names, if it is set."""
    if place := os.environ.get(variable):
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")


began = time.time_ns()
note("BENCH_STAMPS", str(time.monotonic_ns()))
streams = "stream-json" in sys.argv
if sys.argv[1:] != ["noop"]:
    prompt = sys.stdin.read() if streams else sys.argv[sys.argv.index("-p") + 1]
    if streams and os.environ.get("BENCH_SECONDS"):
        work(int(os.environ["BENCH_SECONDS"]), int(os.environ.get("BENCH_LONGEST", "2000")))
    if report := re.search("REPORT: (.*)", prompt):
        phrase = re.search("PHRASE: (.*)", prompt)
        text = f"# Done\n\n{phrase[1] if phrase else ''}\n"
        Path(report[1]).write_text(text, "utf-8")
    if streams:
        print(
            '{"type":"result","subtype":"success","is_error":false,'
            '"result":"done","session_id":"s"}',
            flush=True,
        )
    note("BENCH_SPANS", f"{report[1] if report else '-'} {began} {time.time_ns()}")
