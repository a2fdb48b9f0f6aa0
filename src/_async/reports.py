"""Waits for the report of an instruction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType

from .._runtime import async_runtime as rt
from ..core import report as rules
from ..core.report import Signature
from .io import AsyncIOManager

RECHECK = 5.0
"""Seconds after which the files are looked at although nothing was heard of
them: network file systems do not tell of what other machines write."""

SOON = 0.02
"""Seconds after which a file is looked at again that changed while it was read:
not every change, such as one of its times, is heard of."""


@dataclass(frozen=True, slots=True)
class Report:
    """An accepted report; ``path`` is relative to the project."""

    path: str
    text: str
    digest: str


class AsyncReportWatch:
    """The places where one instruction's report may appear, from its beginning on.

    Enter it before the agent is started: what is there then does not count.
    """

    def __init__(
        self, io: AsyncIOManager, project: Path, names: Sequence[str], phrase: str | None
    ) -> None:
        self._io = io
        self._phrase = phrase
        self._paths = {name: project / name for name in names}
        self._names: Mapping[Path, str] = {path: name for name, path in self._paths.items()}
        self._watch = io.watch(self._paths.values())
        self._baseline = rules.Baseline()
        self._written: set[str] = set()
        self.verdicts: dict[str, rules.Verdict] = {}

    async def __aenter__(self) -> AsyncReportWatch:
        await self._watch.__aenter__()
        found = self._watch.before
        self._baseline = rules.Baseline({self._names[path]: seen for path, seen in found.items()})
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self._watch.__aexit__(exc_type, exc, tb)

    async def make_directories(self) -> None:
        """Create what is missing of the places. Raises `OSError`."""
        if missing := self._watch.missing():
            await self._io.make_directories(missing)

    async def wait(self) -> Report:
        """The first report that is new, whole and carries the phrase."""
        told = self._note(self._watch.take())
        if not self._written:  # there is nothing to look at yet
            self.verdicts = {name: self._baseline.verdict(name) for name in self._paths}
            told = await self._rest(RECHECK)
        while (report := await self.look(told=told)) is None:
            unstable = rules.Verdict.UNSTABLE in self.verdicts.values()
            told = await self._rest(SOON if unstable else RECHECK)
        return report

    async def look(self, *, told: bool = False) -> Report | None:
        """The report if it is there now; `shortcomings` tells why not.

        ``told``: the system has just said that somebody wrote one of the files.
        """
        looks = await self._io.look(
            list(self._paths.values()), rules.MAX_BYTES + 1, self._is_fresh, told=told
        )
        for (name, path), (before, seen) in zip(self._paths.items(), looks, strict=True):
            verdict = rules.judge(
                fresh=before is not None and self._is_fresh(path, before),
                before=before if seen is None else seen.before,
                after=before if seen is None else seen.after,
                data=None if seen is None else seen.data,
                phrase=self._phrase,
            )
            self.verdicts[name] = verdict
            if verdict is rules.Verdict.ACCEPTED and seen is not None:
                return Report(name, seen.data.decode("utf-8"), sha256(seen.data).hexdigest())
        return None

    def shortcomings(self) -> str:
        """What the last look had against the files that are there, "" if there were none."""
        return rules.shortcomings(self.verdicts, self._phrase)

    async def _rest(self, seconds: float) -> bool:
        """Wait so long at most; whether something was heard of."""
        async with rt.CancelScope(seconds):
            return self._note(await self._watch.changed())
        return False

    def _note(self, changed: frozenset[Path]) -> bool:
        self._written.update(self._names[path] for path in changed)
        return bool(changed)

    def _is_fresh(self, path: Path, now: Signature) -> bool:
        name = self._names[path]
        return name in self._written or self._baseline.is_fresh(name, now)
