"""Git as it is called, and what it answers: command lines, environments, machine-readable output.

All output is read as git writes it with ``-z``: fields end with a NUL, nothing
is quoted.  Paths need not be UTF-8; what is not becomes lone surrogates
(PEP 383), which the operating system turns back into the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

GIT_SETTINGS = (
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
    "-c", "core.fsmonitor=false",
    "-c", "submodule.recurse=false",
    "-c", "fetch.recurseSubmodules=false",
    "-c", "core.quotePath=false",
    "-c", "advice.detachedHead=false",
)  # fmt: skip
"""Options of every call: no housekeeping and no daemon that outlive it, nothing recursive."""

_NO_HOOKS = ("-c", "core.hooksPath=/dev/null")

GIT_ENVIRONMENT: Mapping[str, str] = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
    "GIT_SEQUENCE_EDITOR": "true",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "LC_ALL": "C.UTF-8",
}
"""Variables of every call: nobody is asked anything, and messages are in English."""

# ``git rev-parse --local-env-vars`` without GIT_CONFIG_COUNT, by which containers declare
# safe directories, and what changes how paths, differences and refs are shown.
_STRIPPED = frozenset(
    [
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CONFIG",
        "GIT_CONFIG_PARAMETERS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_GRAFT_FILE",
        "GIT_INDEX_FILE",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_REPLACE_REF_BASE",
        "GIT_PREFIX",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_SHALLOW_FILE",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_EXTERNAL_DIFF",
        "GIT_DIFF_OPTS",
        "GIT_LITERAL_PATHSPECS",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
        "GIT_QUARANTINE_PATH",
        "GIT_CEILING_DIRECTORIES",
        "LANGUAGE",
    ]
)

NO_COMMIT = "0" * 40
"""As the expected old value of a ref: it must not exist yet (`git-update-ref(1)`)."""

LOCK_RETRIES = 4
LOCK_PAUSE = 0.25
"""Seconds between two tries at what another git process holds locked."""

_LOCKED = re.compile(
    r"unable to create '[^'\n]*\.lock': file exists"
    r"|could not lock config file [^\n]*: file exists"
    r"|another git process seems to be running",
    re.IGNORECASE,
)
_LOCK_FILE = re.compile(r"'([^'\n]*\.lock)': File exists")


@dataclass(frozen=True, slots=True)
class GitOutcome:
    """How a call ended: the exit code, standard output, standard error."""

    code: int
    out: bytes
    err: str


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """One path that differs from the commit, the index or both.

    ``code`` is the pair of letters of `git-status(1)`, "??" for an untracked
    and "!!" for an ignored path; ``original`` is where a renamed one was.
    """

    code: str
    path: str
    original: str | None = None
    submodule: bool = False

    @property
    def untracked(self) -> bool:
        """Whether git does not know the path."""
        return self.code == "??"

    @property
    def ignored(self) -> bool:
        """Whether the path is of no interest by the project's own rules."""
        return self.code == "!!"

    @property
    def unmerged(self) -> bool:
        """Whether the path is in conflict."""
        return "U" in self.code or self.code in ("AA", "DD")


