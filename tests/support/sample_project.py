"""A small project under git with real tests, and a list of tasks that can be checked.

The package ``tally`` has modules of its own and ``tally/shared.py``, to which
several tasks add.  ``python3 -m unittest -q`` runs its tests: among others, that
every function ``item_N`` returns N and that no name is defined twice, so that a
wrong or a lost piece of work fails at whatever commit it stands.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tarfile
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from .repositories import ENVIRONMENT, Repository, make_repository

COMMAND = [sys.executable, "-B", "-m", "unittest", "-q"]
"""The project's verification; a file may change twice in a second, so no bytecode is kept."""

SHARED = "tally/shared.py"

_FILES = {
    ".gitignore": "__pycache__/\n.codeagent/\ndocs/results/\n",
    "README.md": "# tally\n\nCounts things. Test it with `python3 -m unittest -q`.\n",
    "tally/__init__.py": '"""Counts things."""\n',
    "tally/numbers.py": (
        '"""Numbers."""\n\n\ndef total(numbers):\n    """The sum of some numbers."""\n'
        "    return sum(numbers)\n\n\ndef mean(numbers):\n"
        '    """The arithmetic mean; raises ValueError if there are none."""\n'
        "    if not numbers:\n        raise ValueError('no numbers')\n"
        "    return total(numbers) / len(numbers)\n"
    ),
    "tally/words.py": (
        '"""Words."""\n\nfrom collections import Counter\n\n\ndef frequencies(text):\n'
        '    """How often each word of a text occurs, whatever its case."""\n'
        "    return Counter(text.lower().split())\n"
    ),
    SHARED: '"""What several people add to."""\n',
    "tests/__init__.py": "",
    "tests/test_numbers.py": (
        "import unittest\n\nfrom tally import numbers\n\n\nclass Numbers(unittest.TestCase):\n"
        "    def test_mean(self):\n        self.assertEqual(numbers.mean([1, 2, 6]), 3)\n\n"
        "    def test_no_mean(self):\n        with self.assertRaises(ValueError):\n"
        "            numbers.mean([])\n"
    ),
    "tests/test_words.py": (
        "import unittest\n\nfrom tally import words\n\n\nclass Words(unittest.TestCase):\n"
        "    def test_frequencies(self):\n"
        "        self.assertEqual(words.frequencies('a B b'), {'a': 1, 'b': 2})\n"
    ),
    "tests/test_items.py": (
        "import ast\nimport importlib\nimport pathlib\nimport unittest\n\n\n"
        "class Items(unittest.TestCase):\n"
        "    def test_every_item_returns_its_number_and_is_defined_once(self):\n"
        "        seen = set()\n"
        "        for path in sorted(pathlib.Path('tally').glob('*.py')):\n"
        "            module = importlib.import_module(f'tally.{path.stem}')\n"
        "            for node in ast.parse(path.read_text('utf-8')).body:\n"
        "                name = getattr(node, 'name', '')\n"
        "                if name.startswith('item_'):\n"
        "                    self.assertNotIn(name, seen)\n"
        "                    seen.add(name)\n"
        "                    self.assertEqual(getattr(module, name)(), int(name[5:]))\n"
    ),
}


@dataclass(frozen=True)
class SampleProject:
    """The project, and the texts of its tasks by the number of what they ask for."""

    repository: Repository
    tasks: dict[int, str]

    def items(self, commit: str = "main") -> list[int]:
        """The numbers of the functions that are there at a commit, as often as they are."""
        found = []
        listed = self.repository.git("ls-tree", "-r", "--name-only", commit, "tally").split()
        for name in (name for name in listed if name.endswith(".py")):
            tree = ast.parse(self.repository.git("show", f"{commit}:{name}"))
            names = (node.name for node in tree.body if isinstance(node, ast.FunctionDef))
            found += [int(name[5:]) for name in names if name.startswith("item_")]
        return sorted(found)

    def done(self, commit: str = "main") -> list[int]:
        """The numbers of the tasks whose line is marked at a commit."""
        text = self.repository.git("show", f"{commit}:todo.md")
        return [int(n) for n in re.findall(r"^- \[[xX]\] .*\bitem_(\d+)\b", text, re.MULTILINE)]

    def failing(self, scratch: Path, commits: str = "main") -> dict[str, str]:
        """The output of the tests by commit, of those of ``commits`` at which they fail.

        ``scratch`` is a directory that does not exist yet.
        """
        failures = {}
        for commit in self.repository.git("rev-list", "--reverse", commits).split():
            place = scratch / commit
            self._extract(commit, place)
            result = subprocess.run(COMMAND, cwd=place, capture_output=True, text=True, check=False)
            if result.returncode:
                failures[commit] = result.stderr
        return failures

    def _extract(self, commit: str, place: Path) -> None:
        archive = subprocess.run(
            ["git", "-C", str(self.repository.path), "archive", commit],
            env=ENVIRONMENT,
            capture_output=True,
            check=True,
        )
        place.mkdir(parents=True)
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
            tar.extractall(place, filter="data")


def make_sample_project(
    path: Path, tasks: int, *, shared: Container[int] = (), name: str = "todo.md"
) -> SampleProject:
    """A project with a list of ``tasks`` items, each asking for one function.

    Those whose number is in ``shared`` add to one file, the others each to one
    of their own.
    """
    texts = {number: task_text(number, shared=number in shared) for number in range(1, tasks + 1)}
    lines = "".join(f"- [ ] {text}\n" for text in texts.values())
    for file, text in {**_FILES, name: f"# To do\n\n{lines}"}.items():
        place = path / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
    return SampleProject(make_repository(path, README__md=_FILES["README.md"]), texts)


def task_text(number: int, *, shared: bool = False) -> str:
    """What a task asks for; `chaos_agent` understands it."""
    file = SHARED if shared else f"tally/item_{number}.py"
    return f"Add a function item_{number} that returns {number} to {file}"
