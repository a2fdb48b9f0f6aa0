# Generated from src/_async/agents.py. Do not edit.
"""Runs an agent's process from its start to its end."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from .._runtime import sync_runtime as rt
from .._runtime.children import end_marked
from ..core.agent_record import AgentRecord
from ..core.agent_run import Action, AgentRun, Ending, Limits
from ..core.agents import Launch
from ..core.errors import first
from ..core.refusal import refusal
from ..core.streams import AgentEvent, AgentEventKind, Counters
from .raw_log import RawLog
from .reports import Report, ReportWatch

logger = logging.getLogger(__name__)

DRAIN = 1.0
"""Seconds that output may take to arrive once the process has ended: what it
left behind can hold the pipe open for ever."""

TAIL = 64 * 1024
"""Bytes of standard error that are kept for the error message."""

LAST_LOOK = 0.05
"""Seconds in which what lies in the pipe is read before time counts as up."""

SWEEPS = 5
"""How often processes that an agent left behind are looked for while there are any."""

STATE_MARK = "CODEAGENT_STATE"
"""The variable by which all processes of a server are known; every agent gets the driver's."""

RUN_MARK = "CODEAGENT_RUN"
"""The variable by which the processes of one run are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOutcome:
    """How a run ended, with what it left to know.

    ``reason`` says in one sentence why it was no success, ``shortcomings``
    what is wrong with a report that is there; ``stderr`` is the end of what it
    wrote there, ``text`` the last thing it said.

    ``result_text`` is what it announced as its result, or the error that it
    reported last if there was no result; None if there was neither.  ``is_error``
    says that it is an error, ``code`` is the status or name that the agent gave
    it, and ``reset_at`` when a used-up allowance is renewed (seconds since the
    epoch).  ``plain`` are the last lines among its events that were none.
    ``tools_ran`` counts the tools that it called.
    """

    ending: Ending
    reason: str = ""
    shortcomings: str = ""
    exit_code: int | None = None
    report: Report | None = None
    stderr: str = ""
    text: str = ""
    result_text: str | None = None
    is_error: bool = False
    code: str | None = None
    reset_at: float | None = None
    plain: tuple[str, ...] = ()
    tools_ran: int = 0
    session: str | None = None
    model: str | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)

    @property
    def error_text(self) -> str | None:
        """The error that it announced, with its code; None if it announced none."""
        if not self.is_error:
            return None
        text, code = self.result_text or "", self.code or ""
        if not code:
            return text
        return f"status {code}: {text}" if code.isdigit() else f"{code}: {text}"

    @property
    def drift(self) -> dict[str, object]:
        """What was not understood of the agent's stream; empty if all of it was."""
        counters = self.counters
        if not counters.unknown and not counters.invalid:
            return {}
        types = dict(counters.unknown_types)
        return {"unknown": counters.unknown, "invalid": counters.invalid, "types": types}