@dataclass(frozen=True, slots=True)
class Status:
    """A working tree; ``commit`` is None before the first, ``branch`` when it is detached."""

    commit: str | None
    branch: str | None
    entries: tuple[StatusEntry, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing would be lost with the working tree, ignored files aside."""
        return all(entry.ignored for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Worktree:
    """One working tree of a repository; ``branch`` is a short name, None when detached.

    ``locked`` and ``prunable`` are the reasons that git gives, "" without one.
    """

    path: str
    commit: str | None = None
    branch: str | None = None
    bare: bool = False
    locked: str | None = None
    prunable: str | None = None


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path of a difference: ``kind`` is A, C, D, M, R, T or U."""

    kind: str
    path: str
    original: str | None = None


@dataclass(frozen=True, slots=True)
class MergeTree:
    """What a merge would give: the tree, the paths in conflict, and git's words."""

    tree: str
    conflicts: tuple[str, ...]
    messages: tuple[str, ...]


def command_line(arguments: Sequence[str]) -> tuple[str, ...]:
    """The call of git with ``arguments``, hooks switched off.

    A hook of the project's belongs to its people's commits and checkouts, and an
    agent may have planted one.  ``push`` keeps them: Git LFS uploads through one.
    """
    hooks = () if _subcommand(arguments) == "push" else _NO_HOOKS
    return ("git", *GIT_SETTINGS, *hooks, *arguments)


def _subcommand(arguments: Sequence[str]) -> str:
    words = iter(arguments)
    for word in words:
        if word in ("-c", "-C", "--git-dir", "--work-tree"):
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""


def git_environment(environment: Mapping[str, str], extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a call: nothing that points at another repository, ``extra`` last."""
    kept = {name: value for name, value in environment.items() if name not in _STRIPPED}
    return {**kept, **GIT_ENVIRONMENT, **extra}


def is_only_ignored(stderr: str) -> bool:
    """Whether ``git add`` complains of nothing but that what it was to leave out is ignored.

    It has then added all the rest (`builtin/add.c`).
    """
    lines = stderr.splitlines()
    told = bool(lines) and lines[0].startswith("The following paths are ignored by")
    return told and not any(line.startswith(("error:", "fatal:")) for line in lines)


class Unanswered(Exception):
    """Git could not be started, or had to be ended: there is no answer but ``outcome``."""

    def __init__(self, outcome: GitOutcome) -> None:
        super().__init__(outcome.err)
        self.outcome = outcome


_READS = frozenset(
    {
        "cat-file",
        "check-ignore",
        "diff",
        "diff-index",
        "diff-tree",
        "for-each-ref",
        "log",
        "ls-files",
        "ls-tree",
        "merge-base",
        "merge-tree",
        "rev-list",
        "rev-parse",
        "show",
        "status",
    }
)
_LASTING = frozenset({"cat-file", "diff-tree", "ls-tree", "merge-base", "merge-tree", "rev-list"})
_OBJECT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?(?:\^\{\w*\}|:.*)?")


def only_reads(arguments: Sequence[str]) -> bool:
    """Whether a call changes nothing but, at most, adds objects that nothing refers to."""
    return bool(arguments) and arguments[0] in _READS


def lasts(arguments: Sequence[str]) -> bool:
    """Whether a call gives the same answer whenever it is made: it names objects, no refs."""
    if not arguments or arguments[0] not in _LASTING:
        return False
    named = [word for word in arguments[1:] if not word.startswith("-")]
    return bool(named) and all(_OBJECT.fullmatch(word) for word in named)


def is_lock_error(stderr: str) -> bool:
    """Whether another git process held what this one needed; to try again may help.

    A ref that has moved ("is at … but expected …") is no such case.
    """
    return bool(_LOCKED.search(stderr))


def lock_file(stderr: str) -> str | None:
    """The file that holds what this call needed, if it is named."""
    found = _LOCK_FILE.search(stderr)
    return None if found is None else found[1]


def advice(stderr: str) -> str:
    """What can be done about a failed call, where that is known, else ""."""
    lower = stderr.lower()
    if file := lock_file(stderr):
        return f"if no git command is running there, delete {file}"
    if is_lock_error(stderr):
        return "wait for the other git command to end"
    for words, what in _ADVICE:
        if words in lower:
            return what
    return ""


_ADVICE = (
    ("dubious ownership", "run: git config --global --add safe.directory DIRECTORY"),
    ("please tell me who you are", "set user.name and user.email with git config"),
    ("unable to auto-detect email", "set user.name and user.email with git config"),
    ("no space left on device", "free some disk space"),
    ("could not read username", "store credentials for the remote, for git cannot ask for them"),
    ("permission denied (publickey", "give the server an SSH key that the remote accepts"),
    ("could not resolve host", "check the network and the remote's address"),
    ("not a git repository", "name the top directory of a git checkout"),
    ("but expected", "the ref has moved meanwhile: read it again"),
    ("already exists", "remove or rename what is there"),
    ("already checked out at", "remove that worktree, or take another branch"),
    ("smudge filter lfs failed", "check that git-lfs can reach its server"),
)  # fmt: skip


def decoded(data: bytes) -> str:
    """Git's output as text, see above about paths."""
    return data.decode("utf-8", "surrogateescape")


def fields(data: bytes) -> list[str]:
    """The NUL-terminated fields of ``data``."""
    found = decoded(data).split("\0")
    if found[-1] == "":
        found.pop()
    return found


def parse_status(data: bytes) -> Status:
    """What ``status --porcelain=v2 --branch -z`` says (`git-status(1)`, format version 2)."""
    commit = branch = None
    entries = []
    words = iter(fields(data))
    for word in words:
        match word[:2]:
            case "# ":
                name, _, value = word[2:].partition(" ")
                if name == "branch.oid" and value != "(initial)":
                    commit = value
                if name == "branch.head" and value != "(detached)":
                    branch = value
            case "1 ":
                entries.append(_entry(word, 8))
            case "2 ":
                entries.append(_entry(word, 9, next(words, None)))
            case "u ":
                entries.append(_entry(word, 10))
            case "? ":
                entries.append(StatusEntry("??", word[2:]))
            case "! ":
                entries.append(StatusEntry("!!", word[2:]))
    return Status(commit, branch, tuple(entries))


def _entry(word: str, before_path: int, original: str | None = None) -> StatusEntry:
    parts = word.split(" ", before_path)
    return StatusEntry(parts[1], parts[before_path], original, parts[2].startswith("S"))


def parse_worktrees(data: bytes) -> list[Worktree]:
    """What ``worktree list --porcelain -z`` says, the main one first."""
    return list(_worktrees(data))


def _worktrees(data: bytes) -> Iterator[Worktree]:
    about: dict[str, str] = {}
    for line in [*fields(data), ""]:
        if line:
            name, _, value = line.partition(" ")
            about[name] = value
        elif about:
            branch = about.get("branch")
            yield Worktree(
                path=about["worktree"],
                commit=about.get("HEAD"),
                branch=None if branch is None else branch.removeprefix("refs/heads/"),
                bare="bare" in about,
                locked=about.get("locked"),
                prunable=about.get("prunable"),
            )
            about = {}


def parse_changes(data: bytes) -> list[FileChange]:
    """What ``diff --name-status -z`` says."""
    found = []
    words = iter(fields(data))
    for kind in words:
        first = next(words)
        if kind[:1] in ("R", "C"):
            found.append(FileChange(kind[0], next(words), first))
        else:
            found.append(FileChange(kind[:1], first))
    return found


def parse_merge_tree(data: bytes) -> MergeTree:
    """What ``merge-tree --write-tree -z --name-only`` says, after exit code 0 or 1."""
    tree, *rest = fields(data)
    end = rest.index("") if "" in rest else len(rest)
    words = iter(rest[end + 1 :])
    messages = []
    for count in words:
        for _ in range(int(count) + 1):  # the paths, and the kind of the message
            next(words)
        messages.append(next(words).strip())
    return MergeTree(tree, tuple(dict.fromkeys(rest[:end])), tuple(messages))
