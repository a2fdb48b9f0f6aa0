"""What the server reaches the world through: one port for each capability."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from .._runtime import async_runtime as rt
from .agent_port import AsyncAgents
from .agents import STATE_MARK, AsyncAgentDriver
from .git import AsyncGit
from .io import AsyncIOManager
from .monitoring import AsyncGauge
from .rehearsal import AsyncRehearsal

if TYPE_CHECKING:
    from ..core.config.models import HTTPSettings
    from ..routing.routes import Routes
    from .http import AsyncHTTPClient


class AsyncPorts:
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
        self.rehearsal = AsyncRehearsal()
        self.http: AsyncHTTPClient | None = None
        self.files: AsyncIOManager = AsyncIOManager()
        self.git: AsyncGit = AsyncGit(environment)
        self.gauge: AsyncGauge = AsyncGauge()
        driver = AsyncAgentDriver({**environment, STATE_MARK: str(state)})
        if routes is not None:
            from .routed import (
                AsyncRoutedAgents,
                AsyncRoutedFiles,
                AsyncRoutedGauge,
                AsyncRoutedGit,
            )

            self.files = AsyncRoutedFiles(routes)
            self.git = AsyncRoutedGit(environment, routes)
            self.gauge = AsyncRoutedGauge(routes)
            self.agents: AsyncAgents = AsyncRoutedAgents(driver, self.files, routes)
        else:
            self.agents = AsyncAgents(driver, self.files)
        if http is not None:
            self.http = _http(http, routes, clock)

    async def __aenter__(self) -> AsyncPorts:
        await self.files.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._routes is not None:  # what runs beside may need us
            await rt.run_blocking(self._routes.drain)
        await self.files.__aexit__(exc_type, exc, tb)


class AsyncOtherPorts:
    """The ports of the other path than the core's, all of them open."""

    def __init__(self, ports: AsyncPorts) -> None:
        self.ports = ports
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        """Open them. Raises `OSError`."""
        await self._stack.enter_async_context(self.ports)
        if self.ports.http is not None:
            await self._stack.enter_async_context(self.ports.http)

    async def close(self) -> None:
        """Close them."""
        await self._stack.aclose()


def _http(
    settings: HTTPSettings, routes: Routes | None, clock: Callable[[], float]
) -> AsyncHTTPClient:
    if routes is None:
        from .http import configured  # takes its time to load

        return configured(settings, clock)
    from .http import options_of
    from .routed_http import AsyncRoutedHTTPClient

    return AsyncRoutedHTTPClient(options_of(settings), routes, clock=clock)
