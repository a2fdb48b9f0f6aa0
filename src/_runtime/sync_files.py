"""Blocking calls and whole-file operations on threads. Twin: ``async_files``."""

from __future__ import annotations

from collections.abc import Callable
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, TypeVar

from . import files
from .sync_scope import current_scope

R = TypeVar("R")
P = ParamSpec("P")


def run_blocking(fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a short blocking function beside the others.

    A cancelled caller hears of it when the function has ended, for it cannot
    be stopped and what it does must not surprise those who come after.
    """
    result = fn(*args, **kwargs)
    current_scope().check()
    return result


def read_bytes(path: Path) -> bytes:
    """The content of ``path``."""
    return run_blocking(files.read_bytes, path)


def write_atomic(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` as a whole; see `files.write_atomic`."""
    run_blocking(files.write_atomic, path, data)


def append(path: Path, data: bytes) -> None:
    """Append ``data`` to ``path`` in one write."""
    run_blocking(files.append, path, data)


class AppendFile:
    """A file that grows while something runs, such as an agent's raw output."""

    def __init__(self, descriptor: int, close: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._close = close

    @classmethod
    def of(cls, file: FileIO) -> AppendFile:
        """``file``, opened by `files.open_append`; use the result as a block."""
        return cls(file.fileno(), file.close)

    def write(self, data: bytes) -> None:
        """Append ``data``; it has left this process when the call returns."""
        run_blocking(files.write_all, self._descriptor, data)

    def __enter__(self) -> AppendFile:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._close()


def open_append(path: Path) -> AppendFile:
    """Open ``path`` for appending, unbuffered; use the result as a block.

    A missing directory is made.
    """
    return AppendFile.of(files.open_append(path))
