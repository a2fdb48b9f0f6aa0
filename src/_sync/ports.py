# Generated from src/_async/ports.py. Do not edit.
"""What the server reaches the world through: one port for each capability."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from .._runtime import sync_runtime as rt
from .agent_port import Agents
from .agents import STATE_MARK, AgentDriver
from .git import Git
from .io import IOManager
from .monitoring import Gauge
from .rehearsal import Rehearsal

if TYPE_CHECKING:
    from ..core.config.models import HTTPSettings
    from ..routing.routes import Routes
    from .http import HTTPClient


class Ports:
    """Files, git, agents, models and gauge; with ``routes`` they go through the rollout.

    ``http`` is None where no models are asked.  As a block they are open, but for
    the HTTP client: whoever asks models opens that.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        state: Path,
        http: HTTPSettings | None = None,
        routes: Routes | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._routes = routes
        self.rehearsal = Rehearsal()
        self.http: HTTPClient | None = None
        self.files: IOManager = IOManager()
        self.git: Git = Git(environment)
        self.gauge: Gauge = Gauge()
        driver = AgentDriver({**environment, STATE_MARK: str(state)})
        if routes is not None:
            from .routed import (
                RoutedAgents,
                RoutedFiles,
                RoutedGauge,
                RoutedGit,
            )

            self.files = RoutedFiles(routes)
            self.git = RoutedGit(environment, routes)
            self.gauge = RoutedGauge(routes)
            self.agents: Agents = RoutedAgents(driver, self.files, routes)
        else:
            self.agents = Agents(driver, self.files)
        if http is not None:
            self.http = _http(http, routes, clock)

    def __enter__(self) -> Ports:
        self.files.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._routes is not None:  # what runs beside may need us
            rt.run_blocking(self._routes.drain)
        self.files.__exit__(exc_type, exc, tb)


class OtherPorts:
    """The ports of the other path than the core's, all of them open."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self._stack = ExitStack()

    def open(self) -> None:
        """Open them. Raises `OSError`."""
        self._stack.enter_context(self.ports)
        if self.ports.http is not None:
            self._stack.enter_context(self.ports.http)

    def close(self) -> None:
        """Close them."""
        self._stack.close()


def _http(settings: HTTPSettings, routes: Routes | None, clock: Callable[[], float]) -> HTTPClient:
    if routes is None:
        from .http import configured  # takes its time to load

        return configured(settings, clock)
    from .http import options_of
    from .routed_http import RoutedHTTPClient

    return RoutedHTTPClient(options_of(settings), routes, clock=clock)
