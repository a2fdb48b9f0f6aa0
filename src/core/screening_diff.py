"""What is wrong with a change, whatever its author says about it.

Secrets, forbidden paths, conflict markers and repositories within the repository
keep a change from being landed; leftovers, the server's own files, files too
large and submodules are only told.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .config.verify import VerifySettings
from .diff import ABSENT_MODE, SUBMODULE_MODE, Delta, added_lines
from .globs import Globs
from .leaks import leaks

MOST = 50
"""So many findings are told, the worst first, and the rest is counted."""

_LEFTOVERS = Globs(["*.orig", "*.rej", "*~", ".*.sw[a-p]", "*.LOCAL.*", "*.REMOTE.*", "*.BACKUP.*"])
_OWN = Globs([".codeagent"])
_MARKER = re.compile(r"(<{7}|>{7}|\|{7})(?: |\r?\Z)")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found; ``blocks`` says whether it keeps the change from landing."""

    text: str
    blocks: bool = False

    def __str__(self) -> str:
        return self.text


class DiffScreening:
    """Looks at the paths of a change, and at the lines that it adds.

    ``secrets`` are values that must not appear whatever they look like.
    """

    def __init__(self, settings: VerifySettings, secrets: Collection[str] = ()) -> None:
        self._forbidden = Globs(settings.forbidden)
        self._allowed = Globs(settings.allow)
        self._allowed_values = frozenset(settings.allow)
        self._largest = settings.max_file_size
        self._secrets = tuple(secrets)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def to_search(self, deltas: Iterable[Delta], sizes: Mapping[str, int]) -> list[str]:
        """The files whose added lines are to be looked at; ``sizes`` are by object id."""
        return [
            delta.path
            for delta in deltas
            if delta.is_file
            and delta.path not in self._allowed
            and sizes.get(delta.blob, 0) <= self._largest
        ]

    def paths(self, deltas: Sequence[Delta], sizes: Mapping[str, int]) -> Iterator[Finding]:
        """What is wrong with the paths of a change."""
        for delta in deltas:
            if delta.path not in self._allowed:
                yield from self._path(delta, sizes.get(delta.blob, 0))

    def patch(self, text: bytes) -> list[Finding]:
        """What is wrong with the lines that a patch adds, see `diff.PATCH`."""
        return [found for path, lines in added_lines(text) for found in self.lines(path, lines)]

    def lines(self, path: str, lines: Sequence[tuple[int, str]]) -> Iterator[Finding]:
        """What is wrong with the lines that were added to a file."""
        if path in self._allowed:
            return
        for number, text in lines:
            if found := _MARKER.match(text):
                marker = f"{shown(path)}:{number}: a conflict marker {found[1]}"
                yield Finding(f"{marker}; resolve the conflict", blocks=True)
        for leak in leaks(path, lines, self._secrets):
            if leak.value not in self._allowed_values:
                yield Finding(
                    f"{shown(path)}:{leak.number}: {leak.what}; take it out and revoke it, or let "
                    "it through with verify.allow",
                    blocks=True,
                )

    def _path(self, delta: Delta, size: int) -> Iterator[Finding]:
        path, added = shown(delta.path), delta.old_mode == ABSENT_MODE
        if delta.path in self._forbidden:
            verb = "deletes" if delta.kind == "D" else "adds" if added else "changes"
            yield Finding(f"{path}: the change {verb} a path of verify.forbidden", blocks=True)
        if delta.new_mode == SUBMODULE_MODE:
            if added:
                yield Finding(
                    f"{path}: a git repository within the repository, whose files would not be "
                    "landed; delete its .git, or let it through with verify.allow",
                    blocks=True,
                )
            else:
                yield Finding(f"{path}: another commit of a submodule")
        if added and delta.path in _LEFTOVERS:
            yield Finding(f"{path}: looks like a leftover")
        if added and delta.path in _OWN:
            yield Finding(f"{path}: a file of the server's own directory")
        if delta.is_file and size > self._largest:
            yield Finding(
                f"{path}: {size} bytes are more than verify.max_file_size ({self._largest}); "
                "not searched for secrets"
            )


def gather(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """At most `MOST` findings, each once, those that block first, and a word about the rest."""
    found = sorted(dict.fromkeys(findings), key=lambda finding: not finding.blocks)
    rest = found[MOST:]
    if not rest:
        return tuple(found)
    more = Finding(f"{len(rest)} more", blocks=any(finding.blocks for finding in rest))
    return (*found[:MOST], more)


def shown(path: str) -> str:
    """A path on one line, whatever characters are in it."""
    return path if path.isprintable() else ascii(path)
