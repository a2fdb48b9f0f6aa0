"""A project in a temporary directory, with names of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeagent.twins import Config, load_config

SECTION = """
[tool.codeagent.twins]
pairs = { "lib/brook/aio" = "lib/brook/blocking" }
renames = { aio = "blocking", aclose = "close" }
"""

WATER = '''"""Water that flows."""

from __future__ import annotations

from collections.abc import AsyncIterator

from . import aio_names  # a neighbour
from .stone import AsyncStone


class AsyncBrook:
    """Blocks until the water has passed."""

    async def __aenter__(self) -> AsyncBrook:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await AsyncStone().roll()

    async def drops(self) -> AsyncIterator[int]:
        for number in range(3):
            yield number
'''

STONE = """from __future__ import annotations

from lib.brook.aio import names


class AsyncStone:
    async def roll(self) -> str:
        return names.STONE
"""


class Project:
    """Writes and reads files below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("pyproject.toml", SECTION)

    def write(self, path: str, text: str | bytes) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)
        return target

    def read(self, path: str) -> str:
        return (self.root / path).read_bytes().decode()

    def config(self) -> Config:
        return load_config(start=self.root)

    def snapshot(self) -> dict[str, tuple[bytes, int]]:
        """Every file and folder of the project, with contents and modification time."""
        return {
            path.relative_to(self.root).as_posix(): (
                path.read_bytes() if path.is_file() else b"",
                path.stat().st_mtime_ns,
            )
            for path in sorted(self.root.rglob("*"))
        }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project without sources."""
    made = Project(tmp_path / "project")
    (made.root / "lib/brook/aio").mkdir(parents=True)
    return made


@pytest.fixture
def brook(project: Project) -> Project:
    """A project with two modules, one of them in a package below, that convert well."""
    water = WATER.replace("from . import aio_names  # a neighbour\n", "")
    project.write("lib/brook/aio/water.py", water)
    project.write("lib/brook/aio/stone.py", STONE)
    project.write("lib/brook/aio/deep/__init__.py", "")
    return project
