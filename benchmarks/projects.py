"""Projects to measure on, in the dialect of today and in the predecessor's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .http.advising import Adviser

REPORTS = "reports"

LONGEST_LINE = 200_000
"""Characters of what an agent reads in one piece, as agents do now and then."""

_INSTRUCTION = """\
    - instruction_id: {number}
      name: step {number}
      template: |
        Work on: {{task_name}}
        REPORT: reports/{{task_id}}_{number}.md
        PHRASE: step {number} is finished
      wait_for_file: reports/{{task_id}}_{number}.md
      control_phrase: step {number} is finished
      timeout: 60
"""

_OF_TODAY = """\
agents:
  bench:
    command: [{agent!r}, -p, --output-format, stream-json, --force, --trust]
    output: stream-json
    environment: {{BENCH_SECONDS: "{seconds}", BENCH_LONGEST: "{longest}"}}
async:
  agent: bench
{more}instructions:
  default:
"""

_OF_THE_PREDECESSOR = """\
project:
  base_dir: {project}
  todo_format: md
agent: {{}}
server:
  check_interval: 60
  task_delay: 0
cursor:
  cli:
    cli_path: {agent}
instructions:
  default:
"""


@dataclass(frozen=True, slots=True)
class Project:
    """A project on disk and the directory to call the server from."""

    root: Path
    working_directory: Path

    def write_list(self, tasks: int, *, done: bool = False) -> None:
        """A list of so many tasks."""
        box = "x" if done else " "
        lines = (f"- [{box}] Task number {number}\n" for number in range(1, tasks + 1))
        (self.root / "todo.md").write_text("".join(lines), "utf-8")

    def configure(self, text: str) -> None:
        """Add sections to the configuration of a modern project."""
        with (self.root / "codeagent.yaml").open("a", encoding="utf-8") as file:
            file.write(text)

    def command(self, command: str, path: str, *arguments: str) -> list[str]:
        """The command line of the server."""
        return [sys.executable, "-m", "codeagent", command, "--path", path, *arguments]


def make_project(
    place: Path,
    dialect: str,
    agent: Path,
    *,
    tasks: int,
    steps: int,
    at_once: int | None = None,
    seconds: int = 0,
    longest: int = LONGEST_LINE,
    files: int = 0,
    adviser: Adviser | None = None,
    sections: str = "",
) -> Project:
    """A project of its own in ``place``; ``dialect`` is ``modern`` or ``predecessor``.

    The agent is at work for so many ``seconds``; its longest line has about ``longest``
    characters.  With ``at_once`` the project is a git repository with so many ``files``,
    and so many tasks run side by side.  An ``adviser`` is asked about every task and
    every report.  ``sections`` are added to the configuration of a modern project.
    """
    root = place / "project"
    (root / REPORTS).mkdir(parents=True)
    instructions = "".join(_INSTRUCTION.format(number=n) for n in range(1, steps + 1))
    if dialect == "modern":
        project = Project(root, root)
        more = "" if at_once is None else f"  max_concurrent_tasks: {at_once}\n"
        if adviser is not None:
            more += f"  http: {{ca_file: {adviser.ca}}}\n"
            instructions = instructions.replace("timeout:", "check_report: true\n      timeout:")
            (root / "llm_settings.yaml").write_text(_models(adviser.url), "utf-8")
        text = _OF_TODAY.format(agent=str(agent), seconds=seconds, longest=longest, more=more)
        (root / "codeagent.yaml").write_text(text + instructions + sections, "utf-8")
    else:
        project = Project(root, place)
        (place / "config").mkdir()
        text = _OF_THE_PREDECESSOR.format(project=root, agent=agent)
        (place / "config" / "config.yaml").write_text(text + instructions, "utf-8")
    project.write_list(tasks)
    if at_once is not None:
        for number in range(files):
            file = root / "src" / f"part{number // 20}" / f"module{number}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"VALUE = {number}\n" * 50, "utf-8")
        _make_repository(root)
    return project


def _models(url: str) -> str:
    """Settings with one model, asked at ``url``; JSON is YAML, too."""
    model = {"name": "quick", "max_tokens": 500, "context_window": 32_000}
    providers = {"openai": {"base_url": url, "models": {"all": [model]}}}
    return json.dumps({"llm": {"model_roles": {"primary": ["quick"]}}, "providers": providers})


def _make_repository(root: Path) -> None:
    (root / ".gitignore").write_text(".codeagent/\n", "utf-8")
    (root / REPORTS / ".keep").touch()
    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    for words in (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        (*who, "commit", "-q", "-m", "start"),
    ):
        subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


def environment(**more: str) -> dict[str, str]:
    """The environment of a server: compiled modules are kept, as on a user's machine."""
    foreign = ("CODEAGENT_", "PYTHONDONTWRITEBYTECODE", "PROJECT_DIR", "BENCH_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, **more}


def run(command: list[str], cwd: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run a server to its end; raises `AssertionError` with its output if it fails."""
    done = subprocess.run(command, cwd=cwd, env=environment(**more), capture_output=True)
    assert done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "replace")
    return done
