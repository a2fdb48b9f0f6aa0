# Generated from src/_async/workplace.py. Do not edit.
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
from .git import Git
from .instructions import InstructionRunner
from .io import IOManager
from .settlement import Settlement

if TYPE_CHECKING:
    from .assessment import Assessor
    from .executor import Attempt
    from .workshop import Workshop


@dataclass(frozen=True, slots=True)
class Workplace:
    """How attempts are made there, and what they take.

    ``kill_all`` ends at once what was started beside agents; there is a
    ``workshop`` where work is done in worktrees.
    """

    attempt: Attempt
    kill_all: Callable[[], None]
    workshop: Workshop | None = None


def workplace(
    placement: Placement,
    *,
    config: Config,
    layout: Layout,
    environment: Mapping[str, str],
    agents: Mapping[str, Adapter],
    store: Store,
    io: IOManager,
    git: Git,
    runner: InstructionRunner,
    settlement: Settlement,
    on_change: Callable[[], None],
    feedback: Callable[[str, Failure | None], None],
    sink: Sink,
    clock: Callable[[], float],
    baton: Baton,
    assessor: Assessor | None,
) -> Workplace:
    """The workplace that ``placement`` says.

    Of ``agents`` the first is the one that tasks begin with.
    """
    if not placement.worktrees:
        from .falling_back import FallingBack, Runner
        from .in_place import InPlaceAttempt
        from .workbench import Workbench

        bench = Workbench(
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
            persistent = FallingBack(
                runner,
                config=config,
                adapter=next(iter(agents.values())),
                fallback=bench.fallback,
                sink=sink,
                clock=clock,
            )
        in_place = InPlaceAttempt(
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
        return Workplace(in_place, bench.kill_all)
    from .isolated import IsolatedAttempt
    from .workshop import Workshop

    workshop = Workshop(
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
    isolated = IsolatedAttempt(
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
    return Workplace(isolated, workshop.kill_all, workshop)
