"""What is read from a git repository's directories without git. Blocking, each one plain function."""

from __future__ import annotations

import time
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple


def common_directory(directory: Path) -> Path:
    """The directory that all working trees of a repository share, links resolved.

    ``directory`` lies in one of them; outside of any it is itself the answer.
    Layout: `gitrepository-layout(5)`, ``.git`` files and ``commondir``.
    """
    here = Path(directory).resolve()
    for place in (here, *here.parents):
        marker = place / ".git"
        if marker.is_dir():
            return marker
        if marker.is_file():
            git_directory = place / marker.read_text("utf-8").partition(":")[2].strip()
            try:
                shared = (git_directory / "commondir").read_text("utf-8").strip()
            except FileNotFoundError:
                return git_directory.resolve()
            return (git_directory / shared).resolve()
    return here


def linked_git_directory(path: Path, common: Path) -> Path | None:
    """The git directory of the worktree at ``path``, None if it is none of the repository.

    ``common`` is what `common_directory` says.  A worktree and its git
    directory name each other; a copy of a worktree is not named back.
    """
    try:
        git_directory, back = _pointers(path)
        shared = (git_directory / "commondir").read_text("utf-8").strip()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    ours = (git_directory / shared).resolve() == common and (git_directory / "HEAD").exists()
    return git_directory if ours and back.resolve() == (path / ".git").resolve() else None


def worktree_git_directory(path: Path, project: Path) -> Path | None:
    """The git directory of the worktree at ``path``, None if it is none of ``project``'s."""
    return linked_git_directory(path, common_directory(project))


def was_moved(path: Path) -> bool:
    """Whether the worktree at ``path`` was elsewhere, and is no longer, when git last saw it."""
    try:
        return not _pointers(path)[1].exists()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return False


def _pointers(path: Path) -> tuple[Path, Path]:
    """The git directory that a worktree names, and the ``.git`` file which that names."""
    marker = (path / ".git").read_text("utf-8", "surrogateescape")
    git_directory = path / marker.partition(":")[2].strip()
    back = (git_directory / "gitdir").read_text("utf-8", "surrogateescape").strip()
    return git_directory, git_directory / back


UNFINISHED = {
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}
"""What lies in a git directory while an operation waits for somebody to go on."""


def unfinished(git_directory: Path) -> tuple[str, ...]:
    """The operations that were begun in a working tree and not ended."""
    found = (name for mark, name in UNFINISHED.items() if (git_directory / mark).exists())
    return tuple(dict.fromkeys(found))


def drop_stale_locks(git_directory: Path) -> None:
    """Delete what a killed git left in the directory of a working tree that nobody works in."""
    for name in ("index.lock", "HEAD.lock", "ORIG_HEAD.lock", "MERGE_HEAD.lock"):
        (git_directory / name).unlink(missing_ok=True)


STALE = 30.0
"""Seconds after which nobody holds the lock of a ref any more."""


def drop_stale_ref_locks(common: Path, prefixes: Iterable[str]) -> None:
    """Delete what a killed git left beside refs.

    ``prefixes`` are their full names up to a slash; others are left alone.
    """
    for prefix in prefixes:
        for lock in (common / prefix).rglob("*.lock"):
            if (lock_age(lock) or 0) > STALE:
                lock.unlink(missing_ok=True)


LEFT = 600.0
"""Seconds after which a lock of somebody else's has most likely been left behind."""


def lock_age(file: Path) -> float | None:
    """How many seconds ago a lock was taken, None if it is not there any more."""
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return None


def left_locks(common: Path, refs: Iterable[str]) -> list[tuple[Path, float]]:
    """The locks with their age that keep work from landing and have most likely been left behind.

    ``refs`` are full names.  Nothing is deleted.
    """
    files = [*sorted(common.glob("*.lock")), *(common / f"{ref}.lock" for ref in refs)]
    ages = ((file, lock_age(file)) for file in files)
    return [(file, age) for file, age in ages if age is not None and age > LEFT]


class Fingerprint(NamedTuple):
    """Digests of what all working trees share, apart from commits and refs."""

    hooks: str
    config: str
    stash: str


def fingerprint(common: Path) -> Fingerprint:
    """The fingerprint of the repository whose shared directory is ``common``.

    The stash is its reflog: entries that are dropped from the middle leave the
    ref where it was.
    """
    return Fingerprint(
        _digest(sorted((common / "hooks").glob("*"))),
        _digest([common / "config", common / "info" / "exclude", common / "info" / "attributes"]),
        _digest([common / "logs" / "refs" / "stash"]),
    )


def _digest(files: list[Path]) -> str:
    digest = sha256()
    for file in files:
        try:
            about = f"{file.name}\0{file.stat().st_mode & 0o111}\0"
            digest.update(about.encode("utf-8", "surrogateescape") + file.read_bytes() + b"\0")
        except (FileNotFoundError, IsADirectoryError):
            continue
    return digest.hexdigest()
