# Generated from src/_async/workshop.py. Do not edit.
"""All that work in worktrees takes: git, workspaces, verification, landing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from .._runtime import sync_runtime as rt
from .._runtime.headroom import read_headroom
from ..core.config import Config
from ..core.escape import Expected
from ..core.events import Event, Sink
from ..core.instructions import own_reports
from ..core.landing_edit import SharedFiles
from ..core.layout import Layout
from ..core.limits import Headroom
from ..core.redact import secret_values
from ..core.todo import candidate_names
from ..core.verify import Evidence
from ..core.workspace import default_root
from ..store import Store
from .delivery import Delivery
from .furnishing import Furnisher
from .git import Git
from .io import IOManager
from .landing import Landing
from .starting import StartingPoint
from .verify import Verifier
from .workspaces import Workspaces

logger = logging.getLogger(__name__)


class Workshop:
    """Puts it together for one project whose work is landed on ``target``."""

    def __init__(
        self,
        *,
        config: Config,
        layout: Layout,
        target: str,
        environment: Mapping[str, str],
        store: Store,
        io: IOManager,
        git: Git,
        sink: Sink,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._sink = sink
        self._clock = clock
        self._logs = layout.logs / "verify"
        project = layout.project
        home = Path(environment.get("HOME") or Path.home())
        root = default_root(config.workspace.directory, project, environment, home).resolve()
        self._root = root
        self._shared = SharedFiles(
            lists=frozenset(candidate_names(config.project.todo_format)),
            status=config.project.status_file,
        )
        furnisher = Furnisher(
            config.workspace, project=project, root=root, git=git, environment=environment
        )
        self._furnisher = furnisher
        self.workspaces = Workspaces(
            config.workspace,
            project=project,
            root=root,
            git=git,
            store=store,
            start=StartingPoint(
                git,
                config.workspace,
                project=project,
                target=target,
                published=config.landing.push,
            ),
            furnisher=furnisher,
            environment=environment,
            home=home,
            clock=clock,
            disk_floor=config.limits.disk_floor,
        )
        self._verifier = Verifier(
            config.verify,
            git=git,
            secrets=secret_values(environment),
            keep=config.workspace.environment,
        )
        self._landing = Landing(
            config.landing,
            target=target,
            repository=project,
            root=root,
            git=git,
            io=io,
            store=store,
            sink=sink,
            clock=clock,
            shared=self._shared,
            verify=self._verify_combined,
            prepare=furnisher.furnish_integration,
        )
        self.delivery = Delivery(
            workspaces=self.workspaces,
            verifier=self._verifier,
            landing=self._landing,
            store=store,
            sink=sink,
            logs=self._logs,
            reports=partial(own_reports, raw=config.instructions),
            clock=clock,
        )

    def headroom(self) -> Headroom:
        """What the machine has left for work in worktrees; this blocks."""
        return read_headroom(self._root)

    def open(self) -> list[str]:
        """At start: settle what a dead server was landing, clear away what nobody needs.

        Returns the ids of the tasks that turned out to be done.  Raises
        `WorkspaceError`, `GitError`, `NoTarget`, `OSError` and `StoreError`.
        """
        done = self._landing.settle_open()
        for leftover in self.workspaces.prepare():
            logger.info("left behind: %s", leftover)
        return done

    def run(self) -> None:
        """Land what is finished, for as long as the server works."""
        self._landing.run()

    def kill_all(self) -> None:
        """End every verification at once."""
        self._verifier.kill_all()

    def close(self) -> Sequence[str]:
        """At the end: clear away, and look for what was changed outside the workspaces.

        Returns what an agent may have done there, one sentence each.
        """
        self._landing.catch_up()
        self.workspaces.sweep()
        landings = rt.wait_for_future(self._store.landings(open_only=False))
        expected = Expected(
            commits=frozenset(row.commit_id for row in landings) | self._landing.replayed,
            paths=self._shared.names,
        )
        found = self.workspaces.escapes(expected)
        for what in found.escapes:
            self._sink(Event("escape.found", self._clock(), data={"what": what}))
        if found.switched:
            self._sink(Event("checkout.switched", self._clock(), data={"what": found.switched}))
        return found.escapes

    def _verify_combined(self, directory: Path, label: str) -> Evidence:
        return self._verifier.verify(
            directory,
            environment=self._furnisher.integration_environment(),
            log_directory=self._logs / "landing",
            label=label,
        )
