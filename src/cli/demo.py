"""``codeagent demo``: the whole job on a small project of its own, with a
stand-in agent that needs no account and no network."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from . import common

TODO = """\
# Things to do

Prose, headings and whatever else you write here stays as it is.

- [ ] Greet the user by name
- [ ] Count the words of a text
  - [ ] Ignore punctuation when counting
- [x] Something that was done before
- [ ] Write down how to use it <!-- priority: -1 -->
"""

CONFIG = """\
# One agent, described by its command: the stand-in that comes with codeagent.
agents:
  stand-in:
    command: [{python}, -m, codeagent.standin, -p, --output-format, stream-json, --force, --trust]
    prompt: stdin
    output: stream-json
async:
  agent: stand-in
# What decides whether a task's work is good.
verify:
  commands: [[{python}, -m, unittest, -q]]
"""

TEST = """\
import pathlib
import unittest


class Notes(unittest.TestCase):
    def test_no_note_is_empty(self):
        for note in pathlib.Path("notes").glob("*.md"):
            self.assertTrue(note.read_text("utf-8").strip(), note)
"""


def add_parser(subparsers: Any) -> None:
    """Add the command to the program's parser."""
    parser = subparsers.add_parser(
        "demo",
        description="Make a small project, work its TODO list to the end with a stand-in agent, "
        "and show what became of it.",
    )
    common.add_path(parser)
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="make the project here, and leave it there"
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="one JSON event a line")
    output.add_argument("--quiet", action="store_true", help="only the summary")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo; 0 if every task of it was done."""
    import shutil
    import tempfile

    from ..app import Request, prepare
    from .run import start

    if args.keep is not None and args.keep.exists() and any(args.keep.iterdir()):
        return common.complain(f"{args.keep} is not empty: name a directory that is")
    base = Path(tempfile.mkdtemp(prefix="codeagent-demo-")) if args.keep is None else None
    project = args.keep or Path(base or "", "project")
    try:
        made = _make(project, base)
        prepared = prepare(Request(project=project, path=args.path, directory=project))
        code = start(
            prepared,
            json=args.json,
            quiet=args.quiet,
            keep_watching=False,
            command="codeagent demo",
        )
        if not args.json:
            _show(project, kept=base is None, committed=made)
        return code
    finally:
        if base is not None:
            shutil.rmtree(base, ignore_errors=True)


def _make(project: Path, base: Path | None) -> bool:
    """Make the project; whether it is under version control, and so has worktrees."""
    import shutil

    project.mkdir(parents=True, exist_ok=True)
    config = CONFIG.format(python=repr(sys.executable))
    if base is not None:
        config += f"workspace:\n  directory: {str(base / 'worktrees')!r}\n"
    (project / "todo.md").write_text(TODO, "utf-8")
    (project / "codeagent.yaml").write_text(config, "utf-8")
    (project / ".gitignore").write_text("__pycache__/\n", "utf-8")
    (project / "tests").mkdir()
    (project / "tests" / "__init__.py").touch()
    (project / "tests" / "test_notes.py").write_text(TEST, "utf-8")
    if shutil.which("git") is None:
        return False
    _git(project, "init", "--quiet", "--initial-branch=main")
    _git(project, "config", "user.name", "Demo")
    _git(project, "config", "user.email", "demo@localhost")
    _git(project, "add", "--all")
    _git(project, "commit", "--quiet", "--no-verify", "--message", "A small project")
    return True


def _git(project: Path, *arguments: str) -> str:
    import subprocess

    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    own |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", "-C", str(project), *arguments], env=own, capture_output=True, check=True, text=True
    )
    return done.stdout


def _show(project: Path, *, kept: bool, committed: bool) -> None:
    print("\nThe list is now:\n")
    for line in (project / "todo.md").read_text("utf-8").splitlines():
        print(f"    {line}".rstrip())
    if committed:
        print("\nThe commits, each one verified by the project's tests before it landed:\n")
        for line in _git(project, "log", "--format=%h %s").splitlines():
            print(f"    {line}")
    hidden = (".codeagent", ".git")
    made = sorted(
        path.relative_to(project)
        for path in project.rglob("*")
        if path.is_file() and path.relative_to(project).parts[0] not in hidden
    )
    print("\nThe files of the project:\n")
    for path in made:
        print(f"    {path}")
    if kept:
        print(f"\nThe project stays in {project}; its logs and state are in .codeagent.")
    else:
        print("\nThe project was temporary; with --keep DIR it stays.")
