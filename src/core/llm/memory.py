"""What is known of the models while a process works: kept from one manager to the next."""

from __future__ import annotations

from dataclasses import dataclass

from .asking import Result
from .budget import Budget, Ledger, prices
from .cache import Cache
from .models import Models
from .settings import LLMSetup

LARGEST_CACHE = 16 * 1024 * 1024
"""Characters of all answers that are kept."""


@dataclass(slots=True)
class LLMMemory:
    """How the models fare, what was spent on them, and what they have answered."""

    models: Models
    ledger: Ledger
    cache: Cache[str, Result]
    questions: int = 0
    shared: int = 0

    @classmethod
    def of(cls, setup: LLMSetup) -> LLMMemory:
        """Of somebody who has asked nothing yet."""
        return cls(
            Models(setup),
            Ledger(prices(setup.models), Budget(**setup.budget.model_dump())),
            Cache(
                max_entries=setup.cache.entries,
                max_size=LARGEST_CACHE,
                max_age=setup.cache.max_age,
            ),
        )
