"""A coding agent for tests that does what `sample_project` asks for, and at times goes wrong.

It runs as a program of its own, without `codeagent`, takes its prompt on standard
input and speaks Cursor's stream of JSON events.  What it leaves wrong in one run
it mends in the next that goes well; files in conflict it joins by keeping both sides.

The environment says what happens: ``CHAOS_RATE`` is how often something goes
wrong (0.2), ``CHAOS_FAULTS`` which of `FAULTS` may (all), ``CHAOS_SEED`` makes
another course of it, ``CHAOS_SECONDS`` is how long a run takes (0), and every
run is recorded in the file ``CHAOS_RECORDS``: what happens depends on the seed,
the task and the number of its runs only.
"""

# pathlib would take as long to import as all the rest.
# ruff: noqa: PTH103, PTH109, PTH110, PTH118, PTH120, PTH123, PTH208

import json
import os
import re
import signal
import sys
import time
from hashlib import sha256

FAULTS = {
    "hang": "says hello, then nothing more",
    "heartbeats": "says nothing but that it lives",
    "die": "does the work wrongly and exits with 1, without a word",
    "killed": "does the work and is killed",
    "no-exit": "gives its result and does not exit",
    "nothing": "exits with 0 and has done nothing at all",
    "idle": "reports success and has changed nothing",
    "no-report": "does the work and writes no report",
    "half-report": "writes a report without its last line",
    "grandchild": "leaves a process that holds the output open",
    "stray": "leaves a process in a session of its own",
    "huge": "writes a line of eight megabytes",
    "unknown": "writes events that nobody knows, and lines that are none",
    "noise": "floods standard error",
    "rate-limit": "is told that there were too many requests",
    "overloaded": "is told that the provider is overloaded",
    "context": "is told that the chat is too long",
    "wrong": "does the work wrongly",
    "secret": "writes down a key",
    "markers": "leaves a conflict unresolved",
    "leftover": "leaves a file of a failed patch",
    "commit": "commits by itself",
}

TASK = re.compile(r"Add a function item_(\d+) that returns \d+ to (\S+)")
MEMORY = os.path.join(".codeagent", "chaos-task")
TAG = "# chaos"


def main() -> int:
    prompt = sys.stdin.buffer.read().decode("utf-8", "replace")
    number, file = recall(prompt)
    fault = choose(number)
    say(type="system", subtype="init", session_id="chaos", model="chaos", cwd=os.getcwd())
    if fault in BEFORE:
        return BEFORE[fault]()
    time.sleep(float(os.environ.get("CHAOS_SECONDS", "0")))
    if fault != "idle":
        tool("write", path=file)
        join_conflicts()
        edit(number, file, fault)
        aside(file, fault)
    if fault == "die":
        return 1
    if fault == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    report(prompt, fault)
    say(type="result", subtype="success", is_error=False, result="done", session_id="chaos")
    if fault == "no-exit":
        time.sleep(3600)
    return 0


def recall(prompt: str) -> tuple[int, str]:
    """What is asked for; a prompt that goes on with a chat need not repeat it."""
    found = TASK.search(prompt)
    if found is None:
        with open(MEMORY, encoding="utf-8") as memory:
            found = TASK.search(memory.read())
    assert found is not None, "the prompt asks for nothing that is known here"
    os.makedirs(os.path.dirname(MEMORY), exist_ok=True)
    with open(MEMORY, "w", encoding="utf-8") as memory:
        memory.write(found[0])
    return int(found[1]), found[2].rstrip(".,")


def choose(number: int) -> str:
    """What goes wrong in this run, "" for nothing; the run is recorded."""
    place = os.environ.get("CHAOS_RECORDS", "")
    runs = 0
    if place and os.path.exists(place):
        with open(place, encoding="utf-8") as records:
            runs = sum(json.loads(line)["item"] == number for line in records)
    seed = os.environ.get("CHAOS_SEED", "0")
    dice = int.from_bytes(sha256(f"{seed}:{number}:{runs}".encode()).digest()[:8], "big")
    faults = os.environ.get("CHAOS_FAULTS", "").replace(",", " ").split() or list(FAULTS)
    chance, which = divmod(dice, len(faults))
    wrong = chance * len(faults) / 2**64 < float(os.environ.get("CHAOS_RATE", "0.2"))
    fault = faults[which] if wrong else ""
    if place:
        about = {
            "item": number,
            "run": runs,
            "fault": fault,
            "pid": os.getpid(),
            "cwd": os.getcwd(),
        }
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(descriptor, json.dumps(about).encode() + b"\n")
        os.close(descriptor)
    return fault


def hang() -> int:
    time.sleep(3600)
    return 0


def heartbeats() -> int:
    for _ in range(36_000):
        say(type="heartbeat")
        time.sleep(0.1)
    return 0


