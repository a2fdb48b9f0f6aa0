"""Where a task is worked on: its names, its ports, what is known of it."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

BRANCHES = "codeagent/"
"""What the name of every branch of the server begins with."""

SNAPSHOTS = "refs/codeagent/snap/"
"""Refs of states that were kept without a branch."""

RESCUED = "refs/codeagent/kept/"
"""Refs of what a branch held before its name was taken for something else."""

OWN_DIRECTORY = ".codeagent"
"""The directory of a worktree that never becomes part of a commit."""

INTEGRATION = "_merge"
"""The worktree in which branches are brought together; no task's name begins like it."""

_LONGEST_NAME = 80
_HIGHEST_PORT = 65535
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_OTHER = re.compile(r"[^A-Za-z0-9_-]+")


class WorkspaceError(Exception):
    """A workspace cannot be had as it is needed; the message says why and what to do."""


class SetupFailed(WorkspaceError):
    """The command that makes a new worktree ready did not succeed."""


class DiskFull(WorkspaceError):
    """There is too little room for another worktree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Where one attempt at a task is made.

    ``environment`` is all that its agent and commands get to see, ``base`` the
    commit that the work is compared with, ``branch`` what it is committed to.
    ``private`` is a directory of the task's own outside the worktree, and
    ``copied`` names the files, relative to ``path``, that were put there from
    the user's checkout and belong in no commit.
    """

    task_id: str
    path: Path
    in_place: bool = False
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    branch: str | None = None
    base: str | None = None
    slot: int | None = None
    private: Path | None = None
    copied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an attempt has changed since ``base``; ``files`` are relative paths.

    ``base`` is the newest commit of the target that the work contains.
    """

    commit: str
    tree: str
    base: str
    files: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing was changed."""
        return not self.files


def safe_name(task_id: str) -> str:
    """``task_id`` as one component of a path and of a ref; different ids, different names.

    An id that is not plain ASCII letters, digits, "_" and "-" gets a digest,
    for `git-check-ref-format(1)` and file systems each forbid something else.
    """
    if _PLAIN.fullmatch(task_id) and len(task_id) <= _LONGEST_NAME and task_id[:2] != "x-":
        return task_id
    digest = sha256(task_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    words = _OTHER.sub("-", task_id)[:40].strip("-_")
    return f"x-{words}-{digest}" if words else f"x-{digest}"


def branch_name(task_id: str, epoch: int) -> str:
    """The branch of one attempt."""
    return f"{BRANCHES}{safe_name(task_id)}-a{epoch}"


def is_branch_of(branch: str, task_id: str) -> bool:
    """Whether ``branch`` belongs to an attempt at the task."""
    return re.fullmatch(re.escape(f"{BRANCHES}{safe_name(task_id)}") + r"-a\d+", branch) is not None


def is_attempt(branch: str) -> bool:
    """Whether ``branch`` has the name of an attempt's, of whatever task."""
    return re.fullmatch(re.escape(BRANCHES) + r"[^/]+-a\d+", branch) is not None


def is_snapshot_of(ref: str, task_id: str) -> bool:
    """Whether ``ref`` is a snapshot of an attempt at the task."""
    return (
        re.fullmatch(re.escape(f"{SNAPSHOTS}{safe_name(task_id)}") + r"-a\d+-\d+", ref) is not None
    )


def snapshot_order(ref: str) -> tuple[int, int]:
    """By which the snapshots of a task are sorted: attempt and number."""
    attempt, number = re.findall(r"\d+", ref)[-2:]
    return int(attempt), int(number)


def snapshot_ref(branch: str, taken: Iterable[str]) -> str:
    """An unused ref for a snapshot of the attempt on ``branch``; ``taken`` are those that exist."""
    prefix = f"{SNAPSHOTS}{branch.removeprefix(BRANCHES)}-"
    numbers = [
        int(number)
        for ref in taken
        if (number := ref.removeprefix(prefix)).isdecimal() and ref.startswith(prefix)
    ]
    return f"{prefix}{max(numbers, default=0) + 1}"


def default_root(
    directory: str | None, project: Path, environment: Mapping[str, str], home: Path
) -> Path:
    """Where the worktrees of ``project`` lie: as configured, else in the user's state directory.

    ``project`` is its real path; a relative ``directory`` counts from there.
    """
    if directory is not None:
        wanted = home / directory[2:] if directory[:2] == "~/" else Path(directory)
        return project / wanted
    digest = sha256(str(project).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return state_home(environment, home) / f"{safe_name(project.name)[:40]}-{digest}"


def state_home(environment: Mapping[str, str], home: Path) -> Path:
    """What the user's state directory keeps for us: XDG Base Directory Specification 0.8."""
    configured = environment.get("XDG_STATE_HOME", "")
    state = Path(configured) if configured.startswith("/") else home / ".local" / "state"
    return state / "codeagent"


def free_slot(taken: Container[int], wanted: int | None = None) -> int:
    """``wanted`` if it is free, else the smallest number that is."""
    if wanted is not None and wanted not in taken:
        return wanted
    slot = 0
    while slot in taken:
        slot += 1
    return slot


def ports(slot: int, *, first: int, per_task: int) -> tuple[int, int]:
    """The first and the last port of a slot.

    Raises `WorkspaceError` if there are no ports with such numbers.
    """
    start = first + slot * per_task
    end = start + per_task - 1
    if end > _HIGHEST_PORT:
        raise WorkspaceError(
            f"the ports {start} to {end} do not exist: lower workspace.ports.first "
            "or workspace.ports.per_task, or run fewer tasks at once"
        )
    return start, end


def all_but(names: Iterable[str]) -> tuple[str, ...]:
    """Pathspecs that leave ``names`` out; see `gitglossary(7)`, pathspec."""
    excluded = (f":(exclude,top,literal){name}" for name in names)
    return (":(top)", *excluded)


def ignore_pattern(name: str) -> str:
    """The pattern of `gitignore(5)` that means just this path from the top."""
    return "/" + re.sub(r"([\\*?\[])", r"\\\1", name)


@dataclass(frozen=True, slots=True)
class Ready:
    """What is remembered of a worktree that is ready for work, see `Workspace`."""

    base: str
    copied: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """As it is kept in a file."""
        return json.dumps({"base": self.base, "copied": self.copied}).encode("ascii")


def parse_ready(data: bytes | None) -> Ready | None:
    """What `Ready.to_bytes` has made; None for anything else."""
    try:
        values = json.loads(data or b"")
        return Ready(str(values["base"]), tuple(map(str, values["copied"])))
    except (ValueError, TypeError, KeyError):
        return None


def disk_refusal(
    free: int, floor: int, directory: Path, kept: Iterable[tuple[Path, int]]
) -> str | None:
    """Why no further worktree is made in ``directory``, None if there is room; bytes all.

    ``kept`` are directories that could go, with their sizes.
    """
    if free >= floor:
        return None
    large = sorted(kept, key=lambda item: -item[1])[:5]
    listed = "".join(f"\n  {path} ({_megabytes(size)})" for path, size in large)
    what = f"free some, for instance{listed}" if listed else "free some"
    return (
        f"{directory} has {_megabytes(free)} of disk space left, and limits.disk_floor is "
        f"{_megabytes(floor)}: {what}"
    )


def _megabytes(size: int) -> str:
    return f"{size // 1_000_000} MB"
