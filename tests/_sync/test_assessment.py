# Generated from tests/_async/test_assessment.py. Do not edit.
"""What the assessor makes of the models' answers, and of none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from codeagent._runtime import sync_runtime as rt
from codeagent._sync import assessment
from codeagent._sync.assessment import Assessor
from codeagent._sync.http import HTTPClient
from codeagent._sync.io import IOManager
from codeagent._sync.llm import LLMManager
from codeagent.core.instructions import Instruction
from codeagent.core.llm.course import MOST_POSTPONEMENTS, POSTPONED_FOR
from codeagent.core.llm.settings import parse_llm_settings
from codeagent.core.retry import RetryPolicy
from codeagent.core.task import Task
from tests.support.models import Adviser, ModelServer, hang, refuse, setup
from tests.support.world import Recorder, config, layout

TASK = Task(id="t1", text="Build a shop", epoch=1)
STEP = Instruction(instruction_id=2, position=2, name="Work", template="")


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


class Rig:
    """An assessor, what it tells, and the time."""

    def __init__(self, server: ModelServer, directory: Path) -> None:
        settings = config()
        text = setup(("openai", server.url, ["one"]))
        environment = {"OPENAI_API_KEY": "sk-0123456789abcdef0123"}
        self.now = 1000.0
        self.sink = Recorder()
        http = HTTPClient(rt.NetworkOptions(timeout=5), retries=RetryPolicy(base=0.001))
        llm = parse_llm_settings(text, source="x", environment=environment)
        self.llm = LLMManager(llm, http, sink=self.sink, clock=lambda: self.now)
        self.assessor = Assessor(
            self.llm,
            config=settings,
            layout=layout(settings, directory),
            io=IOManager(),
            sink=self.sink,
            clock=lambda: self.now,
        )


def test_a_failure_is_commented_without_its_secrets(server: ModelServer, tmp_path: Path) -> None:
    server.answer = adviser = Adviser(failure_comment="The disk is full.\nFree some space.")
    rig = Rig(server, tmp_path)
    reason = "exit code 3: API_KEY=abcdefgh12345678 was refused"
    with rig.llm:
        comment = rig.assessor.comment_on_failure(TASK, STEP, reason)
    assert comment.startswith("The disk is full.")
    assert rig.sink.named("failure.commented") == [{"position": 2, "comment": comment}]
    ((_, prompt),) = adviser.asked
    assert "exit code 3" in prompt and "Work" in prompt
    assert "abcdefgh12345678" not in prompt


def test_without_a_comment_nothing_is_said(server: ModelServer, tmp_path: Path) -> None:
    server.answer = lambda seen: refuse(500)
    rig = Rig(server, tmp_path)
    with rig.llm:
        assert rig.assessor.comment_on_failure(TASK, STEP, "no report") == ""
    assert rig.sink.named("failure.commented") == []


def test_a_comment_that_takes_too_long_is_not_waited_for(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assessment, "COMMENT_PATIENCE", 0.05)
    server.answer = lambda seen: hang
    rig = Rig(server, tmp_path)
    with rig.llm:
        assert rig.assessor.comment_on_failure(TASK, STEP, "no report") == ""


def test_a_task_is_postponed_for_longer_each_time_and_then_gone_on_with(
    server: ModelServer, tmp_path: Path
) -> None:
    server.answer = Adviser(continuation={"decision": "postpone_task", "reason": "later"})
    rig = Rig(server, tmp_path)
    rig.assessor.comments_are({"Build a shop": "Выполнено успешно (1/3 инструкций)"})
    waits = []
    with rig.llm:
        while rig.assessor.where_to_begin(TASK, 3) is None:
            until = rig.assessor.postponed[TASK.id]
            waits.append(until - rig.now)
            rig.now = until
    assert waits == [POSTPONED_FOR * factor for factor in (1, 2, 4)]
    assert len(waits) == MOST_POSTPONEMENTS
    assert rig.assessor.postponed == {}
    (first, *_) = rig.sink.named("task.postponed")
    assert first == {"reason": "later", "until": 1000.0 + POSTPONED_FOR}


def test_plan_and_report_are_looked_at_together_after_the_first_instruction(
    server: ModelServer, tmp_path: Path
) -> None:
    insert = {"decision": "insert_instruction", "free_instruction_text": "mend it"}
    server.answer = adviser = Adviser(
        plan_match={"matches": False, "reason": "of another shop"}, report_verdict=insert
    )
    rig = Rig(server, tmp_path)
    project = layout(config(), tmp_path).project / "elsewhere"
    results = project / "docs/results"
    results.mkdir(parents=True)
    (results / "current_plan_t1.md").write_text("a plan", "utf-8")
    first = Instruction(1, 1, "Plan", "", check_report=True)
    second = Instruction(2, 2, "Work", "", check_report=True)
    with rig.llm:
        skip, text = rig.assessor.after_step(TASK, first, second, "a report", project)
        assert skip is not None
        assert "of another shop" in skip.reason
        assert text == "mend it"
        assert sorted(adviser.kinds()) == ["plan_match", "report_verdict"]
        assert rig.assessor.after_step(TASK, second, None, "a report", project) == (None, "")
        assert rig.assessor.after_step(TASK, second, first, " ", project) == (None, "")
    assert len(adviser.kinds()) == 2