def rate_limit() -> int:
    sys.stderr.write("Error: 429 Too Many Requests: rate limit exceeded, try again later\n")
    return 1


def overloaded() -> int:
    return give_up('API Error: 529 {"type":"overloaded_error","message":"Overloaded"}')


def context() -> int:
    return give_up("prompt is too long: 213000 tokens > 200000 maximum")


def give_up(reason: str) -> int:
    say(type="result", subtype="error", is_error=True, result=reason, session_id="chaos")
    return 1


BEFORE = {
    "hang": hang,
    "heartbeats": heartbeats,
    "nothing": lambda: 0,
    "rate-limit": rate_limit,
    "overloaded": overloaded,
    "context": context,
}


def edit(number: int, file: str, fault: str) -> None:
    """Put the function into the file, in the place of an earlier one."""
    text = ""
    if os.path.exists(file):
        with open(file, encoding="utf-8") as old:
            text = old.read()
    text = re.sub(rf"\n*^def item_{number}\(\):\n    return .*\n", "\n", text, flags=re.M)
    text = "".join(line for line in text.splitlines(True) if TAG not in line).rstrip("\n")
    value = number + 1 if fault in ("wrong", "die") else number
    body = f"def item_{number}():\n    return {value}\n"
    text = f"{text}\n\n\n{body}" if text else body
    if fault == "secret":
        digits = sha256(str(number).encode()).hexdigest()
        text += f'\n\nSIGNING_KEY = "{digits[:40]}"  {TAG}\n'
    if fault == "markers":
        text += f"<<<<<<< ours\n# one  {TAG}\n=======\n# other  {TAG}\n>>>>>>> theirs\n"
    os.makedirs(os.path.dirname(file) or ".", exist_ok=True)
    with open(file, "w", encoding="utf-8") as new:
        new.write(text)


def join_conflicts() -> None:
    """Keep both sides of whatever is in conflict in the package."""
    for name in sorted(os.listdir("tally")):
        path = os.path.join("tally", name)
        if not name.endswith(".py"):
            continue
        with open(path, encoding="utf-8") as old:
            lines = old.readlines()
        if not any(line.startswith("<<<<<<< ") for line in lines):
            continue
        kept, base = [], False
        for line in lines:
            if line.startswith("||||||| "):
                base = True
            elif line.startswith(("<<<<<<< ", ">>>>>>> ", "=======\n")):
                base = False
                kept.append("\n\n")
            elif not base:
                kept.append(line)
        with open(path, "w", encoding="utf-8") as new:
            new.write("".join(kept))


def aside(file: str, fault: str) -> None:
    """What goes wrong beside the work."""
    if fault == "leftover":
        with open(f"{file}.orig", "w", encoding="utf-8") as left:
            left.write("left over\n")
    if fault == "huge":
        say(type="assistant", message={"content": [{"type": "text", "text": "x" * 8_000_000}]})
    if fault == "unknown":
        say(type="telemetry", subtype="v9", data={"a": [None]})
        print('[debug] no event {"type":', flush=True)
        print('{"type": "result", "cut": ', flush=True)
    if fault == "noise":
        sys.stderr.write("noise\n" * 50_000)
    if fault in ("grandchild", "stray"):
        import subprocess

        subprocess.Popen(["sleep", "3600"], start_new_session=fault == "stray")
    if fault == "commit":
        import subprocess

        identity = ["-c", "user.name=Chaos", "-c", "user.email=chaos@example.org"]
        subprocess.run(["git", "add", "-A", "--", "tally"], check=True)
        subprocess.run(
            ["git", *identity, "commit", "-q", "--allow-empty", "-m", "by myself"], check=True
        )


def report(prompt: str, fault: str) -> None:
    path = find(r"^REPORT: (.*)$", prompt) or find(r"to the file (\S+)$", prompt)
    phrase = find(r"^PHRASE: (.*)$", prompt) or find(r"must end with .*\n(.*)$", prompt)
    if not path or fault == "no-report":
        return
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write("# Report\n\nDone.\n" + ("" if fault == "half-report" else f"\n{phrase}\n"))


def find(pattern: str, text: str) -> str:
    found = re.findall(pattern, text, re.MULTILINE)
    return found[-1].strip() if found else ""


def tool(name: str, **arguments: object) -> None:
    call = {f"{name}ToolCall": {"args": arguments, "result": {"success": {}}}}
    say(type="tool_call", subtype="started", call_id="1", tool_call=call, session_id="chaos")
    say(type="tool_call", subtype="completed", call_id="1", tool_call=call, session_id="chaos")


def say(**event: object) -> None:
    print(json.dumps(event), flush=True)


if __name__ == "__main__":
    sys.exit(main())
