"""Git repositories to work on, made by the real git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

IDENTITY = {
    "GIT_AUTHOR_NAME": "A User",
    "GIT_AUTHOR_EMAIL": "user@example.org",
    "GIT_COMMITTER_NAME": "A User",
    "GIT_COMMITTER_EMAIL": "user@example.org",
}

ENVIRONMENT: Mapping[str, str] = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    **IDENTITY,
}
"""What git is called with: no configuration from outside."""


@dataclass(frozen=True)
class Repository:
    """A checkout on the branch ``main``."""

    path: Path

    def git(self, *arguments: str, check: bool = True) -> str:
        """What git answers in the checkout, without the white space around it."""
        result = subprocess.run(
            ["git", "-C", str(self.path), *arguments],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or result.returncode == 0, result.stderr
        return result.stdout.strip()

    def write(self, name: str, text: str) -> Path:
        """Write a file of the checkout."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def commit(self, **names: str) -> str:
        """Commit files, "__" in a name stands for "."; returns the commit."""
        for name, text in names.items():
            self.write(name.replace("__", "."), text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "work")
        return self.git("rev-parse", "HEAD")

    def worktrees(self) -> list[str]:
        """The paths of all worktrees but the first."""
        lines = self.git("worktree", "list", "--porcelain").splitlines()
        return [line[9:] for line in lines if line.startswith("worktree ")][1:]

    def branches(self) -> list[str]:
        """The branches of the server."""
        listed = self.git("for-each-ref", "--format=%(refname:short)", "refs/heads/codeagent")
        return listed.split()


def make_repository(path: Path, **names: str) -> Repository:
    """A repository with one commit of these files, "__" in a name stands for "."."""
    path.mkdir(parents=True, exist_ok=True)
    repository = Repository(path)
    repository.git("init", "-q", "-b", "main")
    repository.commit(**(names or {"README__md": "hello\n"}))
    return repository
