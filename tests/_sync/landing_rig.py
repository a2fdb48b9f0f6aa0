# Generated from tests/_async/landing_rig.py. Do not edit.
"""A landing with everything around it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from codeagent._runtime import sync_runtime as rt
from codeagent._sync.git import Git
from codeagent._sync.integration import Prepare
from codeagent._sync.io import IOManager
from codeagent._sync.landing import Landing
from codeagent.core.config.landing import LandingSettings
from codeagent.core.git import GitOutcome
from codeagent.core.landing import Landed, LandingRequest, Outcome
from codeagent.core.verify import CommandRun, Evidence, Shortfall

from ..support.landings import SHARED
from ..support.repositories import ENVIRONMENT, Repository
from ..support.world import Clock, Recorder, SpyStore

Judge = Callable[[Path], str]
"""Says what is wrong in a directory, "" if nothing is."""


def all_is_well(_: Path) -> str:
    return ""


class Crash(BaseException):
    """The server is killed here, as far as one process can play that."""


class CrashingGit(Git):
    """Dies before the call with number ``at``; never with None. Counts the calls."""

    calls = 0
    at: int | None = None

    def attempt(self, directory: Path, *arguments: str, **options: Any) -> GitOutcome:
        self.calls += 1
        if self.at is not None and self.calls > self.at:
            raise Crash(arguments[0])
        return super().attempt(directory, *arguments, **options)


class Rig:
    """What a test holds in its hands."""

    def __init__(self, repository: Repository, store: SpyStore, judge: Judge) -> None:
        self.repository = repository
        self.store = store
        self.judge = judge
        self.clock = Clock()
        self.told = Recorder()
        self.verified: list[str] = []
        self.hold: rt.Event | None = None
        self.landing: Landing

    def verify(self, directory: Path, label: str) -> Evidence:
        self.verified.append(label)
        if self.hold is not None:
            self.hold.wait()
        if problem := self.judge(directory):
            run = CommandRun("make test", 1, 0.1, "log")
            return Evidence(False, problem, commands=(run,), shortfall=Shortfall.FAILED)
        return Evidence(True, commands=(CommandRun("make test", 0, 0.1, "log"),))

    def land(self, request: LandingRequest) -> Outcome:
        return self.landing.land(request)

    def must_land(self, request: LandingRequest) -> Landed:
        """Land what can be landed."""
        outcome = self.landing.land(request)
        assert isinstance(outcome, Landed), outcome
        return outcome


def make_landing(
    rig: Rig,
    io: IOManager,
    git: Git | None = None,
    *,
    prepare: Prepare | None = None,
    **settings: Any,
) -> Landing:
    return Landing(
        LandingSettings(**{"retry": 0.05, **settings}),
        target=settings.get("target") or "main",
        repository=rig.repository.path,
        root=rig.repository.path.parent / "root",
        git=Git(ENVIRONMENT) if git is None else git,
        io=io,
        store=rig.store,
        sink=rig.told,
        clock=rig.clock,
        shared=SHARED,
        verify=rig.verify,
        prepare=prepare,
    )


@contextmanager
def landing(
    repository: Repository, store: SpyStore, judge: Judge = all_is_well, **settings: Any
) -> Generator[Rig]:
    """A landing that runs for the block."""
    rig = Rig(repository, store, judge)
    with IOManager() as io, rt.TaskGroup() as group:
        rig.landing = make_landing(rig, io, **settings)
        running = group.start_soon(rig.landing.run)
        try:
            yield rig
        finally:
            running.cancel()
