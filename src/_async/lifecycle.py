"""Starts services, keeps them up, and brings everything to an orderly end."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable

from .._runtime import async_runtime as rt
from ..core.errors import explain
from ..core.events import Event, Sink
from ..core.supervise import Failures, ServiceFailed

logger = logging.getLogger(__name__)

Service = Callable[[], rt.Result[None]]


class AsyncLifecycleManager:
    """Runs the server's work among its services, until it ends or is to stop.

    The first SIGINT, SIGTERM or SIGHUP, or `stop`, cancels the work, which then has
    its grace period; the second calls ``hurry``.
    """

    def __init__(
        self, *, grace: float, sink: Sink, hurry: Callable[[], None], clock: Callable[[], float]
    ) -> None:
        self._grace = grace
        self._sink = sink
        self._hurry = hurry
        self._clock = clock
        self._state = rt.StateLock()
        self._services: list[tuple[str, Service]] = []
        self._work: rt.CancelScope = rt.CancelScope()
        self.stopped_by: str | None = None

    def add(self, name: str, service: Service) -> None:
        """Have a service run beside the work; it is started again when it fails."""
        self._services.append((name, service))

    def stop(self, reason: str) -> None:
        """End the work in an orderly way. From the second call on: at once."""
        with self._state:
            again = self.stopped_by is not None
            if not again:
                self.stopped_by = reason
        if again:
            self._hurry()
            return
        self._sink(
            Event("server.stopping", self._clock(), data={"reason": reason, "grace": self._grace})
        )
        self._work.cancel()

    async def run(self, work: Service) -> None:
        """Run ``work`` and the services; returns when the work has ended.

        Raises what the work raises, and `ServiceFailed`.
        """
        async with rt.Signals(*_heeded()) as signals, rt.TaskGroup() as group:
            group.start_soon(self._listen, signals)
            for name, service in self._services:
                group.start_soon(self._keep_up, name, service)
            async with self._work:
                await work()
            group.cancel()

    async def _listen(self, signals: rt.Signals) -> None:
        while True:
            self.stop(signal.Signals(await signals.wait()).name)

    async def _keep_up(self, name: str, service: Service) -> None:
        failures = Failures()
        while True:
            started = time.monotonic()
            try:
                await service()
            except Exception as error:
                failures = failures.after(time.monotonic() - started)
                logger.exception("the service %s failed", name)
                problem = explain(error)
                data = {"service": name, "error": problem, "restart_in": failures.restart_in}
                self._sink(Event("service.failed", self._clock(), data=data))
                if failures.restart_in is None:
                    raise ServiceFailed(
                        f"the service {name} failed too often: {problem}"
                    ) from error
                await rt.sleep(failures.restart_in)
            else:
                return


def _heeded() -> tuple[signal.Signals, ...]:
    """The signals that ask to stop; not the end of the terminal after ``nohup``."""
    asked = (signal.SIGINT, signal.SIGTERM)
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is None or signal.getsignal(hang_up) is signal.SIG_IGN:
        return asked
    return (*asked, hang_up)
