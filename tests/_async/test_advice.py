"""What models are asked in a task's life, with a server on the loopback and small agents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codeagent._async.server import AsyncCodeAgentServer
from codeagent.core.agents import Launch
from codeagent.core.events import Event
from codeagent.core.llm.settings import parse_llm_settings
from codeagent.core.task import TaskState
from tests.support.models import Adviser, ModelServer, hang, late, say, setup
from tests.support.world import (
    Clock,
    Recorder,
    agent_environment,
    config,
    layout,
    script,
    spied_store,
)

AGENT = """
import os, sys
task, _, name = sys.stdin.read().rpartition(': ')
with open('runs', 'a') as runs:
    runs.write(task + ': ' + name + '\\n')
if '(fails at ' + name + ')' in task and not os.path.exists('mended'):
    sys.exit(3)
with open('docs/results/' + name + '.md', 'w') as report:
    report.write('This is ' + name + '. Done!')
"""
GOOD = {"usefulness_percent": 90, "comment": "good"}
INSERT = {"decision": "insert_instruction", "free_instruction_text": "mend it"}


class Agent:
    label = "small"
    timeout = None
    silence = 0.0
    models = ()
    resumes = False
    announces = True

    def launch(self, prompt: str, **about: Any) -> Launch:
        return Launch(argv=script(AGENT).argv, stdin=prompt.encode())


def steps(*names: str, checked: str = "") -> list[dict[str, Any]]:
    """A sequence, and the form of what is inserted."""
    entries: list[dict[str, Any]] = [
        {
            "instruction_id": number,
            "name": name,
            "template": f"{{task_name}}: {name}",
            "wait_for_file": f"docs/results/{name}.md",
            "control_phrase": "Done!",
            "check_report": name == checked,
        }
        for number, name in enumerate(names, 1)
    ]
    free = {"template": "{free_instruction_text}: free", "wait_for_file": "docs/results/free.md"}
    return [*entries, {"instruction_id": "free", "control_phrase": "Done!", **free}]


class Rig:
    """One installation; `run` runs a server on it, which may be done again."""

    def __init__(self, directory: Path, models: ModelServer, todo: str, **answers: Any) -> None:
        self.directory = directory
        self.models = models
        self.adviser = Adviser(**{"usefulness": GOOD, **answers})
        models.answer = self.adviser
        self.layout = layout(config(), directory)
        (self.layout.project / "docs/results").mkdir(parents=True)
        self.list = self.layout.project / "todo.md"
        self.list.write_text(todo, "utf-8")
        self.sink = Recorder()
        self.clock = Clock()
        self.hooks: dict[str, Callable[[Event], None]] = {}
        self.server: AsyncCodeAgentServer

    def _announce(self, event: Event) -> None:
        self.sink(event)
        if event.name in self.hooks:
            self.hooks[event.name](event)

    async def run(self, sequence: list[dict[str, Any]] | None = None, **server: Any) -> int:
        settings = config(instructions={"default": sequence or steps("a", "b")}, server=server)
        text = setup(("openai", self.models.url, ["m"]))
        environment = {"OPENAI_API_KEY": "sk-0123456789abcdef0123"}
        llm = parse_llm_settings(text, source="llm_settings.yaml", environment=environment)
        with spied_store(self.directory) as store:
            self.server = AsyncCodeAgentServer(
                config=settings,
                layout=self.layout,
                adapter=Agent(),
                environment=agent_environment(),
                store=store,
                sink=self._announce,
                keep_watching=False,
                clock=self.clock,
                llm=llm,
            )
            try:
                return await self.server.run()
            finally:
                self.tasks = {task.text: task for task in store.tasks().result()}

    def runs(self) -> list[str]:
        """What the agents did, each once."""
        file = self.layout.project / "runs"
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return lines


@pytest.fixture
def models() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.mark.parametrize(
    ("verdict", "runs"),
    [
        ({"decision": "continue"}, ["one: a", "one: b"]),
        (INSERT, ["one: a", "mend it: free", "one: b"]),
        ({"decision": "insert_instruction", "free_instruction_text": ""}, ["one: a", "one: b"]),
        ({"decision": "stop_and_check", "reason": "odd"}, ["one: a", "one: b"]),
        ("no idea", ["one: a", "one: b"]),
    ],
)
async def test_a_report_decides_what_follows(
    tmp_path: Path, models: ModelServer, verdict: Any, runs: list[str]
) -> None:
    rig = Rig(tmp_path, models, "- [ ] one\n", report_verdict=verdict)
    assert await rig.run(steps("a", "b", checked="a")) == 0
    assert rig.runs() == runs
    assert "This is a." in rig.adviser.asked[-1][1]


async def test_the_last_report_is_not_judged(tmp_path: Path, models: ModelServer) -> None:
    rig = Rig(tmp_path, models, "- [ ] one\n", report_verdict=INSERT)
    assert await rig.run(steps("a", "b", checked="b")) == 0
    assert rig.adviser.kinds() == ["usefulness"]


async def test_an_insertion_that_fails_does_not_fail_the_task(
    tmp_path: Path, models: ModelServer
) -> None:
    insert = {**INSERT, "free_instruction_text": "do (fails at free)"}
    rig = Rig(tmp_path, models, "- [ ] one\n", report_verdict=insert)
    assert await rig.run(steps("a", "b", checked="a")) == 0
    assert rig.runs() == ["one: a", "do (fails at free): free", "one: b"]
    assert len(rig.sink.named("insertion.failed")) == 1


async def test_the_report_behind_which_a_task_was_stopped_is_judged_again(
    tmp_path: Path, models: ModelServer
) -> None:
    rig = Rig(tmp_path, models, "- [ ] one\n", report_verdict=INSERT)
    rig.hooks["report.judged"] = lambda event: rig.server.stop("for the test")
    sequence = steps("a", "b", checked="a")
    assert await rig.run(sequence) == 130
    rig.hooks.clear()
    rig.runs()
    assert await rig.run(sequence) == 0
    assert rig.runs() == ["mend it: free", "one: b"]
    assert rig.adviser.kinds() == ["usefulness", "report_verdict", "report_verdict"]


async def test_usefulness_and_plan_are_asked_side_by_side(
    tmp_path: Path, models: ModelServer
) -> None:
    rig = Rig(tmp_path, models, "- [ ] one\n")

    def met(seen: Any) -> Any:
        behaviour = late(rig.adviser(seen))
        if len(rig.adviser.asked) == 2:
            models.released.set()  # until then neither is answered
        return behaviour

    def plan(event: Event) -> None:
        name = f"current_plan_{event.task_id}.md"
        (rig.layout.project / "docs/results" / name).write_text("the plan", "utf-8")

    models.answer = met
    rig.hooks["task.started"] = plan
    assert await rig.run() == 0
    assert sorted(rig.adviser.kinds()[:2]) == ["plan_match", "usefulness"]


@pytest.mark.parametrize(
    ("check", "state"),
    [
        ({"is_adequate": True}, TaskState.SKIPPED),
        ({"is_adequate": False, "corrected_usefulness_percent": 60}, TaskState.DONE),
        ("?", TaskState.SKIPPED),
    ],
)
async def test_a_low_judgement_is_checked(
    tmp_path: Path, models: ModelServer, check: Any, state: TaskState
) -> None:
    low = {"usefulness_percent": 3, "comment": "noise"}
    rig = Rig(tmp_path, models, "- [ ] one\n", usefulness=low, self_check=check)
    assert await rig.run() == 0
    assert rig.tasks["one"].state is state
    assert rig.adviser.kinds() == ["usefulness", "self_check"]


@pytest.mark.parametrize(
    ("decision", "runs"),
    [
        ({"decision": "continue_from_last"}, ["one (fails at b): b", "one (fails at b): c"]),
        (
            {"decision": "continue_from_adjusted", "adjusted_instruction": 3},
            ["one (fails at b): c"],
        ),
        ({"decision": "restart"}, [f"one (fails at b): {name}" for name in "abc"]),
        ("?", [f"one (fails at b): {name}" for name in "abc"]),
    ],
)
async def test_a_sequence_that_has_changed_goes_on_where_the_model_says(
    tmp_path: Path, models: ModelServer, decision: Any, runs: list[str]
) -> None:
    rig = Rig(tmp_path, models, "- [ ] one (fails at b)\n", changed_instructions=decision)
    assert await rig.run(max_iterations=1) == 1
    rig.runs()
    (rig.layout.project / "mended").touch()
    assert await rig.run(steps("a", "b", "c")) == 0
    assert rig.runs() == runs
    assert rig.adviser.kinds() == ["usefulness", "failure_comment", "changed_instructions"] + (
        [] if "continue" in str(decision) else ["usefulness"]
    )


async def test_what_asks_for_the_same_is_done_once_and_the_order_stays(
    tmp_path: Path, models: ModelServer
) -> None:
    todo = "- [ ] write the server log\n- [ ] dance\n- [ ] write a log of the server\n- [ ] sing\n"
    rig = Rig(tmp_path, models, todo, similar="YES")
    assert await rig.run(steps("a")) == 0
    assert rig.runs() == ["write the server log: a", "dance: a", "sing: a"]
    assert rig.adviser.kinds().count("similar") == 1
    assert "- [ ] write a log of the server\n" in rig.list.read_text("utf-8")


async def test_what_the_model_does_not_know_to_be_the_same_is_done(
    tmp_path: Path, models: ModelServer
) -> None:
    todo = "- [ ] server one\n- [ ] server two\n"
    rig = Rig(tmp_path, models, todo, similar="perhaps")
    assert await rig.run(steps("a")) == 0
    assert rig.runs() == ["server one: a", "server two: a"]


@pytest.mark.parametrize(
    ("answer", "runs"),
    [({"decision": "redo_task"}, ["one: a", "one: b"]), ({"decision": "skip_redo"}, []), ("?", [])],
)
async def test_what_was_done_in_part_is_redone_once_if_the_model_says_so(
    tmp_path: Path, models: ModelServer, answer: Any, runs: list[str]
) -> None:
    todo = "- [x] one <!-- Выполнено успешно (3/8 инструкций) - 2026-01-01 00:00:00 -->\n"
    rig = Rig(tmp_path, models, todo, redo=answer)
    assert await rig.run() == 0
    assert rig.runs() == runs
    assert rig.adviser.kinds().count("redo") == 1
    assert rig.list.read_text("utf-8").startswith("- [x] one")
    if runs:
        assert "(2/2 инструкций)" in rig.list.read_text("utf-8")


async def test_what_was_done_in_part_may_be_postponed(tmp_path: Path, models: ModelServer) -> None:
    todo = (
        "- [ ] one <!-- Выполнено успешно (3/8 инструкций) - 2026-01-01 00:00:00 -->\n- [ ] two\n"
    )
    rig = Rig(tmp_path, models, todo, continuation={"decision": "postpone_task", "reason": "later"})

    def time_passes(event: Event) -> None:
        """The time to try again comes; the second time the models let the task go on."""
        rig.clock.advance(10_000)
        if len(rig.sink.named("task.postponed")) == 2:
            rig.adviser.answers["continuation"] = "?"

    rig.hooks["task.postponed"] = time_passes
    assert await rig.run() == 0
    assert sorted(rig.runs()) == ["one: a", "one: b", "two: a", "two: b"]
    assert [event["reason"] for event in rig.sink.named("task.postponed")] == ["later"] * 2
    assert rig.tasks["one"].attempts == 1


async def test_a_stop_while_a_model_thinks_leaves_the_task_pending(
    tmp_path: Path, models: ModelServer
) -> None:
    rig = Rig(tmp_path, models, "- [ ] one\n")
    models.scripted.append(hang)
    rig.hooks["llm.asked"] = lambda event: rig.server.stop("for the test")
    assert await rig.run(grace_period=0.1) == 130
    assert rig.tasks["one"].state is TaskState.PENDING
    rig.hooks.clear()
    models.scripted.clear()
    assert await rig.run() == 0


async def test_the_documentation_is_shown_and_reports_are_not(
    tmp_path: Path, models: ModelServer
) -> None:
    rig = Rig(tmp_path, models, "- [ ] one\n")
    docs = rig.layout.project / "docs"
    (docs / "b.md").write_bytes("﻿Second".encode())
    (docs / "a.TXT").write_text("First", "utf-8")
    (docs / "c.py").write_text("code", "utf-8")
    (docs / "huge.md").write_text("x" * 1_000_001, "utf-8")
    (docs / "results" / "old.md").write_text("an old report", "utf-8")
    assert await rig.run() == 0
    prompt = rig.adviser.asked[0][1]
    assert "# a.TXT\nFirst\n\n# b.md\nSecond\n" in prompt
    assert not any(word in prompt for word in ("code", "xxxx", "an old report"))


async def test_no_prompt_and_no_key_is_told(tmp_path: Path, models: ModelServer) -> None:
    rig = Rig(tmp_path, models, "- [ ] one\n")
    models.answer = lambda seen: say("nothing")
    assert await rig.run() == 0
    told = [event for event in rig.sink.events if event.name.startswith("llm.")]
    assert [event.name for event in told] == ["llm.asked", "llm.failed"]
    assert "Judge" not in repr(told) and "0123456789abcdef" not in repr(told)
