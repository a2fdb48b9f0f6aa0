# Generated from src/_async/landing.py. Do not edit.
"""Lands verified work: one consumer, commit by commit, never over what somebody else did."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .._runtime import sync_runtime as rt
from ..core.config.landing import LandingSettings
from ..core.errors import explain, first
from ..core.events import Event, Sink
from ..core.git import is_lock_error
from ..core.landing import Landed, LandingRequest, Outcome, Refusal, Rejected
from ..core.landing_batch import disjoint, without
from ..core.landing_edit import SharedFiles
from ..core.verify import Evidence
from ..core.workspace import INTEGRATION
from ..store import Store, StoreError
from .checkout import Checkout
from .git import Git, GitError
from .integration import Integration, Prepare, Verify
from .io import IOManager
from .landing_checks import LandingChecks
from .landing_lock import LandingLock
from .landing_move import LandingMove, Move, Moved, Step
from .push import Pusher
from .replay import Replay
from .squash import Squash, Squashed
from .target import NoTarget, Target, Tip
from .trees import Trees

logger = logging.getLogger(__name__)

MOVES = 10
"""How often the target may move before a landing gives up."""


class _Ticket:
    """One request, and what became of it."""

    def __init__(self, request: LandingRequest) -> None:
        self.request = request
        self.settled = rt.Event()
        self.outcome: Outcome | None = None
        self.error: StoreError | None = None
        self.abandoned = False


@dataclass(frozen=True, slots=True)
class _Link:
    """One commit of a chain that is to land."""

    ticket: _Ticket
    squashed: Squashed
    parent: str

    @property
    def step(self) -> Step:
        return Step(self.ticket.request.task, self.squashed.commit, self.parent)

    @property
    def label(self) -> str:
        return f"landing-{self.ticket.request.task.id}"


class Landing:
    """Brings the work of tasks onto one branch; `run` is all that changes it."""

    def __init__(
        self,
        settings: LandingSettings,
        *,
        target: str,
        repository: Path,
        root: Path,
        git: Git,
        io: IOManager,
        store: Store,
        sink: Sink,
        clock: Callable[[], float],
        shared: SharedFiles,
        verify: Verify,
        prepare: Prepare | None = None,
    ) -> None:
        self._settings = settings
        self._integration = integration = Integration(
            git,
            repository=repository,
            path=root / "wt" / INTEGRATION,
            verify=verify,
            prepare=prepare,
            kept=settings.keep,
        )
        self._sink = sink
        self._clock = clock
        self._shared = shared
        trees = Trees(git, repository)
        self._squash = Squash(git, trees, repository=repository, shared=shared, clock=clock)
        self._checks = LandingChecks(
            integration,
            trees,
            target=target,
            shared=shared,
            each=settings.verify_each,
            failing=self._tell_failing,
        )
        self._target = Target(
            git,
            Checkout(git, trees, io, target=target, shared=shared),
            Replay(git, trees, repository=repository, shared=shared),
            repository=repository,
            name=target,
            published=settings.push,
            check=self._checks.replayed,
        )
        self._move = LandingMove(
            settings,
            target=self._target,
            squash=self._squash,
            pusher=Pusher(git, repository),
            store=store,
            sink=sink,
            clock=clock,
        )
        self._lock = LandingLock(pause=settings.retry, sink=sink, clock=clock)
        self._state = rt.StateLock()
        self._waiting: list[_Ticket] = []
        self._serving: list[_Ticket] = []
        self._working = rt.CancelScope()
        self._more = rt.Event()
        self._several = rt.Event()

    def expect_several(self) -> None:
        """Tell that several requests are going to come, which will have to be verified together."""
        self._several.set()

    def land(self, request: LandingRequest) -> Outcome:
        """Land the work and return what became of it.

        Cancelling takes the request back.  If it lands all the same, for it was
        too late, `Landed` is returned.  Raises `StoreError`.
        """
        ticket = _Ticket(request)
        with self._state:
            self._waiting.append(ticket)
            place = len(self._waiting) + len(self._serving)
        self._more.set()
        task = request.task
        self._sink(Event("landing.queued", self._clock(), task.id, task.epoch, {"place": place}))
        try:
            ticket.settled.wait()
        except rt.Cancelled:
            if not self._withdraw(ticket):
                rt.shielded(ticket.settled.wait)
            if isinstance(ticket.outcome, Landed):
                return ticket.outcome
            raise
        if ticket.error is not None:
            raise ticket.error
        assert ticket.outcome is not None  # noqa: S101 - set before the event
        return ticket.outcome

    def failure(self, base: str) -> Evidence | None:
        """How the verification fails on ``base``, which work builds upon, None if it does not.

        It is run once for each commit, if that has not passed before.  Raises
        `GitError`, `OSError` and `WorkspaceError`.
        """
        return self._checks.failure(base)

    def is_mended(self, base: str) -> bool:
        """Whether the target has moved on from ``base``, which fails, to what does not.

        Raises as `failure` does.
        """
        try:
            heads = self._target.heads()
        except NoTarget:
            return False
        newest = heads.landed or heads.target
        return newest != base and self._checks.failure(newest) is None

    def _tell_failing(self, commit: str, evidence: Evidence) -> None:
        data = {"commit": commit, "target": self._target.name, "reason": evidence.reason}
        self._sink(Event("target.failing", self._clock(), data=data))

    def run(self) -> None:
        """Serve requests as they come. Raises `StoreError`."""
        self._move.fetch()
        self._move.catch_up()
        try:
            with rt.TaskGroup() as group:
                group.start_soon(self._get_ready)
                self._serve_all()
        except BaseExceptionGroup as error:
            raise first(error) from None

    def _get_ready(self) -> None:
        """Have the worktree for verifications before the first of them is waited for."""
        self._several.wait()
        try:
            heads = self._target.heads()
            self._integration.get_ready(heads.landed or heads.target)
        except Exception as error:  # it is made when it is needed, or that says why not
            logger.info("the integration worktree could not be made ahead: %s", explain(error))

    def _serve_all(self) -> None:
        while True:
            self._more.clear()
            if tickets := self._take():
                self._serve(tickets)
                continue
            patience = self._settings.retry if self._move.is_behind else None
            with rt.CancelScope(patience) as pause:
                self._more.wait()
            if pause.ended_early:
                self._move.catch_up()

    def settle_open(self) -> list[str]:
        """After a crash, before `run`: settle what was being landed.

        Returns the ids of the tasks that turned out to be done, as the store
        knows now.  Raises `StoreError`.
        """
        return self._move.settle_open()

    def catch_up(self) -> None:
        """Let the target take what landed earlier, if nothing is in the way any more."""
        self._move.catch_up()

    @property
    def replayed(self) -> frozenset[str]:
        """Commits that landed work has become since, other than those that the store knows."""
        return self._target.replayed

    def _take(self) -> list[_Ticket]:
        """The next requests that can land together."""
        with self._state:
            files = [
                without(ticket.request.changes.files, self._shared.of(ticket.request.task))
                for ticket in self._waiting
            ]
            chosen = disjoint(files, self._settings.batch)
            self._serving = [self._waiting[index] for index in chosen]
            self._waiting = [t for t in self._waiting if t not in self._serving]
            return list(self._serving)

    def _withdraw(self, ticket: _Ticket) -> bool:
        """Take a request back; False if it is being served, and is settled as soon as it can."""
        with self._state:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
                return True
            ticket.abandoned = True
            working = self._working if all(t.abandoned for t in self._serving) else None
        if working is not None:
            working.cancel()
        return False

    def _serve(self, tickets: Sequence[_Ticket]) -> None:
        try:
            self._land_all(tickets)
        except StoreError as error:
            for ticket in tickets:
                ticket.error = error
            raise
        except Exception as error:
            logger.warning("a landing failed", exc_info=True)
            _reject(tickets, Refusal.ERROR, explain(error))
        finally:
            with self._state:
                self._serving = []
            _reject(tickets, Refusal.ERROR, "the server is stopping")

    def _land_all(self, tickets: Sequence[_Ticket]) -> None:
        moves = 0
        while left := [ticket for ticket in tickets if not ticket.settled.is_set()]:
            if moves == MOVES:
                reason = f"{self._target.name} was changed {moves} times meanwhile: try again later"
                _reject(left, Refusal.MOVING, reason)
                return
            with self._state:
                self._working = scope = rt.CancelScope()
                gone = [ticket for ticket in left if ticket.abandoned]
            if gone:
                _reject(gone, Refusal.STALE, "the request was taken back")
                continue
            with scope:
                try:
                    tip = self._target.tip()
                    if chain := self._chain(left, tip.commit):
                        moves = 0 if self._land_chain(chain, tip) else moves + 1
                except GitError as error:
                    if not is_lock_error(error.stderr):
                        raise
                    self._lock.wait(error)

    def _chain(self, tickets: Sequence[_Ticket], onto: str) -> list[_Link]:
        """Commits one upon the other; what cannot become one is settled at once.

        Or later, if it is only what comes before it that it cannot follow.
        """
        chain: list[_Link] = []
        try:
            with rt.TaskGroup() as group:
                for ticket in tickets:
                    parent = chain[-1].squashed.commit if chain else onto
                    squashed = self._squash.squash(ticket.request, parent)
                    if isinstance(squashed, Squashed) and squashed.old:
                        self._settle_old(ticket, squashed)
                    elif isinstance(squashed, Squashed):
                        self._checks.trust(ticket.request)
                        link = _Link(ticket, squashed, parent)
                        chain.append(link)
                        group.start_soon(self._checks.look_ahead, link.label, squashed, parent)
                    elif not chain:
                        _settle(ticket, squashed)
        except BaseExceptionGroup as error:
            raise first(error) from None
        return chain

    def _settle_old(self, ticket: _Ticket, squashed: Squashed) -> None:
        step = Step(ticket.request.task, squashed.commit, ticket.request.changes.base)
        move = rt.shielded(self._move.again, step)
        self._settle_moved([_Link(ticket, squashed, step.parent)], move, {})

    def _land_chain(self, chain: Sequence[_Link], tip: Tip) -> bool:
        """Land as much of it as passes; False if something else has moved meanwhile."""
        search, found = self._checks.search([(link.label, link.squashed) for link in chain])
        if search.good and not rt.shielded(self._land_links, chain[: search.good], tip, found):
            return False
        culprit = found.get(search.good) if search.failed else None
        if culprit is not None:
            ticket = chain[search.good].ticket
            onto = None if search.good else tip.commit
            _settle(ticket, self._checks.refusal(ticket.request, culprit, onto))
        return True

    def _land_links(
        self, links: Sequence[_Link], tip: Tip, found: dict[int, Evidence | None]
    ) -> bool:
        move = self._move.move_to([link.step for link in links], tip)
        self._settle_moved(links, move, found)
        return move.result is not Moved.MOVED

    def _settle_moved(
        self, links: Sequence[_Link], move: Move, found: dict[int, Evidence | None]
    ) -> None:
        if move.result is Moved.STALE and move.stale is not None:
            _reject([links[move.stale].ticket], Refusal.STALE, move.reason)
        if move.result is not Moved.DONE:
            return
        for index, link in enumerate(links):
            landed = Landed(
                commit=link.squashed.commit,
                target=self._target.name,
                marked=link.squashed.marked,
                noted=link.squashed.noted,
                pushed=move.pushed,
                checkout=move.checkout,
                warning=move.reason,
                evidence=found.get(index),
            )
            _settle(link.ticket, landed)


def _settle(ticket: _Ticket, outcome: Outcome) -> None:
    if not ticket.settled.is_set():
        ticket.outcome = outcome
        ticket.settled.set()


def _reject(tickets: Sequence[_Ticket], refusal: Refusal, reason: str) -> None:
    for ticket in tickets:
        _settle(ticket, Rejected(refusal=refusal, reason=reason))
