# Generated from src/_async/instructions.py. Do not edit.
"""Runs one instruction: prompt in, accepted report out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from .._runtime import sync_runtime as rt
from ..core import report as rules
from ..core.agent_run import Ending, Limits
from ..core.agents import Adapter
from ..core.config import Config
from ..core.events import Event, Sink
from ..core.failure import Failure, FailureKind, classify
from ..core.instructions import (
    FREE_ID,
    Flow,
    Instruction,
    InstructionError,
    Rendered,
    free_instruction,
    free_values,
    render,
    task_values,
)
from ..core.layout import Layout
from ..core.screening import REFUSAL, reason_to_refuse
from ..core.streams import AgentEvent, AgentEventKind
from ..core.task import StepState, Task
from ..core.times import local
from ..core.workspace import Workspace
from ..store import Store
from .agent_port import AgentJob, Agents
from .agents import AgentOutcome
from .io import IOManager

logger = logging.getLogger(__name__)

TOLD = frozenset({AgentEventKind.INIT, AgentEventKind.TOOL_STARTED, AgentEventKind.RESULT})
"""What an agent does that is worth telling people while it happens."""

LONGEST_KILL = 10.0
"""Seconds that an agent gets to end once it is asked; some do not listen at all."""

REPORT_PATIENCE = 60.0
"""Seconds from an agent's end until its report must be there, unless configured."""


