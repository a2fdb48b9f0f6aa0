"""Which way attempts are made: in the project's directory, or in worktrees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.agents import Adapter
from ..core.config import Config
from ..core.failure import Failure
from ..core.handover import Baton
from ..core.recovery import policy_of
from ..store import Store
from .in_place import AsyncInPlaceAttempt
from .instructions import AsyncInstructionRunner
from .settlement import AsyncSettlement

if TYPE_CHECKING:
    from .assessment import AsyncAssessor
    from .executor import Attempt
    from .workshop import AsyncWorkshop


def attempt_in(
    workshop: AsyncWorkshop | None,
    *,
    config: Config,
    project: Path,
    agents: Mapping[str, Adapter],
    store: Store,
    runner: AsyncInstructionRunner,
    settlement: AsyncSettlement,
    on_change: Callable[[], None],
    feedback: Callable[[str, Failure | None], None],
    clock: Callable[[], float],
    baton: Baton,
    assessor: AsyncAssessor | None,
) -> Attempt:
    """Attempts in the worktrees of ``workshop``, without one in place.

    Of ``agents`` the first is the one that tasks begin with.
    """
    if workshop is None:
        return AsyncInPlaceAttempt(
            config=config,
            project=project,
            adapter=next(iter(agents.values())),
            runner=runner,
            settlement=settlement,
            on_change=on_change,
            clock=clock,
            baton=baton,
            assessor=assessor,
        )
    from .isolated import AsyncIsolatedAttempt

    return AsyncIsolatedAttempt(
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
