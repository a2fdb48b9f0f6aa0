"""A child process writes until it is killed; what it was promised must be there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from codeagent.core.task import StepState, TaskState, remaining
from codeagent.store import open_store

CHILD = """
import signal
import sys
from codeagent.core.task import StepState, Task, TaskState
from codeagent.store import open_store

store = open_store(sys.argv[1])
store.recover(1.0).result()
store.server_started("s", 1.0).result()
store.add_tasks([Task(f"task_{n}", f"text {n}", position=n) for n in range(300)]).result()

def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
    sys.stdout.flush()

for n in range(300):
    name = f"task_{n}"
    task = store.begin_attempt(name, path="sync", instructions=3, now=2.0).result()
    for position in (1, 2, 3):
        store.begin_step(name, task.epoch, position, position, "step", 3.0).result()
        store.step_process(name, task.epoch, position, 100000 + n, "started").result()
        store.finish_step(name, task.epoch, position, StepState.DONE, 4.0).result()
        say("step", name, position)
    store.finish_task(name, task.epoch, TaskState.DONE, 5.0).result()
    say("task", name)
signal.pause()
"""


@pytest.mark.parametrize("lines", [1, 7, 30])
def test_what_was_acknowledged_survives_kill_9(path: Path, lines: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        heard = [child.stdout.readline().split() for _ in range(lines)]
        child.kill()
        heard += [line.split() for line in child.stdout if line.endswith("\n")]
    steps = {(word[1], int(word[2])) for word in heard if word[0] == "step"}
    tasks = {word[1] for word in heard if word[0] == "task"}

    with open_store(path) as store:
        recovery = store.recover(10.0).result()
        assert not recovery.clean
        assert len(recovery.tasks) <= 1
        assert len(recovery.processes) <= 1
        by_id = {task.id: task for task in store.tasks().result()}
        assert len(by_id) == 300
        assert all(by_id[name].state is TaskState.DONE for name in tasks)
        stored = {(task.id, done) for task in by_id.values() for done in task.completed}
        # At most the one that was on its way when the child died was not heard of.
        assert steps <= stored and len(stored - steps) <= 1
        assert all(
            task.completed == tuple(range(1, task.last_completed + 1)) for task in by_id.values()
        )
        for task in recovery.tasks:
            again = store.begin_attempt(task.id, path="async", instructions=3, now=11.0).result()
            assert again.epoch == 2
            for position in remaining(again):
                store.begin_step(task.id, 2, position, position, "step", 12.0).result()
                store.finish_step(task.id, 2, position, StepState.DONE, 13.0).result()
            store.finish_task(task.id, 2, TaskState.DONE, 14.0).result()
        done = [
            (event.task_id, event.data["position"])
            for _, event in store.events(0, 10_000).result()
            if event.name == "instruction.done"
        ]
        assert len(done) == len(set(done)), "an instruction was completed twice"
