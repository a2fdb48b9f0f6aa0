# Generated from src/_async/assessment.py. Do not edit.
"""What the models are asked about a task while it runs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from .._runtime import sync_runtime as rt
from ..core.config import Config
from ..core.events import Event, Sink
from ..core.handover import Memory
from ..core.instructions import Instruction
from ..core.layout import Layout
from ..core.llm.course import (
    NextStep,
    ReportVerdict,
    changed_instructions,
    continuation,
    postponed_until,
    report_verdict,
)
from ..core.llm.questions import (
    Usefulness,
    failure_comment,
    plan_match,
    self_check,
    usefulness,
)
from ..core.llm.skips import Skip, skip_off_plan, skip_useless
from ..core.reconcile import normalised
from ..core.redact import redact
from ..core.task import Task
from ..core.todo import parse_done_comment
from .documentation import Documentation
from .io import IOManager
from .llm import LLMManager

logger = logging.getLogger(__name__)

LARGEST_PLAN = 1_000_000
"""Bytes; what is larger is no plan."""


COMMENT_PATIENCE = 30.0
"""Seconds for which a remark on a failure is waited for."""


class Assessor:
    """Asks whether, where and how a task is to go on.

    Every answer has a default, with which a task goes on as if nobody had asked.
    """

    def __init__(
        self,
        llm: LLMManager,
        *,
        config: Config,
        layout: Layout,
        io: IOManager,
        sink: Sink,
        clock: Callable[[], float],
        memory: Memory | None = None,
    ) -> None:
        memory = memory or Memory()
        self._llm = llm
        self._io = io
        self._documentation = Documentation(config, layout)
        self._project, self._results = layout.project, config.docs.results_dir
        self._sink = sink
        self._clock = clock
        self._comments: dict[str, str] = {}
        self._times_postponed = memory.times_postponed
        self.postponed = memory.postponed
        """The ids of the tasks that are not to be run yet, and when (`clock`) they may be."""

    def comments_are(self, comments: dict[str, str]) -> None:
        """What stands behind the items of the list, by their normalised texts."""
        self._comments = comments

    def where_to_begin(self, task: Task, instructions: int) -> int | None:
        """The position at which an attempt begins if the sequence has changed.

        None if the task, done in part before, is better postponed; `postponed`
        says until when.
        """
        if self.postponed.get(task.id, 0.0) > self._clock():
            return None
        self.postponed.pop(task.id, None)
        comment = self._comments.get(normalised(task.text), "")
        counted = parse_done_comment(comment)
        if counted is not None and counted[0] < counted[1]:
            decision = self._llm.put(continuation(task.text, comment), task=task.id)
            if not decision.yes and self._postpone(task, decision.reason):
                return None
        if not task.completed or task.total_instructions == instructions:
            return 1
        found = self._llm.put(
            changed_instructions(
                task.text, task.last_completed, task.total_instructions, instructions
            ),
            task=task.id,
        )
        return found.position

    def _postpone(self, task: Task, reason: str) -> bool:
        """Whether the task is not to be run now."""
        now = self._clock()
        times = self._times_postponed[task.id] = self._times_postponed.get(task.id, 0) + 1
        until = postponed_until(times, now)
        if until is None:
            return False
        self.postponed[task.id] = until
        self._say("task.postponed", task, reason=reason, until=round(until, 3))
        return True

    def reason_to_skip(self, task: Task) -> Skip | None:
        """Why the task is not to be done; its usefulness and its plan are looked at together.

        What has been begun counts as useful.
        """
        with rt.TaskGroup() as group:
            off_plan = group.start_soon(self.off_plan, task)
            useless = None if task.completed else group.start_soon(self._useless, task)
        skip = None if useless is None else useless.wait()
        return skip or off_plan.wait()

    def _useless(self, task: Task) -> Skip | None:
        docs = self._documentation.read()
        found: Usefulness = self._llm.put(usefulness(task.text, docs), task=task.id)
        if found.is_doubtful:
            found = self._llm.put(self_check(task.text, docs, found), task=task.id)
        return skip_useless(found, task.id)

    def off_plan(self, task: Task, project: Path | None = None) -> Skip | None:
        """Why the task is not to be done by its plan, if there is one in ``project``."""
        plan = self._text(project or self._project, f"current_plan_{task.id}.md")
        if not plan.strip():
            return None
        found = self._llm.put(plan_match(task.text, plan), task=task.id)
        return skip_off_plan(found, task.id)

    def what_follows(
        self, task: Task, instruction: Instruction, following: Instruction, report: str
    ) -> str:
        """What is to be done before ``following``, judging by a report; "" if nothing is."""
        verdict: ReportVerdict = self._llm.put(
            report_verdict(task.text, instruction.name, report, following.name), task=task.id
        )
        self._say(
            "report.judged",
            task,
            position=instruction.position,
            action=verdict.action.value,
            reason=verdict.reason[:200],
        )
        if verdict.action is NextStep.STOP_AND_CHECK:
            logger.warning(
                "a person should look at instruction %d of %r: %s",
                instruction.position,
                task.text,
                verdict.reason,
            )
        inserts = verdict.action is NextStep.EXECUTE_FREE_INSTRUCTION
        return verdict.free_instruction_text if inserts else ""

    def after_step(
        self,
        task: Task,
        instruction: Instruction,
        following: Instruction | None,
        report: str,
        project: Path,
    ) -> tuple[Skip | None, str]:
        """Why the task is not to be gone on with, and what is to be done before ``following``.

        The plan in ``project`` is looked at once the first instruction has made it, the
        report where it is to be checked and something follows; both at the same time.
        """
        checked = following is not None and instruction.check_report and bool(report.strip())
        with rt.TaskGroup() as group:
            plan = judged = None
            if instruction.position == 1:
                plan = group.start_soon(self.off_plan, task, project)
            if following is not None and checked:
                judged = group.start_soon(self.what_follows, task, instruction, following, report)
        skip = None if plan is None else plan.wait()
        return skip, "" if judged is None else judged.wait()

    def comment_on_failure(self, task: Task, instruction: Instruction, reason: str) -> str:
        """A remark for people on why the agent failed at ``instruction``; "" if there is none.

        Nothing depends on it, so it is not waited for longer than `COMMENT_PATIENCE`.
        """
        comment = ""
        with rt.CancelScope(COMMENT_PATIENCE):
            comment = self._llm.put(failure_comment(instruction.name, redact(reason)), task=task.id)
        if comment:
            logger.info("on the failure of instruction %d: %s", instruction.position, comment)
            self._say("failure.commented", task, position=instruction.position, comment=comment)
        return comment

    def _text(self, project: Path, name: str) -> str:
        try:
            snapshot = self._io.snapshot(project / self._results / name, LARGEST_PLAN)
        except OSError as error:
            logger.warning("%s cannot be read: %s", name, error)
            return ""
        return "" if snapshot is None else snapshot.data.decode("utf-8", "replace")

    def _say(self, name: str, task: Task, /, **data: object) -> None:
        self._sink(Event(name, self._clock(), task.id, task.epoch, data))
