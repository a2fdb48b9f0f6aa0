"""``codeagent diff``: what a task has changed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import common

if TYPE_CHECKING:
    from ..core.overview import Row
    from .place import Place

_GIT = ("git", "-c", "core.quotepath=false", "--no-pager")


class Changes(NamedTuple):
    """Where the changes are, and the arguments of ``git diff`` that show them.

    With ``untracked`` the files that git does not know yet belong to them.
    """

    what: str
    directory: Path
    arguments: tuple[str, ...]
    untracked: bool = False


def add_parser(subparsers: Any) -> None:
    """Add the command to the program's parser."""
    parser = subparsers.add_parser(
        "diff",
        description="Show the changes of a task: the commit that was landed, else its worktree "
        "as it is now, else its branch.",
    )
    parser.add_argument("task", help=common.TASK_HELP)
    common.add_place(parser)
    parser.add_argument("--stat", action="store_true", help="only which files, and how much")
    parser.add_argument("--json", action="store_true", help="as one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """0, 1 if git fails, 2 if there is no such task or nothing is known of its changes."""
    import subprocess

    from ..store.overview import Overview
    from . import place, tasks

    found = place.find_place(args)
    if found is None:
        return common.WRONG_USAGE
    with Overview(found.database) as stored:
        row = tasks.pick(stored.tasks(), args.task)
        if row is None:
            return common.WRONG_USAGE
        task_id = row["id"]
        attempts = stored.attempts_of(task_id)
        changes = changes_of(
            found,
            landing=stored.landings().get(task_id, {}),
            workspace=stored.workspaces().get(task_id, {}),
            attempt=attempts[-1] if attempts else {},
        )
    options = ("--stat",) if args.stat else ()
    colour = "always" if sys.stdout.isatty() and not args.json else "never"
    try:
        text = _diff(changes, (*options, f"--color={colour}"))
    except (OSError, subprocess.CalledProcessError) as error:
        stderr = getattr(error, "stderr", None)
        reason = stderr.decode("utf-8", "replace").strip() if stderr else error
        common.complain(f"git cannot show the changes of {task_id}: {reason}")
        return 1
    if args.json:
        import json

        about = {"task": task_id, "what": changes.what, "directory": str(changes.directory)}
        print(json.dumps({**about, "diff": text}))
        return 0
    print(f"{task_id}: {changes.what}", file=sys.stderr)
    sys.stdout.write(text)
    return 0


def changes_of(place: Place, *, landing: Row, workspace: Row, attempt: Row) -> Changes:
    """The best that is known of a task's changes."""
    if landing.get("landed_at"):
        commit = landing["commit_id"]
        what = f"landed on {landing['target']} as {commit[:12]}"
        return Changes(what, place.project, (f"{landing['parent']}", commit))
    base = workspace.get("base") or attempt.get("base")
    if base and workspace and (directory := Path(workspace["path"])).is_dir():
        return Changes(f"in the worktree {directory}", directory, (base,), untracked=True)
    if base and (tip := attempt.get("commit_id") or attempt.get("snapshot")):
        return Changes(f"its last attempt, {tip[:12]}", place.project, (base, tip))
    if base and (branch := attempt.get("branch")):
        return Changes(f"on the branch {branch}", place.project, (base, branch))
    what = "worked on in place: everything in the project that is not committed"
    return Changes(what, place.project, ("HEAD",), untracked=True)


def _diff(changes: Changes, options: Sequence[str]) -> str:
    text = _git(changes.directory, "diff", *options, *changes.arguments, "--")
    if not changes.untracked:
        return text
    names = _git(changes.directory, "ls-files", "--others", "--exclude-standard", "-z")
    for name in filter(None, names.split("\0")):
        arguments = ("diff", *options, "--no-index", "--", "/dev/null", name)
        text += _git(changes.directory, *arguments, fine=(0, 1))
    return text


def _git(directory: Path, *arguments: str, fine: tuple[int, ...] = (0,)) -> str:
    import subprocess  # takes as long as all the rest of the program's start

    done = subprocess.run(
        [*_GIT, "-C", str(directory), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode not in fine:
        raise subprocess.CalledProcessError(done.returncode, arguments, done.stdout, done.stderr)
    return done.stdout.decode("utf-8", "replace")
