"""Whole jobs: ``codeagent run`` on a list, as a fresh process."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from codeagent.ab.measure import MeasureError, Sample, run_command

from ..http.asking import KEYS, settings
from ..http.place import Place
from ..projects import LONGEST_LINE, Project, environment, make_project

TIME_LIMIT = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A list of so many tasks with so many instructions each.

    Without ``at_once`` they are done in place, one after the other; with it each has
    a worktree, and its work is landed.  The agent works ``seconds`` on an instruction,
    and the longest line that it writes has about ``longest`` characters.
    With ``models`` the server at that place is asked about every task.
    """

    tasks: int
    steps: int = 1
    at_once: int | None = None
    seconds: int = 0
    longest: int = LONGEST_LINE
    models: Place | None = None

    @contextmanager
    def project(self, agent: Path) -> Iterator[tuple[Project, dict[str, str]]]:
        """A new project, and the environment of its server."""
        with TemporaryDirectory(prefix="job-", ignore_cleanup_errors=True) as place:
            project = make_project(
                Path(place),
                "modern",
                agent,
                tasks=self.tasks,
                steps=self.steps,
                at_once=self.at_once,
                seconds=self.seconds,
                longest=self.longest,
            )
            if self.models is not None:
                _ask(project, self.models)
            yield project, environment(XDG_STATE_HOME=str(Path(place, "state")), **KEYS)

    def check(self, project: Project) -> None:
        """Raise `MeasureError` unless every task is done: what fails early is no fast server."""
        done = (project.root / "todo.md").read_text("utf-8").count("- [x]")
        if done != self.tasks:
            raise MeasureError(f"only {done} of {self.tasks} tasks were done; run it by hand")


def _ask(project: Project, place: Place) -> None:
    """Configure the models, and the authority that their server is trusted by."""
    base = place.questions(place.round_trip)
    (project.root / "llm_settings.yaml").write_text(settings(base), "utf-8")
    file = project.root / "codeagent.yaml"
    trusted = f"async:\n  http: {{ca_file: {json.dumps(str(place.ca))}}}\n"
    file.write_text(file.read_text("utf-8").replace("async:\n", trusted, 1), "utf-8")


class Run:
    """The job on one path: a side of an experiment, or the same without git for ``held``.

    With ``held`` so many tasks share a directory, which only a measurement may do:
    what is looked at then is the server and not git.
    """

    def __init__(
        self, name: str, path: str, job: Job, agent: Path, *, held: int | None = None
    ) -> None:
        self.name = name
        self._path = path
        self._job = job
        self._agent = agent
        self._held = held

    def open(self) -> None:
        """Nothing is kept between runs."""

    def settle(self) -> None:
        """Nothing is left of the run before."""

    def run(self, repeats: int) -> Sample:
        """Do the job on a new project each time."""
        runs = [self._once() for _ in range(repeats)]
        return Sample(
            sum(one.wall for one in runs),
            sum(one.cpu for one in runs),
            max(one.peak_rss or 0 for one in runs),
        )

    def _once(self) -> Sample:
        with self._job.project(self._agent) as (project, variables):
            command = project.command("run", self._path, "--json")
            if self._held is not None:
                program = Path(__file__).with_name("held.py")
                command = [sys.executable, str(program), self._path, str(self._held)]
            inside = self._job.models.inside if self._job.models else []
            sample = run_command(
                [*inside, *command],
                cwd=project.working_directory,
                env=variables,
                timeout=TIME_LIMIT,
            )
            self._job.check(project)
            return sample

    def close(self) -> None:
        """Nothing is kept between runs."""
