"""Runs the server of a project, on whichever path is wanted at the moment."""

from __future__ import annotations

import _thread
import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._runtime.usage import give_back_large_blocks
from .app import Prepared, Refused, find_agent, ignore_own
from .core.agents import Adapter
from .core.config import RuntimeSettings
from .core.events import Event, Sink
from .core.handover import Memory
from .observe.logs import bind

if TYPE_CHECKING:
    from ._runtime.commands import Mailbox
    from .api.opening import Plan
    from .routing.routing import Core, Routing
    from .store import SqliteStore

GARBAGE = 700
"""New objects after which garbage is looked for, as usual; before, a start loads far more."""


def run_server(
    prepared: Prepared, adapter: Adapter, *, sink: Sink, keep_watching: bool, command: str
) -> int:
    """Run the server to its end, on one path after the other if so wanted; the exit code.

    Raises `Refused`, `ProjectBusy`, `StoreError` and `OSError`.
    """
    from ._runtime.commands import Mailbox
    from .api.opening import Api
    from .store import open_store
    from .store.lock import ProjectLock

    layout = prepared.layout
    _check_loop(prepared.config.runtime)
    layout.state.mkdir(parents=True, exist_ok=True)
    ignore_own(layout)
    with ProjectLock([layout.project, layout.state], layout.lock, command):
        store = open_store(layout.database)
        try:
            mailbox = Mailbox()
            with _routing(prepared) as routing:
                run = _Run(prepared, adapter, store, mailbox, routing, keep_watching)
                plan = _api_plan(prepared, routing, restarts=lambda: run.restarts)
                with Api(plan, mailbox, store.record) as api:
                    run.moved = api.moved
                    return run.to_the_end(_all(api.feed, routing.note, sink))
        finally:
            store.close()


class _Run:
    """One server after another, until one has really ended."""

    def __init__(
        self,
        prepared: Prepared,
        adapter: Adapter,
        store: SqliteStore,
        mailbox: Mailbox,
        routing: Routing,
        keep_watching: bool,
    ) -> None:
        self._prepared = prepared
        self._store = store
        self._mailbox = mailbox
        self._routing = routing
        self._common = {
            "config": prepared.config,
            "layout": prepared.layout,
            "adapter": adapter,
            "environment": prepared.environment,
            "store": store,
            "keep_watching": keep_watching,
            "clock": time.time,
            "llm": prepared.asked,
            "placement": prepared.placement,
            "agents": _other_agents(prepared, adapter),
            "mailbox": mailbox,
        }
        self.restarts = 0
        self.moved: Callable[[str], None] = _nobody

    def to_the_end(self, sink: Sink) -> int:
        """Returns the exit code of the last one."""
        memory = Memory()
        give_back_large_blocks()
        with _signals_kept(self._mailbox):
            while True:
                server, code = self._serve(self._routing.wanted(), memory, sink)
                if server.handing_over:
                    continue
                if not server.restarting:
                    return code
                self.restarts += 1
                memory = Memory()

    def _serve(self, core: Core, memory: Memory, sink: Sink) -> tuple[Any, int]:
        from ._runtime.commands import MailboxClosed

        self.moved(core.path)
        rt, server_class = _load(core.path)
        with self._ports(core) as ports:
            server = server_class(
                **self._common,
                sink=sink,
                memory=memory,
                ports=ports,
                assign=self._routing.assign,
            )
            # What was loaded stays. A collection that goes through all of it takes
            # 20 ms in which the server does nothing else.
            gc.freeze()
            gc.set_threshold(GARBAGE)
            number = memory.servers

            def hand_over(reason: str, now: bool) -> None:
                with suppress(MailboxClosed):
                    self._mailbox.submit("hand_over", server=number, reason=reason, now=now)

            self._routing.serve(core, hand_over)
            runtime = self._prepared.config.runtime
            with self._watched(core) as watched, self._assigned(), bind(path=core.path):
                code: int = rt.run(
                    server.run,
                    loop=runtime.loop,
                    debug=runtime.debug,
                    io_threads=runtime.io_threads,
                    watched=watched,
                )
            return server, code

    @contextmanager
    def _ports(self, core: Core) -> Iterator[Any]:
        """The ports of the core, and where operations are routed those of the other path."""
        if not core.routed:
            yield self._made(core.path, None)
            return
        from .routing.routes import Routes

        rollout = self._routing.rollout
        other = "sync" if core.path == "async" else "async"
        theirs = self._made(other, None)
        whole = _named(other, "ports", "OtherPorts")(theirs)
        across = rollout.bridge.call if other == "async" else _called
        across(whole.open)
        try:
            yield self._made(core.path, Routes(rollout, core.path, theirs))
        finally:
            across(whole.close)

    def _made(self, path: str, routes: Any) -> Any:
        prepared = self._prepared
        http = None if prepared.asked is None else prepared.config.runtime.http
        return _named(path, "ports", "Ports")(
            prepared.environment, state=prepared.layout.state, http=http, routes=routes
        )

    @contextmanager
    def _watched(self, core: Core) -> Iterator[Callable[[Any], None] | None]:
        """Have the guard look after the event loop, if there is one."""
        if not core.routed or core.path != "async":
            yield None
            return
        heartbeats, loops = self._routing.rollout.watch.heartbeats, []

        def watched(loop: Any) -> None:
            loops.append(loop)
            heartbeats.add(loop, "core")

        try:
            yield watched
        finally:
            for loop in loops:
                heartbeats.remove(loop)

    def _assigned(self) -> Any:
        standing = self._routing.standing()
        if standing is None:
            return nullcontext()
        from .rollout.router import assigned

        return assigned(standing)


