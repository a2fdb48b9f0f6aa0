"""The two ways of an operation: on the core's own path, and across on the other."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from ..rollout.capability import Capability
from ..rollout.control import Rollout
from ..rollout.switch import Pair

DRAINED_WITHIN = 2.0


class Routes:
    """Sends the operations of one server through the rollout.

    ``run`` is for callers of the core's colour; ``other`` holds the ports of the other
    one, open.
    """

    def __init__(self, rollout: Rollout, path: str, other: Any) -> None:
        self._is_async = path == "async"
        self._other = other
        self._bridge = rollout.bridge
        self._shadow = rollout.shadow
        self.run: Callable[..., Any] = rollout.acall if self._is_async else rollout.call

    def pair(
        self,
        capability: Capability,
        own: Callable[..., Any],
        port: str,
        name: str,
        *,
        compare: Callable[[Any, Any], bool] = operator.eq,
        snapshot: Callable[[Any], Any] | None = None,
        rehearse: Callable[..., Any] | None = None,
        rehearsal: tuple[str, str] | None = None,
    ) -> Pair[Any, Any]:
        """The operation ``own`` and the one called ``name`` of the other colour's ``port``.

        ``rehearse`` is of our colour, ``rehearsal`` says port and name of the other's.
        """
        other = self._of(port, name)
        theirs = None if rehearsal is None else self._of(*rehearsal)
        sync, asynchronous = (other, own) if self._is_async else (own, other)
        first, second = (theirs, rehearse) if self._is_async else (rehearse, theirs)
        return Pair(
            capability,
            sync,
            asynchronous,
            compare=compare,
            snapshot=snapshot,
            rehearse_sync=first,
            rehearse_async=second,
        )

    def drain(self) -> None:
        """Wait, for a while, for what runs beside operations. It blocks."""
        self._shadow.drain(DRAINED_WITHIN)

    def tell(self, port: str, name: str) -> None:
        """Call something of the other colour that waits for nothing."""
        call = self._of(port, name)
        if self._is_async:
            call()
            return

        async def told() -> None:
            call()

        self._bridge.call(told)

    def _of(self, port: str, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            return getattr(getattr(self._other, port), name)(*args, **kwargs)

        return call
