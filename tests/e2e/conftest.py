"""What all tests with real processes need."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(params=["async", "sync"])
def path(request: pytest.FixtureRequest) -> str:
    """The path to run on."""
    chosen: str = request.param
    return chosen


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These tests watch processes in ways that only POSIX systems have."""
    if os.name != "posix":
        for item in items:
            item.add_marker(pytest.mark.skip(reason="needs process groups and FIFOs"))