@contextmanager
def _signals_kept(mailbox: Mailbox) -> Iterator[None]:
    """What asks to stop while one server makes room for the next is told to the next."""
    from ._runtime.commands import MailboxClosed

    if threading.current_thread() is not threading.main_thread():
        yield
        return

    told = False

    def tell(reason: str) -> None:
        with suppress(MailboxClosed):
            mailbox.submit("stop", reason=reason)

    def keep(signum: int, frame: object) -> None:
        nonlocal told
        if told:
            raise KeyboardInterrupt
        told = True
        # The interrupted code may hold the lock that this takes.
        _thread.start_new_thread(tell, (signal.Signals(signum).name,))

    names = ("SIGTERM", "SIGHUP", "SIGINT")
    asked = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {each: signal.getsignal(each) for each in asked}
    kept = [each for each, handler in before.items() if handler is not signal.SIG_IGN]
    for each in kept:
        signal.signal(each, keep)
    try:
        yield
    finally:
        for each in kept:
            signal.signal(each, before[each] or signal.SIG_DFL)


def _routing(prepared: Prepared) -> Routing:
    from .core.redact import Redactor, secret_values
    from .routing.routing import ROLLOUT, Routing, Settings, most_allowed

    def loop_factory() -> Any:
        from ._runtime.loops import choose_loop

        return choose_loop(prepared.config.runtime.loop).factory()

    return Routing(
        Settings(
            directory=prepared.layout.state / ROLLOUT,
            path=prepared.path,
            project=prepared.layout.project,
            environment=prepared.environment,
            redact=Redactor(secret_values(prepared.environment)),
            ceilings=most_allowed(),
            loop_factory=loop_factory,
        )
    )


def _api_plan(prepared: Prepared, routing: Routing, *, restarts: Callable[[], int]) -> Plan:
    from .api.opening import Plan
    from .api.rollout import RolloutRoutes

    config, layout = prepared.config, prepared.layout
    return Plan(
        state=layout.state,
        database=layout.database,
        project=layout.project,
        path=prepared.path,
        port=config.api_port,
        free=config.predecessor,
        cursor=True if config.runtime.agent == "cursor" else None,
        max_attempts=config.max_attempts,
        restarts=restarts,
        routes=RolloutRoutes(routing).routes(),
        metrics=[routing.metrics],
    )


def _all(*sinks: Sink) -> Sink:
    def announce(event: Event) -> None:
        for sink in sinks:
            sink(event)

    return announce


def _other_agents(prepared: Prepared, adapter: Adapter) -> dict[str, Adapter]:
    """Every agent that tasks may go on with, the chosen one first."""
    runtime = prepared.config.runtime
    agents = {runtime.agent: adapter}
    for name in prepared.config.agents:
        if name in agents:
            continue
        other = prepared.config.model_copy(
            update={"runtime": runtime.model_copy(update={"agent": name})}
        )
        with suppress(Refused):
            agents[name] = find_agent(replace(prepared, config=other))
    return agents


def _nobody(path: str) -> None:
    """Is told of it."""


def _called(work: Callable[[], Any]) -> Any:
    return work()


def _load(path: str) -> tuple[Any, Any]:
    """The seam and the server of one path; the other path is not imported."""
    seam = import_module(f"{__package__}._runtime.{path}_runtime")
    return seam, _named(path, "server", "CodeAgentServer")


def _named(path: str, module: str, name: str) -> Any:
    """A class of one path by its name without colour."""
    prefix = "Async" if path == "async" else ""
    return getattr(import_module(f"{__package__}._{path}.{module}"), f"{prefix}{name}")


def _check_loop(runtime: RuntimeSettings) -> None:
    if runtime.path != "async":
        return
    from ._runtime.loops import choose_loop

    try:
        choose_loop(runtime.loop)
    except LookupError as error:
        raise Refused(str(error)) from None
