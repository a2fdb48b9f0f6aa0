"""When a service that failed is started again."""

from __future__ import annotations

from dataclasses import dataclass

SHORTEST = 0.1
LONGEST = 30.0
CALM = 60.0
"""A service that ran for so many seconds is forgiven its earlier failures."""

PATIENCE = 10
"""After so many failures in a row a service is given up."""


class ServiceFailed(Exception):
    """A service failed too often to be started once more."""


@dataclass(frozen=True, slots=True)
class Failures:
    """How often a service failed in a row."""

    count: int = 0

    def after(self, ran_for: float) -> Failures:
        """One more failure, of a run of so many seconds."""
        return Failures(1 if ran_for >= CALM else self.count + 1)

    @property
    def restart_in(self) -> float | None:
        """Seconds until the next start; None if the service is given up."""
        if self.count > PATIENCE:
            return None
        return float(min(LONGEST, SHORTEST * 2 ** max(self.count - 1, 0)))
