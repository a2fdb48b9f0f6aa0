"""The ports with every operation going through the rollout.

Whatever path an operation takes, what it needs of this server (locks, callbacks)
stays on the core's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from .._runtime import async_runtime as rt
from .._runtime import files
from .._runtime.usage import Usage
from ..core.git import GitOutcome, Unanswered, lasts, only_reads
from ..core.report import Signature
from ..rollout.router import current
from ..rollout.stages import Operation
from ..routing.capabilities import AGENTS, FILES_READ, FILES_WRITE, GIT_READ, GIT_WRITE, MONITORING
from ..routing.routes import Routes
from .agent_port import AgentJob, AsyncAgents
from .agents import AgentOutcome, AsyncAgentDriver
from .git import AsyncGit
from .io import AsyncIOManager
from .locks import AsyncLockManager
from .monitoring import AsyncGauge
from .rehearsal import AsyncRehearsal, Recorded

_WHOLE = -1
"""The limit of a snapshot that has none."""


class AsyncRoutedFiles(AsyncIOManager):
    """Files. Two writers of one file take turns, even if they take different paths."""

    def __init__(self, routes: Routes) -> None:
        super().__init__()
        rehearsal = AsyncRehearsal()
        self._run = routes.run
        self._turns = AsyncLockManager()
        own = AsyncIOManager()
        self._snapshot = routes.pair(
            FILES_READ, own.snapshot, "files", "snapshot", compare=_same_unless_changed
        )
        looked = replace(FILES_READ, operation=Operation.WRITE)  # answers change with time
        self._signatures = routes.pair(looked, own.signatures, "files", "signatures")
        self._write = routes.pair(
            FILES_WRITE,
            own.write,
            "files",
            "write",
            rehearse=rehearsal.write,
            rehearsal=("rehearsal", "write"),
        )
        self._append = routes.pair(
            FILES_WRITE,
            own.append,
            "files",
            "append",
            rehearse=rehearsal.append,
            rehearsal=("rehearsal", "append"),
        )
        self._edit = routes.pair(
            FILES_WRITE,
            own.edit,
            "files",
            "edit",
            rehearse=rehearsal.edit,
            rehearsal=("rehearsal", "edit"),
        )
        self._make = routes.pair(FILES_WRITE, own.make_directories, "files", "make_directories")
        self._remove = routes.pair(FILES_WRITE, own.remove, "files", "remove")

    async def read(self, path: Path) -> bytes | None:
        """The content of ``path``, None where there is no such file. Raises `OSError`."""
        found: files.Snapshot | None = await self._run(self._snapshot, path, _WHOLE)
        return None if found is None else found.data

    async def snapshot(self, path: Path, limit: int) -> files.Snapshot | None:
        """The content of ``path`` with what tells whether it is whole."""
        found: files.Snapshot | None = await self._run(self._snapshot, path, limit)
        return found

    async def signatures(self, paths: Sequence[Path]) -> list[Signature | None]:
        """What tells the present state of each file from a later one."""
        found: list[Signature | None] = await self._run(self._signatures, paths)
        return found

    async def write(self, path: Path, data: bytes) -> None:
        """Replace ``path`` as a whole, durably. Raises `OSError`."""
        async with self._turns.hold(str(path)):
            await self._run(self._write, path, data)

    async def append(self, path: Path, text: str) -> None:
        """Append ``text`` in one write. Raises `OSError`."""
        async with self._turns.hold(str(path)):
            await self._run(self._append, path, text)

    async def edit(self, path: Path, change: Callable[[bytes], bytes]) -> bool:
        """Replace ``path`` by what ``change`` makes of its newest content."""
        async with self._turns.hold(str(path)):
            changed: bool = await self._run(self._edit, path, Recorded(change))
            return changed

    async def make_directories(self, paths: Iterable[Path]) -> None:
        """Create what is missing. Raises `OSError`."""
        await self._run(self._make, list(paths))

    async def remove(self, paths: Iterable[Path]) -> None:
        """Delete files; those that are gone already do not matter. Raises `OSError`."""
        await self._run(self._remove, list(paths))


def _same_unless_changed(first: files.Snapshot | None, second: files.Snapshot | None) -> bool:
    """Whether two looks agree; a file that somebody wrote between them says nothing."""
    if first is None or second is None or first.before != second.after:
        return True
    return first.data == second.data


def _same_answer(first: GitOutcome, second: GitOutcome) -> bool:
    """Whether two calls of git ended alike; the wording of messages does not matter."""
    return (first.code, first.out) == (second.code, second.out)


class AsyncRoutedGit(AsyncGit):
    """Git. Beside each other run only calls whose answers no time can change."""

    def __init__(
        self, environment: Mapping[str, str], routes: Routes, *, timeout: float = 60.0
    ) -> None:
        super().__init__(environment, timeout=timeout)
        self._run_pair = routes.run
        looked = replace(GIT_READ, operation=Operation.WRITE)
        self._asks = routes.pair(GIT_READ, self.answer, "git", "answer", compare=_same_answer)
        self._looks = routes.pair(looked, self.answer, "git", "answer")
        self._writes = routes.pair(GIT_WRITE, self.answer, "git", "answer")

    async def attempt(
        self,
        directory: Path,
        *arguments: str,
        stdin: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> GitOutcome:
        """How a call ends, whichever way."""
        pair = self._writes
        if only_reads(arguments):
            pair = self._asks if lasts(arguments) else self._looks
        try:
            outcome: GitOutcome = await self._run_pair(
                pair, directory, *arguments, stdin=stdin, environment=environment, seconds=seconds
            )
        except Unanswered as error:
            return error.outcome
        return outcome


class AsyncRoutedAgents(AsyncAgents):
    """Agents. One run is one operation, and never doubled."""

    def __init__(self, driver: AsyncAgentDriver, io: AsyncIOManager, routes: Routes) -> None:
        super().__init__(driver, io)
        self._routes = routes
        self._succeed = routes.pair(AGENTS, self.succeed, "agents", "succeed")

    def kill_all(self) -> None:
        """End every agent at once, on either path."""
        super().kill_all()
        self._routes.tell("agents", "kill_all")

    async def run(self, job: AgentJob) -> AgentOutcome:
        """Run an agent to its end, which takes the path that this task's agents take."""
        launch = job.launch
        if (assignment := current()) is not None:
            launch = replace(launch, environment={**launch.environment, **assignment.environment()})
        job = replace(
            job,
            launch=launch,
            on_start=rt.from_any_thread(job.on_start),
            on_event=rt.from_any_thread(job.on_event),
        )
        try:
            outcome: AgentOutcome = await self._routes.run(self._succeed, job)
        except Exception as error:
            found: AgentOutcome | None = getattr(error, "outcome", None)  # that of either path
            if found is None:
                raise
            return found
        return outcome


class AsyncRoutedGauge(AsyncGauge):
    """What the process uses."""

    def __init__(self, routes: Routes) -> None:
        self._run = routes.run
        own = super().measure
        self._measure = routes.pair(MONITORING, own, "gauge", "measure", compare=_about_the_same)

    async def measure(self) -> Usage:
        """Memory and descriptors."""
        found: Usage = await self._run(self._measure)
        return found


def _about_the_same(first: Usage, second: Usage) -> bool:
    return abs(first.memory - second.memory) <= 0.25 * max(first.memory, second.memory)
