"""Everything that decides whether a change may land.

``nox`` runs the twins' check, the linters, the types and all tests; the other
sessions are for their own occasions.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from shutil import which

import nox

nox.needs_version = ">=2025.10.16"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"

# Interpreters that a version manager keeps off the PATH, beside the one that runs this.
MANAGED = sorted(Path(sys.base_prefix).parent.glob("3.*/bin"))
os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), *map(str, MANAGED)])

THIS = f"3.{sys.version_info.minor}"
PYTHONS = [one for one in ("3.11", "3.12", "3.13") if one == THIS or which(f"python{one}")] or [
    THIS
]
# What holds on the oldest and on the newest Python holds between them.
ENDS = dict.fromkeys((PYTHONS[0], PYTHONS[-1]))
nox.options.sessions = ["twins", "lint", "types", *(f"tests-{one}" for one in ENDS)]

# Tests against whole programs: servers, agents, and git.
PROGRAMS = ["e2e", "http2", *(f"*sync/test_{name}*" for name in ("git", "isolated", "landing"))]
PROGRAMS += ["*sync/test_push*", "*sync/test_workspaces*"]
PROJECT = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, *groups: str) -> None:
    """Install the project as its users get it, with the tools of some groups."""
    # A wheel and not an editable install: what is not packaged is not there,
    # and type checkers see the package.
    tools = nox.project.dependency_groups(PROJECT, *groups)
    extras = "[twins]" if any(tool.startswith("codeagent") for tool in tools) else ""
    others = [tool for tool in tools if not tool.startswith("codeagent")]
    session.install("--force-reinstall", "--no-deps", ".")
    session.install(f".{extras}", *others)


@nox.session
def twins(session: nox.Session) -> None:
    """The twins are what the generator makes of their sources today."""
    install(session, "lint")
    session.run("python", "-m", "codeagent.twins", "check")


@nox.session
def lint(session: nox.Session) -> None:
    """Style, layers and circles, in the twins as well."""
    install(session, "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports", "--no-cache")


@nox.session
def types(session: nox.Session) -> None:
    """Strict types over both paths and everything else, benchmarks and tests as well."""
    install(session, "types")
    session.run("mypy", *(f"-p{name}" for name in ("codeagent", "benchmarks", "tests")))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests on the oldest Python, on the others all but those against whole programs.

    Those take most of the time and say little about a Python: whoever wants
    them asks, as in ``nox -s tests-3.13 -- tests``.  A test that fails is
    run once more, and told as RERUN: a machine that stalls for seconds breaks
    one of thousands of deadlines, a defect breaks it twice.
    """
    oldest = session.python == PYTHONS[0]
    install(session, "test", *(["servers"] if oldest else []))
    programs = () if oldest else [f"--ignore-glob=tests/{name}" for name in PROGRAMS]
    session.run("python", "-m", "pytest", "--reruns=1", "-rfER", *(session.posargs or programs))


@nox.session
def bench(session: nox.Session) -> None:
    """Speed and memory of both paths, for a look."""
    install(session, "bench")
    session.run("python", "-m", "pytest", "benchmarks", *session.posargs)


@nox.session
def ab(session: nox.Session) -> None:
    """The gate: every criterion, decided; its exit code is the verdict's."""
    install(session, "bench")
    session.run("python", "-m", "benchmarks.gate", *session.posargs)


@nox.session(name="ab-quick")
def ab_quick(session: nox.Session) -> None:
    """The gate in under five minutes, for CI: only what is certainly worse fails it."""
    install(session, "bench")
    # 3: the numbers do not tell.  So little time does not always suffice.
    session.run(
        "python", "-m", "benchmarks.gate", "--quick", *session.posargs, success_codes=[0, 3]
    )


@nox.session
def memory(session: nox.Session) -> None:
    """The criteria of the gate that are about memory."""
    install(session, "bench")
    session.run("python", "-m", "benchmarks.gate", "--only", "memory", *session.posargs)


@nox.session
def profile(session: nox.Session) -> None:
    """A flame graph of either path: ``nox -s profile -- sync``."""
    install(session, "bench", "profile")
    session.run("python", "-m", "benchmarks.profile", *session.posargs)
