"""A list that is worked through side by side by an agent that often goes wrong."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from .processes import environment
from .repositories import IDENTITY
from .sample_project import COMMAND, SampleProject, make_sample_project

AGENT = Path(__file__).with_name("chaos_agent.py")

_CONFIGURATION = """\
async:
  agent: chaos
  max_concurrent_tasks: {tasks}
  idle_timeout: 3
  handshake_timeout: 3
  exit_grace: 0.2
  report_timeout: 1
  grace_period: 2
  retry_delay: 0
agents:
  chaos:
    command: {agent}
    output: stream-json
    resume: [--resume, "{{session}}"]
server:
  checkpoint:
    max_task_attempts: 8
workspace:
  environment: [CHAOS_RATE, CHAOS_SEED, CHAOS_RECORDS, CHAOS_SECONDS, CHAOS_FAULTS]
verify:
  commands: [{verify}]
instructions:
  default:
    - instruction_id: 1
      name: work
      template: |
        {{task_name}}
        REPORT: docs/results/r_{{task_id}}.md
        PHRASE: Done!
      wait_for_file: docs/results/r_{{task_id}}.md
      control_phrase: Done!
      timeout: 60
"""


@dataclass(frozen=True)
class Night:
    """One project, its tasks, and what the server is started with."""

    sample: SampleProject
    scratch: Path
    env: dict[str, str]
    first: str

    @property
    def project(self) -> Path:
        return self.sample.repository.path

    def agents_alive(self) -> list[int]:
        """Processes of agents that were started for this project and still run."""
        mark = f"CHAOS_RECORDS={self.env['CHAOS_RECORDS']}".encode()
        alive = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and int(entry.name) != os.getpid():
                try:
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        alive.append(int(entry.name))
                except OSError:
                    continue
        return alive

    def check(self, unfinished: set[int]) -> None:
        """What must be true of the repository, whatever has happened.

        ``unfinished`` are the tasks that are left to a person.
        """
        done = set(self.sample.tasks) - unfinished
        assert self.sample.items() == sorted(done)
        assert sorted(self.sample.done()) == sorted(done)
        assert self.sample.failing(self.scratch, f"{self.first}..main") == {}
        assert self.sample.repository.git("status", "--short") == ""
        assert self.agents_alive() == []
        log = self.sample.repository.git("log", "--format=%B", f"{self.first}..main")
        tasks = [line for line in log.splitlines() if line.startswith("Codeagent-Task: ")]
        assert len(tasks) == len(set(tasks)) == len(done)


def make_night(
    base: Path, tasks: int, *, rate: float, seed: int, at_once: int = 10, shared: int = 4
) -> Night:
    """A committed project with ``tasks`` tasks, ``shared`` of them in one file."""
    sample = make_sample_project(base / "project", tasks, shared=range(1, shared + 1))
    sample.repository.write(
        "codeagent.yaml",
        _CONFIGURATION.format(
            tasks=at_once,
            agent=json.dumps([sys.executable, str(AGENT)]),
            verify=json.dumps(COMMAND),
        ),
    )
    sample.repository.git("add", "-A")
    sample.repository.git("commit", "-q", "-m", "configuration")
    env = environment(
        **IDENTITY,
        XDG_STATE_HOME=str(base / "state"),
        CHAOS_RATE=str(rate),
        CHAOS_SEED=str(seed),
        CHAOS_RECORDS=str(base / "records"),
    )
    return Night(sample, base / "scratch", env, sample.repository.git("rev-parse", "HEAD"))
