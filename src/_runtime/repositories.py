"""What is read from a git repository's directories without git. Blocking, each one plain function."""

from __future__ import annotations

from pathlib import Path


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