class AgentDriver:
    """Starts agents, watches over them and ends them with all that they started."""

    def __init__(
        self, environment: Mapping[str, str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._environment = environment
        self._clock = clock
        self._state = rt.StateLock()
        self._running: set[rt.Process] = set()
        self._hurry = False

    def kill_all(self) -> None:
        """End every agent at once, those too that are being asked to end."""
        with self._state:
            self._hurry = True
            running = list(self._running)
        for process in running:
            process.signal(signal.SIGKILL)

    def run(
        self,
        launch: Launch,
        limits: Limits,
        *,
        cwd: Path,
        log: Path,
        watch: ReportWatch | None,
        on_start: Callable[[rt.Process], rt.Result[None]],
        on_event: Callable[[AgentEvent], None],
        on_spawn: Callable[[int, str], object] | None = None,
        environment: Mapping[str, str] | None = None,
        mark: str = "",
    ) -> AgentOutcome:
        """Run ``launch`` in ``cwd`` until it has finished, or has to be ended.

        Its raw output goes to ``log`` before anybody reads it.  ``on_spawn`` is
        told of its process as soon as there is one, on whichever thread that is
        (`rt.open_process`); ``on_start`` is waited for while it works.
        ``environment`` takes the place of the driver's own.  ``mark`` stands in the
        environment of all processes of this run: those that left the agent's group
        are ended by it.  Cancelling asks the agent to end, and kills it after
        ``limits.kill`` seconds.  Raises what these two raise, and `OSError` if the
        log cannot be written.
        """
        variables = self._variables(launch, environment, mark)
        with closing(RawLog(log)) as raw:

            def spawned(pid: int, started: str) -> None:
                raw.open()
                if on_spawn is not None:
                    on_spawn(pid, started)

            try:
                opened = rt.open_process(
                    launch.argv, cwd=cwd, env=variables, stdin=launch.stdin, spawned=spawned
                )
            except (OSError, ValueError) as error:
                reason = f"{launch.argv[0]} could not be started: {error}"
                missing = isinstance(error, FileNotFoundError | PermissionError)
                ending = Ending.NOT_STARTED if missing else Ending.FAILED
                return AgentOutcome(ending=ending, reason=reason)
            try:
                with opened as process:
                    course = _Course(process, raw, launch, limits, watch, self._clock, on_event)
                    return self._follow(course, process, on_start, limits.kill)
            finally:
                if mark:
                    rt.shielded(self._end_left, f"{RUN_MARK}={mark}", opened.pid)

    def _follow(
        self,
        course: _Course,
        process: rt.Process,
        on_start: Callable[[rt.Process], rt.Result[None]],
        patience: float,
    ) -> AgentOutcome:
        with self._state:
            self._running.add(process)
        try:
            return course.follow(on_start)
        except BaseExceptionGroup as group:
            raise first(group) from None
        except rt.Cancelled:
            rt.shielded(self._end, process, patience)
            raise
        finally:
            with self._state:
                self._running.discard(process)

    def _variables(
        self, launch: Launch, environment: Mapping[str, str] | None, mark: str
    ) -> dict[str, str]:
        base = self._environment if environment is None else environment
        marks = {STATE_MARK: self._environment.get(STATE_MARK, ""), RUN_MARK: mark}
        kept = {name: value for name, value in marks.items() if value}
        return {**base, **launch.environment, **kept}

    def _end_left(self, mark: str, pid: int) -> None:
        for _ in range(SWEEPS):  # what is ended may just have started another
            ended = rt.run_blocking(end_marked, mark, younger_than=pid)
            if not ended:
                return
            logger.info("ended what an agent left behind: %s", ", ".join(map(str, ended)))

    def _end(self, process: rt.Process, patience: float) -> None:
        with self._state:
            hurry = self._hurry
        if hurry:
            return  # leaving the process's block kills it
        process.signal(signal.SIGTERM)
        with rt.CancelScope(patience):
            process.wait()


@dataclass(frozen=True, slots=True)
class _Exited:
    code: int


@dataclass(frozen=True, slots=True)
class _Heard:
    at: float
    events: list[AgentEvent]


_Happening = _Heard | Report | _Exited


class _Course:
    """One run: everything that happens comes through one channel, in order."""

    def __init__(
        self,
        process: rt.Process,
        log: RawLog,
        launch: Launch,
        limits: Limits,
        watch: ReportWatch | None,
        clock: Callable[[], float],
        on_event: Callable[[AgentEvent], None],
    ) -> None:
        self._process = process
        self._log = log
        self._watch = watch
        self._clock = clock
        self._on_event = on_event
        self._decoder = launch.decoder()
        self._announces = launch.announces
        self._run = AgentRun(
            limits if launch.greets else replace(limits, handshake=0.0),
            clock(),
            wants_report=watch is not None and launch.reports,
            announces=launch.announces,
        )
        self._reading = rt.Event()
        self._read_to_the_end = (rt.Event(), rt.Event())
        self._inbox: rt.Channel[_Happening] = rt.Channel(maxsize=64)
        self._tail = b""
        self._record = AgentRecord()
        self._report: Report | None = None

    def follow(self, on_start: Callable[[rt.Process], rt.Result[None]]) -> AgentOutcome:
        with rt.TaskGroup() as group:
            announced = group.start_soon(on_start, self._process)
            group.start_soon(self._read_stdout)
            group.start_soon(self._read_stderr)
            group.start_soon(self._notice_exit)
            if self._watch is not None:
                group.start_soon(self._notice_report, self._watch)
            self._decide()
            announced.wait()  # also of an agent that ended sooner than that was done
            group.cancel()
        if self._report is None and self._run.ending is Ending.SUCCEEDED and self._watch:
            self._report = self._watch.look()
        shortcomings = ""
        if self._run.ending is Ending.NO_REPORT and self._watch:
            shortcomings = self._watch.shortcomings()
        record = self._record
        return AgentOutcome(
            ending=self._run.ending or Ending.FAILED,
            reason=self._run.reason,
            shortcomings=shortcomings,
            exit_code=self._run.exit_code,
            report=self._report,
            stderr=self._tail.decode("utf-8", "replace"),
            text=record.text,
            result_text=record.result_text,
            is_error=record.is_error,
            code=record.code,
            reset_at=record.reset_at,
            plain=record.plain,
            tools_ran=self._run.tools_ran,
            session=record.session,
            model=record.model,
            usage=record.usage,
            counters=self._decoder.counters,
        )

    def _decide(self) -> None:
        while True:
            due = self._run.deadline()
            delay = None if due is None else max(due - self._clock(), 0)
            item = self._next(delay)
            if item is None:  # what the agent said in time may still lie in the pipe
                item = self._next(LAST_LOOK)
            actions = self._note(item)
            if Action.TERMINATE in actions:
                self._process.signal(signal.SIGTERM)
            if Action.KILL in actions:
                self._process.signal(signal.SIGKILL)
            if Action.FINISH in actions:
                return

    def _next(self, patience: float | None) -> _Happening | None:
        with rt.CancelScope(patience):
            return self._inbox.get()
        return None

    def _note(self, item: _Happening | None) -> list[Action]:
        match item:
            case None:
                return self._run.on_time(self._clock())
            case _Exited(code):
                return self._run.on_exit(self._clock(), code, text=self._record.error)
            case Report():
                self._report = item
                return self._run.on_report(self._clock())
        actions = [action for event in item.events for action in self._heed(event, item.at)]
        return actions + self._run.on_time(item.at)

    def _heed(self, event: AgentEvent, now: float) -> list[Action]:
        self._on_event(event)
        self._record.note(event)
        run, call = self._run, event.call_id or ""
        match event.kind:
            case AgentEventKind.TOOL_STARTED:
                run.on_tool(now, call, event.timeout)
            case AgentEventKind.TOOL_FINISHED:
                run.on_tool_end(now, call)
            case AgentEventKind.RESULT:
                return run.on_result(now, is_error=event.is_error, text=event.text)
            case AgentEventKind.TEXT:
                run.on_output(now, spoke=bool(event.text.strip()))
            case _ if event.is_progress:
                run.on_output(now)
        is_plain = event.kind is AgentEventKind.INVALID or not self._announces
        if is_plain and (why := refusal(event.text)):
            run.on_refusal(why)
        return []

    def _read_stdout(self) -> None:
        with self._log.take() as file:
            self._reading.set()
            while data := self._process.stdout.read():
                self._log.write(file, data)
                if events := self._decoder.feed(data):
                    self._inbox.put(_Heard(self._clock(), events))
            if events := self._decoder.close():
                self._inbox.put(_Heard(self._clock(), events))
            self._read_to_the_end[0].set()

    def _read_stderr(self) -> None:
        while data := self._process.stderr.read():
            self._tail = (self._tail + data)[-TAIL:]
        self._read_to_the_end[1].set()

    def _notice_exit(self) -> None:
        code = self._process.wait()
        self._reading.wait()  # what a slow disk takes is not the agent's time
        with rt.CancelScope(DRAIN):
            for end in self._read_to_the_end:
                end.wait()
        self._inbox.put(_Exited(code))

    def _notice_report(self, watch: ReportWatch) -> None:
        self._inbox.put(watch.wait())
