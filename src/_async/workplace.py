"""Where attempts are made: in the project's directory, or in worktrees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.agents import Adapter
from ..core.config import Config
from ..core.events import Sink
from ..core.failure import Failure
from ..core.handover import Baton
from ..core.layout import Layout
from ..core.placement import Placement
from ..core.recovery import policy_of
from ..store import Store
from .git import AsyncGit
from .instructions import AsyncInstructionRunner
from .io import AsyncIOManager
from .settlement import AsyncSettlement

if TYPE_CHECKING:
    from .assessment import AsyncAssessor
    from .executor import Attempt
    from .workshop import AsyncWorkshop


@dataclass(frozen=True, slots=True)
class AsyncWorkplace:
    """How attempts are made there, and what they take.

    ``kill_all`` ends at once what was started beside agents; there is a
    ``workshop`` where work is done in worktrees.
    """

    attempt: Attempt
    kill_all: Callable[[], None]
    workshop: AsyncWorkshop | None = None


def workplace(
    placement: Placement,
    *,
    config: Config,
    layout: Layout,
    environment: Mapping[str, str],
    agents: Mapping[str, Adapter],
    store: Store,
    io: AsyncIOManager,
    git: AsyncGit,
    runner: AsyncInstructionRunner,
    settlement: AsyncSettlement,
    on_change: Callable[[], None],
    feedback: Callable[[str, Failure | None], None],
    sink: Sink,
    clock: Callable[[], float],
    baton: Baton,
    assessor: AsyncAssessor | None,
) -> AsyncWorkplace:
    """The workplace that ``placement`` says.

    Of ``agents`` the first is the one that tasks begin with.
    """
    if not placement.worktrees:
        from .falling_back import AsyncFallingBack, Runner
        from .in_place import AsyncInPlaceAttempt
        from .workbench import AsyncWorkbench

        bench = AsyncWorkbench(
            config=config,
            layout=layout,
            environment=environment,
            store=store,
            io=io,
            git=git,
            sink=sink,
            clock=clock,
        )
        persistent: Runner = runner
        if config.predecessor:
            persistent = AsyncFallingBack(
                runner,
                config=config,
                adapter=next(iter(agents.values())),
                fallback=bench.fallback,
                sink=sink,
                clock=clock,
            )
        in_place = AsyncInPlaceAttempt(
            config=config,
            project=layout.project,
            agents=agents,
            store=store,
            runner=persistent,
            bench=bench,
            settlement=settlement,
            on_change=on_change,
            clock=clock,
            baton=baton,
            assessor=assessor,
        )
        return AsyncWorkplace(in_place, bench.kill_all)
    from .isolated import AsyncIsolatedAttempt
    from .workshop import AsyncWorkshop

    workshop = AsyncWorkshop(
        config=config,
        layout=layout,
        target=placement.target,
        environment=environment,
        store=store,
        io=io,
        git=git,
        sink=sink,
        clock=clock,
    )
    isolated = AsyncIsolatedAttempt(
        agents=agents,
        policy=policy_of(config.recovery),
        max_attempts=config.max_attempts,
        store=store,
        runner=runner,
        workspaces=workshop.workspaces,
        delivery=workshop.delivery,
        settlement=settlement,
        on_change=on_change,
        feedback=feedback,
        clock=clock,
        baton=baton,
        assessor=assessor,
    )
    return AsyncWorkplace(isolated, workshop.kill_all, workshop)
