"""What tests of landing and pushing begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support.landings import listed
from ..support.repositories import Repository
from ..support.world import SpyStore, spied_store


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return listed(tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SpyStore]:
    with spied_store(tmp_path) as store:
        yield store
