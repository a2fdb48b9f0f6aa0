"""Whole directories, each operation one plain function that blocks."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

MANY = 10_000
"""How many files one pattern may mean before something else must be meant by it."""


class Matching(NamedTuple):
    """The names of files, relative to a tree, and what is wrong with others."""

    names: tuple[str, ...]
    problems: tuple[str, ...]


def make_private(paths: Iterable[Path]) -> None:
    """Create directories, and their parents, that nobody else may look into."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)


def matching(root: Path, patterns: Iterable[str]) -> Matching:
    """The files below ``root`` that ``patterns`` mean; a directory means all that is in it.

    What leads out of ``root``, itself or through a symbolic link, is a problem.
    """
    names: dict[str, None] = {}
    problems: list[str] = []
    real = root.resolve()
    for pattern in patterns:
        if pattern.startswith(("/", "~")) or ".." in Path(pattern).parts or not pattern.strip():
            problems.append(f"{pattern!r} is not below {root}")
            continue
        for count, file in enumerate(_files(root, pattern)):
            if count == MANY:
                problems.append(f"{pattern!r} means more than {MANY} files, the rest is left out")
                break
            name = file.relative_to(root).as_posix()
            if name.split("/")[0] == ".git":
                continue
            if not file.resolve().is_relative_to(real):
                problems.append(f"{name} leads out of {root} and is not copied")
            elif file.is_file():
                names[name] = None
    return Matching(tuple(names), tuple(problems))


def _files(root: Path, pattern: str) -> Iterator[Path]:
    for found in sorted(root.glob(pattern)):
        if found.is_dir() and not found.is_symlink():
            yield from sorted(path for path in found.rglob("*") if not path.is_dir())
        else:
            yield found


def copy_missing(source: Path, target: Path, names: Iterable[str]) -> list[str]:
    """Copy files from one tree into another, unless something of the name is there.

    Returns why some could not be.
    """
    problems = []
    real = target.resolve()
    for name in names:
        file = target / name
        if os.path.lexists(file):
            continue
        try:
            if not _existing(file.parent).resolve().is_relative_to(real):
                problems.append(f"{name} would lead out of {target} and is not copied")
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, file)
        except OSError as error:
            problems.append(f"{name} could not be copied: {error.strerror or error}")
    return problems


def copy_newer(pairs: Iterable[tuple[Path, Path]]) -> None:
    """Copy each file that is there over an older copy, for its owner alone."""
    for source, target in pairs:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            status = source.stat()
            if not stat.S_ISREG(status.st_mode):
                continue
            if target.exists() and target.stat().st_mtime_ns >= status.st_mtime_ns:
                continue
            temporary = target.with_name(f"{target.name}.new")
            shutil.copy2(source, temporary)
            temporary.chmod(0o600)
            temporary.replace(target)


def ignore_all(directory: Path) -> None:
    """Make a directory that git passes over with all that is in it."""
    if directory.is_symlink():
        directory.unlink()  # it would lead elsewhere
    directory.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError), (directory / ".gitignore").open("x") as file:
        file.write("*\n")


def replace_copy(source: Path, target: Path) -> None:
    """Copy a file with its times; without it there is no copy either."""
    try:
        shutil.copy2(source, target)
    except FileNotFoundError:
        target.unlink(missing_ok=True)


def move_contents(source: Path, target: Path, leave: str) -> None:
    """Move what is in ``source`` into ``target`` except ``leave``, and remove ``source``."""
    for entry in list(source.iterdir()):
        if entry.name != leave:
            entry.rename(target / entry.name)
    remove_tree(source)


def move_away(path: Path, directory: Path) -> Path | None:
    """Rename ``path`` into ``directory`` under an unused name; None if it is not there."""
    directory.mkdir(parents=True, exist_ok=True)
    number = 0
    while os.path.lexists(target := directory / f"{path.name}.{number}"):
        number += 1
    try:
        return path.rename(target)
    except FileNotFoundError:
        return None


def remove_tree(path: Path) -> str | None:
    """Delete a directory and all that is in it; why it could not be, None if it is gone.

    Write-protected directories, as module caches have them, do not stop it.
    """
    shutil.rmtree(path, ignore_errors=True)
    if not os.path.lexists(path):
        return None
    for directory, _, _ in os.walk(path):
        with contextlib.suppress(OSError):
            Path(directory).chmod(stat.S_IRWXU)
    try:
        shutil.rmtree(path)
    except OSError as error:
        return f"{error.filename or path} could not be deleted: {error.strerror or error}"
    return None


def disk_free(path: Path) -> int:
    """Bytes that may still be written where ``path`` is or is going to be."""
    return shutil.disk_usage(_existing(path)).free


def disk_used(path: Path, patience: int = 200_000) -> int:
    """Bytes on disk below ``path``, of at most ``patience`` entries; links are not followed."""
    total = 0
    for directory, names, files in os.walk(path):
        for name in files:
            with contextlib.suppress(OSError):
                status = os.lstat(os.path.join(directory, name))  # noqa: PTH118 - many of them
                total += getattr(status, "st_blocks", status.st_size // 512) * 512
        patience -= len(names) + len(files)
        if patience < 0:
            break
    return total


def entries(path: Path) -> list[str]:
    """The names in a directory, none if there is no such directory."""
    try:
        return sorted(entry.name for entry in path.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _existing(path: Path) -> Path:
    """``path`` or the nearest directory above it that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path
