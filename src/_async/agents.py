"""Runs an agent's process from its start to its end."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .._runtime import async_runtime as rt
from ..core.agent_run import Action, AgentRun, Ending, Limits
from ..core.agents import Launch
from ..core.errors import first
from ..core.streams import AgentEvent, AgentEventKind
from .reports import AsyncReportWatch, Report

DRAIN = 1.0
"""Seconds that output may take to arrive once the process has ended: what it
left behind can hold the pipe open for ever."""

TAIL = 64 * 1024
"""Bytes of standard error that are kept for the error message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOutcome:
    """How a run ended, with what it left to know.

    ``reason`` says in one sentence why it was no success, ``shortcomings``
    what is wrong with a report that is there; ``stderr`` is the end of what it
    wrote there, ``text`` the last thing it said.
    """

    ending: Ending
    reason: str = ""
    shortcomings: str = ""
    exit_code: int | None = None
    report: Report | None = None
    stderr: str = ""
    text: str = ""
    session: str | None = None
    usage: Mapping[str, int] = field(default_factory=dict)


class AsyncAgentDriver:
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

    async def run(
        self,
        launch: Launch,
        limits: Limits,
        *,
        cwd: Path,
        log: Path,
        watch: AsyncReportWatch | None,
        on_start: Callable[[rt.Process], rt.Result[None]],
        on_event: Callable[[AgentEvent], None],
    ) -> AgentOutcome:
        """Run ``launch`` in ``cwd`` until it has finished, or has to be ended.

        Its raw output goes to ``log`` before anybody reads it.  ``on_start``
        is waited for while the agent works.  Cancelling asks the agent to end,
        and kills it after ``limits.kill`` seconds.  Raises what ``on_start``
        raises, and `OSError` if the log cannot be written.
        """
        environment = {**self._environment, **launch.environment}
        try:
            opened = await rt.open_process(
                launch.argv, cwd=cwd, env=environment, stdin=launch.stdin
            )
        except (OSError, ValueError) as error:
            reason = f"{launch.argv[0]} could not be started: {error}"
            missing = isinstance(error, FileNotFoundError | PermissionError)
            ending = Ending.NOT_STARTED if missing else Ending.FAILED
            return AgentOutcome(ending=ending, reason=reason)
        async with opened as process, await rt.open_append(log) as raw:
            with self._state:
                self._running.add(process)
            course = _Course(process, raw, launch, limits, watch, self._clock, on_event)
            try:
                return await course.follow(on_start)
            except BaseExceptionGroup as group:
                raise first(group) from None
            except rt.Cancelled:
                await rt.shielded(self._end, process, limits.kill)
                raise
            finally:
                with self._state:
                    self._running.discard(process)

    async def _end(self, process: rt.Process, patience: float) -> None:
        with self._state:
            hurry = self._hurry
        if hurry:
            return  # leaving the process's block kills it
        process.signal(signal.SIGTERM)
        async with rt.CancelScope(patience):
            await process.wait()


@dataclass(frozen=True, slots=True)
class _Exited:
    code: int


_Happening = list[AgentEvent] | Report | _Exited


class _Course:
    """One run: everything that happens comes through one channel, in order."""

    def __init__(
        self,
        process: rt.Process,
        raw: rt.AppendFile,
        launch: Launch,
        limits: Limits,
        watch: AsyncReportWatch | None,
        clock: Callable[[], float],
        on_event: Callable[[AgentEvent], None],
    ) -> None:
        self._process = process
        self._raw = raw
        self._watch = watch
        self._clock = clock
        self._on_event = on_event
        self._decoder = launch.decoder()
        self._run = AgentRun(
            limits, clock(), wants_report=watch is not None, announces=launch.announces
        )
        self._inbox: rt.Channel[_Happening] = rt.Channel(maxsize=64)
        self._tail = b""
        self._text = ""
        self._session: str | None = None
        self._usage: Mapping[str, int] = {}
        self._report: Report | None = None

    async def follow(self, on_start: Callable[[rt.Process], rt.Result[None]]) -> AgentOutcome:
        async with rt.TaskGroup() as group:
            announced = group.start_soon(on_start, self._process)
            outputs = [group.start_soon(self._read_stdout), group.start_soon(self._read_stderr)]
            group.start_soon(self._notice_exit, outputs)
            if self._watch is not None:
                group.start_soon(self._notice_report, self._watch)
            await self._decide()
            await announced.wait()  # also of an agent that ended sooner than that was done
            group.cancel()
        if self._report is None and self._run.ending is Ending.SUCCEEDED and self._watch:
            self._report = await self._watch.look()
        shortcomings = ""
        if self._run.ending is Ending.NO_REPORT and self._watch:
            shortcomings = self._watch.shortcomings()
        return AgentOutcome(
            ending=self._run.ending or Ending.FAILED,
            reason=self._run.reason,
            shortcomings=shortcomings,
            exit_code=self._run.exit_code,
            report=self._report,
            stderr=self._tail.decode("utf-8", "replace"),
            text=self._text,
            session=self._session,
            usage=self._usage,
        )

    async def _decide(self) -> None:
        while True:
            due = self._run.deadline()
            delay = None if due is None else max(due - self._clock(), 0)
            item: _Happening | None = None
            async with rt.CancelScope(delay):
                item = await self._inbox.get()
            actions = self._note(item)
            if Action.TERMINATE in actions:
                self._process.signal(signal.SIGTERM)
            if Action.KILL in actions:
                self._process.signal(signal.SIGKILL)
            if Action.FINISH in actions:
                return

    def _note(self, item: _Happening | None) -> list[Action]:
        now = self._clock()
        match item:
            case None:
                return self._run.on_time(now)
            case _Exited(code):
                return self._run.on_exit(now, code)
            case Report():
                self._report = item
                return self._run.on_report(now)
        actions = self._run.on_time(now)
        for event in item:
            actions += self._heed(event, now)
        return actions

    def _heed(self, event: AgentEvent, now: float) -> list[Action]:
        self._on_event(event)
        self._session = event.session or self._session
        if event.kind is AgentEventKind.TEXT:
            self._text = event.text
        if event.kind is AgentEventKind.RESULT:
            self._usage = event.usage
            self._text = event.text or self._text
            return self._run.on_result(now, is_error=event.is_error, text=event.text)
        if event.is_progress:
            return self._run.on_output(now, busy=bool(self._decoder.open_calls))
        return []

    async def _read_stdout(self) -> None:
        while data := await self._process.stdout.read():
            await self._raw.write(data)
            if events := self._decoder.feed(data):
                await self._inbox.put(events)
        if events := self._decoder.close():
            await self._inbox.put(events)

    async def _read_stderr(self) -> None:
        while data := await self._process.stderr.read():
            self._tail = (self._tail + data)[-TAIL:]

    async def _notice_exit(self, outputs: list[rt.Task[None]]) -> None:
        code = await self._process.wait()
        async with rt.CancelScope(DRAIN):
            for output in outputs:
                await output.wait()
        await self._inbox.put(_Exited(code))

    async def _notice_report(self, watch: AsyncReportWatch) -> None:
        await self._inbox.put(await watch.wait())