class AgentUnusable(Exception):
    """No task can be run with this agent; a person has to see to it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """Where, by whom and in which chat an instruction is carried out.

    ``preamble`` is what the agent is told ahead of it.
    """

    workspace: Workspace
    adapter: Adapter
    model: str | None = None
    session: str | None = None
    preamble: str = ""


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """The task after the instruction, and why the agent failed if it did.

    ``report`` is the text of the report, ``session`` the chat, where there is one;
    ``tools_ran`` counts the tools that were called.
    """

    task: Task
    failure: Failure | None = None
    report: str = ""
    session: str | None = None
    tools_ran: int = 0

    @property
    def reason(self) -> str:
        """Why the agent failed, "" if it did not."""
        return "" if self.failure is None else self.failure.reason

    @property
    def unusable(self) -> bool:
        """Whether every other task would fail with this agent in the same way."""
        return self.failure is not None and self.failure.unusable


class InstructionRunner:
    """Has an agent carry out instructions, each recorded before it counts."""

    def __init__(
        self,
        *,
        config: Config,
        layout: Layout,
        store: Store,
        io: IOManager,
        agents: Agents,
        sink: Sink,
        journal: Sink,
        clock: Callable[[], float],
    ) -> None:
        self._config = config
        self._layout = layout
        self._store = store
        self._io = io
        self._agents = agents
        self._sink = sink
        self._journal = journal
        self._clock = clock

    def run(self, task: Task, instruction: Instruction, manner: Manner) -> StepOutcome:
        """Carry out ``instruction`` of ``task``.

        Raises `Fenced` if another attempt has taken the task over, `StoreError`
        if the outcome cannot be kept, `OSError` for a disk that refuses.
        """
        began = self._clock()
        position, name = instruction.position, instruction.name
        limits = self._limits(instruction, manner.adapter)
        about = {"position": position, "total": task.total_instructions, "name": name}
        rt.wait_for_future(
            self._store.begin_step(task.id, task.epoch, position, _number(instruction), name, began)
        )
        self._say("instruction.started", task, **about, timeout=limits.work)
        rendered = self._rendered(task, instruction, began)
        outcome = self._carry_out(task, instruction, rendered, limits, manner)
        failure = self._judge(outcome, limits, manner)
        reason = "" if failure is None else failure.reason
        ended = self._clock()
        report = outcome.report
        task = rt.wait_for_future(
            self._store.finish_step(
                task.id,
                task.epoch,
                position,
                StepState.DONE if failure is None else StepState.FAILED,
                ended,
                error=reason or None,
                report=report.path if report else None,
                digest=report.digest if report else None,
            )
        )
        if report is not None:
            self._say("report.seen", task, file=report.path, waited=round(ended - began, 3))
        seconds = round(ended - began, 3)
        if failure is None:
            self._say("instruction.done", task, **about, seconds=seconds)
        else:
            logger.info("instruction %d failed: %s", position, reason)
            if outcome.stderr:
                logger.info("the end of its standard error: %s", outcome.stderr[-2000:])
            self._say("instruction.failed", task, **about, reason=reason, seconds=seconds)
        return _outcome(task, failure, outcome)

    def insert(self, task: Task, position: int, text: str, manner: Manner) -> StepOutcome:
        """Carry out what ``text`` says, behind the instruction at ``position``.

        It belongs to no sequence, so it is told of but not recorded as a step.
        """
        began = self._clock()
        about = {"position": position, "total": task.total_instructions}
        default = self._config.runtime.instruction_timeout
        try:
            form = free_instruction(self._config.instructions, default_timeout=default)
        except InstructionError as error:
            self._say("insertion.failed", task, **about, reason=str(error), seconds=0.0)
            return StepOutcome(task, Failure(FailureKind.CONFIGURATION, str(error)))
        instruction = replace(form, position=position)
        limits = self._limits(instruction, manner.adapter)
        self._say("insertion.started", task, **about, name=form.name, timeout=limits.work)
        values = free_values(task_id=task.id, text=text, now=local(began))
        rendered = render(instruction, values, Flow.FREE)
        outcome = self._carry_out(task, instruction, rendered, limits, manner)
        failure = self._judge(outcome, limits, manner)
        seconds = round(self._clock() - began, 3)
        if failure is not None:
            self._say("insertion.failed", task, **about, reason=failure.reason, seconds=seconds)
        else:
            self._say("insertion.done", task, **about, seconds=seconds)
        return _outcome(task, failure, outcome)

    def report_of(self, task: Task, instruction: Instruction, manner: Manner) -> str:
        """The report of an instruction of an earlier attempt, "" if it is not there any more."""
        rendered = self._rendered(task, instruction, self._clock())
        try:
            for name in self._report_names(task, rendered, manner):
                path = manner.workspace.path / name
                snapshot = self._io.snapshot(path, rules.MAX_BYTES)
                if snapshot is not None and snapshot.data.strip():
                    return snapshot.data.decode("utf-8", "replace")
        except (rules.ReportPathError, OSError) as error:
            logger.info("no earlier report of instruction %d: %s", instruction.position, error)
        return ""

    def _rendered(self, task: Task, instruction: Instruction, now: float) -> Rendered:
        values = task_values(
            task_id=task.id, text=task.text, position=instruction.position, now=local(now)
        )
        return render(instruction, values)

    def _judge(self, outcome: AgentOutcome, limits: Limits, manner: Manner) -> Failure | None:
        """Why the agent failed, None if it did not."""
        if outcome.ending is Ending.SUCCEEDED:
            return None
        failure = classify(
            outcome.ending,
            reason=outcome.reason,
            now=self._clock(),
            exit_code=outcome.exit_code,
            result_text=outcome.error_text,
            stderr=outcome.stderr,
            invalid_lines=outcome.plain,
            tools_ran=outcome.tools_ran > 0,
            resets_at=outcome.reset_at,
            tokens=sum(outcome.usage.values()) if outcome.usage else None,
            agent=manner.adapter.label,
            shortcomings=outcome.shortcomings,
            predecessor=self._config.predecessor,
            limits=limits,
        )
        if outcome.exit_code is not None and not manner.adapter.announces:
            return replace(failure, tools_ran=True)  # it does not tell of its tools
        return failure

    def _carry_out(
        self,
        task: Task,
        instruction: Instruction,
        rendered: Rendered,
        limits: Limits,
        manner: Manner,
    ) -> AgentOutcome:
        if self._config.predecessor and (why := reason_to_refuse(rendered.prompt)):
            return AgentOutcome(ending=Ending.FAILED, reason=f"{REFUSAL}: {why}")
        try:
            names = self._report_names(task, rendered, manner)
        except rules.ReportPathError as error:
            return AgentOutcome(ending=Ending.FAILED, reason=str(error))
        return self._drive(task, instruction, rendered, limits, names, manner)

    def _drive(
        self,
        task: Task,
        instruction: Instruction,
        rendered: Rendered,
        limits: Limits,
        names: tuple[str, ...],
        manner: Manner,
    ) -> AgentOutcome:
        workspace = manner.workspace
        prompt = manner.preamble + rendered.prompt
        launch = manner.adapter.launch(
            prompt,
            session=manner.session,
            model=manner.model,
            workspace=str(workspace.path),
            report=rendered.report or "",
            phrase=rendered.phrase or "",
        )
        words = ["<prompt>" if word == prompt else word for word in launch.argv]
        self._note("instruction.rendered", task, position=instruction.position, text=prompt)
        self._note("agent.launched", task, argv=words)
        began = self._clock()

        def record(pid: int, started: str) -> rt.Future[None] | None:
            if instruction.instruction_id == FREE_ID:
                return None
            position = instruction.position
            return self._store.step_process(task.id, task.epoch, position, pid, started)

        def on_start(pid: int) -> None:
            self._say("agent.started", task, pid=pid, command=Path(launch.argv[0]).name)

        def on_event(event: AgentEvent) -> None:
            if event.kind in TOLD:
                text = (event.tool or event.model or "") + (f" {event.text}" if event.text else "")
                self._say("agent.progress", task, kind=event.kind.value, text=text.strip()[:200])

        outcome = self._agents.run(
            AgentJob(
                launch=launch,
                limits=limits,
                cwd=workspace.path,
                log=self._raw_log(task, instruction),
                reports=names,
                phrase=rendered.phrase,
                environment=None if workspace.in_place else workspace.environment,
                mark=f"{task.id}-a{task.epoch}-{instruction.position} {self._layout.state}",
                record=record,
                on_start=on_start,
                on_event=on_event,
            )
        )
        self._note(
            "agent.ended",
            task,
            exit_code=outcome.exit_code,
            seconds=round(self._clock() - began, 3),
            stdout=outcome.text,
            stderr=outcome.stderr,
        )
        if drift := outcome.drift:
            self._say("agent.drift", task, **drift)
        if (report := outcome.report) is not None:
            self._note("report.read", task, file=report.path, text=report.text)
        return outcome

    def _report_names(self, task: Task, rendered: Rendered, manner: Manner) -> tuple[str, ...]:
        if not rendered.report:
            return ()
        rules.resolve_inside(manner.workspace.path, rendered.report)
        if self._config.predecessor:
            return rules.candidates(rendered.report, task.id)
        return (rendered.report,)

    def _raw_log(self, task: Task, instruction: Instruction) -> Path:
        free = "-free" if instruction.instruction_id == FREE_ID else ""
        name = f"{instruction.position:02d}{free}-a{task.epoch}.log"
        return self._layout.logs / "agents" / task.id / name

    def _limits(self, instruction: Instruction, adapter: Adapter) -> Limits:
        runtime = self._config.runtime
        silence = adapter.silence
        report = runtime.report_timeout
        if report is None:
            report = instruction.timeout if self._config.predecessor else REPORT_PATIENCE
        return Limits(
            work=adapter.timeout or instruction.timeout,
            silence=runtime.idle_timeout if silence is None else silence,
            report=report,
            exit=runtime.exit_grace,
            kill=min(runtime.grace_period, LONGEST_KILL),
            handshake=runtime.handshake_timeout,
            tool=runtime.tool_timeout,
            tool_grace=runtime.tool_grace,
        )

    def _note(self, name: str, task: Task, /, **data: object) -> None:
        """What only the task's own log is to have."""
        self._journal(Event(name, self._clock(), task.id, task.epoch, data))

    def _say(self, name: str, task: Task, /, **data: object) -> None:
        self._sink(Event(name, self._clock(), task.id, task.epoch, data))


def _outcome(task: Task, failure: Failure | None, outcome: AgentOutcome) -> StepOutcome:
    report = outcome.report.text if outcome.report else ""
    return StepOutcome(task, failure, report, outcome.session, outcome.tools_ran)


def _number(instruction: Instruction) -> int:
    number = instruction.instruction_id
    return number if isinstance(number, int) else 0
