"""The project's documentation, as much of it as a question can hold."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from .._runtime import async_runtime as rt
from ..core.config import Config
from ..core.layout import Layout

ENOUGH = 8_000
"""Characters; questions quote less than this."""

MOST_FILES = 2_000
"""Directories with more entries are not searched to their end."""


class AsyncDocumentation:
    """Reads ``project.docs_dir``, except what agents report there."""

    def __init__(self, config: Config, layout: Layout) -> None:
        self._directory = layout.project / config.project.docs_dir
        self._left_out = {
            layout.project / name for name in (config.docs.results_dir, config.docs.reviews_dir)
        }
        self._extensions = {extension.lower() for extension in config.docs.supported_extensions}
        self._largest = config.docs.max_file_size

    async def read(self) -> str:
        """The beginnings of the documents in the order of their names; "" if there are none."""
        return await rt.run_blocking(
            _read, self._directory, self._left_out, self._extensions, self._largest
        )


def _read(
    directory: Path, left_out: Collection[Path], extensions: Collection[str], largest: int
) -> str:
    parts: list[str] = []
    length = 0
    for path in _files(directory, left_out):
        if path.suffix.lower() not in extensions:
            continue
        try:
            if path.stat().st_size > largest:
                continue
            with path.open("rb") as file:
                text = file.read(4 * ENOUGH).decode("utf-8", "replace").strip("\ufeff \r\n")
        except OSError:
            continue
        if text:
            parts.append(f"# {path.relative_to(directory).as_posix()}\n{text}")
            length += len(parts[-1])
        if length >= ENOUGH:
            break
    return "\n\n".join(parts)[:ENOUGH]


def _files(directory: Path, left_out: Collection[Path]) -> Iterator[Path]:
    seen = 0
    for folder, folders, names in os.walk(directory):
        here = Path(folder)
        folders[:] = sorted(n for n in folders if n[0] != "." and here / n not in left_out)
        for name in sorted(names):
            seen += 1
            if seen > MOST_FILES:
                return
            yield here / name
