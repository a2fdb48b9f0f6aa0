"""What all tests with real processes need."""

from __future__ import annotations

import os

import pytest

# They watch processes in ways that only POSIX systems have.
collect_ignore_glob = [] if os.name == "posix" else ["test_*.py"]


@pytest.fixture(params=["async", "sync"])
def path(request: pytest.FixtureRequest) -> str:
    """The path to run on."""
    chosen: str = request.param
    return chosen
