"""Both paths as the core's."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["async", "sync"])
def path(request: pytest.FixtureRequest) -> str:
    """The path of the core."""
    chosen: str = request.param
    return chosen
