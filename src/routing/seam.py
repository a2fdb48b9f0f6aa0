"""How code of the synchronous path is interrupted and has deadlines, for the bridge."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from .._runtime.sync_runtime import wait_for_future
from .._runtime.sync_scope import Scope, current_scope, entered

T = TypeVar("T")


class SeamBlocking:
    """The seam's scopes; a `rollout.bridge.Blocking`."""

    def wait(self, future: Future[None]) -> None:
        """Wait in the caller's scope; raises `Cancelled` when that ends."""
        wait_for_future(future)

    def deadline(self) -> float | None:
        """That of the caller's scope."""
        return current_scope().deadline

    def cancellable(self, fn: Callable[[], T]) -> tuple[Callable[[], T], Callable[[], None]]:
        """``fn`` in a scope of its own, and what ends that."""
        scope = Scope(None)

        def run() -> T:
            with entered(scope):
                return fn()

        return run, scope.cancel
