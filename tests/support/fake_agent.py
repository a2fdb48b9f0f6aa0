"""A coding agent for tests, run as a program of its own and without `codeagent`.

It takes the command lines of Cursor's program, modern (prompt on standard
input, JSON events) and old (prompt as an argument, text), records what it was
given, adds a line to ``work.txt``, and writes the report that the prompt names.

The environment says where to record (``FAKE_AGENT_RECORDS``) and at which gate
to wait (``FAKE_AGENT_GATE``, a FIFO), and how many seconds to be slow
(``FAKE_AGENT_SLEEP``).  A task's text may hold ``(fails at N)``
or ``(waits at N)``: what to do at the instruction with the position N.
"""

# pathlib would take as long to import as all the rest.
# ruff: noqa: PTH103, PTH109, PTH110, PTH120, PTH123

import json
import os
import re
import sys
import time


def main() -> int:
    arguments = sys.argv[1:]
    streams = "stream-json" in arguments
    given = sys.stdin.buffer.read().decode()
    prompt = given if streams else arguments[arguments.index("-p") + 1]
    task = find(r"^(?:Task|Задача): (.*)$", prompt)
    report = find(r"^REPORT: (.*)$", prompt) or find(r"to the file (\S+)$", prompt)
    phrase = find(r"^PHRASE: (.*)$", prompt) or find(r"must end with .*\n(.*)$", prompt)
    step = int(find(r"^STEP: (\d+)$", prompt) or (1 if "/work_" in report else 2))
    record(task, step, given)
    if streams:
        say(type="system", subtype="init", session_id="s", model="fake", cwd=os.getcwd())
    if seconds := os.environ.get("FAKE_AGENT_SLEEP"):
        time.sleep(float(seconds))
    if f"(waits at {step})" in task:
        with open(os.environ["FAKE_AGENT_GATE"]) as gate:
            gate.read()
    if f"(fails at {step})" in task:
        sys.stderr.write("the fake agent fails\n")
        return 3
    with open("work.txt", "a", encoding="utf-8") as file:
        file.write(f"{task}: {step}\n")
    if report:
        os.makedirs(os.path.dirname(report) or ".", exist_ok=True)
        with open(report, "w", encoding="utf-8") as file:
            file.write(f"# {task}\n\n{phrase}\n")
    if streams:
        say(type="result", subtype="success", is_error=False, result="done", session_id="s")
    else:
        print("done")
    return 0


def find(pattern: str, text: str) -> str:
    found = re.findall(pattern, text, re.MULTILINE)
    return found[-1].strip() if found else ""


def record(task: str, step: int, given: str) -> None:
    place = os.environ.get("FAKE_AGENT_RECORDS")
    if not place:
        return
    lists = {}
    for name in ("todo.md", "todo.txt", "todo.yaml"):
        if os.path.exists(name):
            with open(name, encoding="utf-8", newline="") as file:
                lists[name] = file.read()
    about = {
        "pid": os.getpid(),
        "argv": sys.argv,
        "cwd": os.getcwd(),
        "stdin": given,
        "environment": dict(os.environ),
        "lists": lists,
        "task": task,
        "step": step,
    }
    line = json.dumps(about).encode() + b"\n"
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, line)
    os.close(descriptor)


def say(**event: object) -> None:
    print(json.dumps(event), flush=True)


if __name__ == "__main__":
    sys.exit(main())
