# Generated from src/_async/routed_http.py. Do not edit.
"""The HTTP client with every request going through the rollout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .._runtime import sync_runtime as rt
from ..routing.capabilities import LLM
from ..routing.routes import Routes
from .http import Exchange, HTTPClient, Outcome


class RoutedHTTPClient(HTTPClient):
    """Asks providers. Beside a request only its draft is made again; nothing is asked twice."""

    def __init__(
        self, options: rt.NetworkOptions, routes: Routes, *, clock: Callable[[], float]
    ) -> None:
        super().__init__(options, clock=clock)
        self._run = routes.run
        self._send = routes.pair(
            LLM,
            self.send,
            "http",
            "send",
            compare=_is_alike,
            rehearse=self.redraft,
            rehearsal=("http", "redraft"),
        )

    def exchange(self, job: Exchange) -> Outcome:
        """Send the request until there is an answer, or no use in going on."""
        if job.reason_to_stop is not None:
            job = replace(job, reason_to_stop=rt.from_any_thread(job.reason_to_stop))
        drafted = self.draft(job)
        try:
            outcome: Outcome = self._run(self._send, job, drafted)
        except Exception as error:
            found: Outcome | None = getattr(error, "outcome", None)  # that of either path
            if found is None:
                raise
            return found
        return outcome


def _is_alike(outcome: Outcome, found: bytes | None) -> bool:
    """Whether the drafts are: not what came back is compared."""
    return found is None
