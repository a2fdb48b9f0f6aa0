"""What a project's own verification is, judged by its files.

The first that fits is taken, in this order: nox, tox, pytest or unittest, the
``test`` script of package.json, cargo, go, make, maven, gradle, dotnet, mix.
In a project of several languages a ``test`` target of make goes before them
all, for only that can stand for the whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NAMES = frozenset(
    {
        "Cargo.toml", "GNUmakefile", "Makefile", "Pipfile.lock", "build.gradle",
        "build.gradle.kts", "bun.lock", "bun.lockb", "conftest.py", "go.mod", "gradlew",
        "makefile", "mix.exs", "mvnw", "noxfile.py", "package.json", "pdm.lock",
        "pnpm-lock.yaml", "poetry.lock", "pom.xml", "pyproject.toml", "pytest.ini",
        ".pytest.ini", "pytest.toml", "setup.cfg", "tox.ini", "tox.toml", "uv.lock", "yarn.lock",
    }
)  # fmt: skip
"""The names at the top of a project that `detect` knows."""

_TEST_FILE = re.compile(r"(?:(?P<place>tests?)/(?:[^/]+/)*)?(?:test_[^/]*|[^/]*_test|conftest)\.py")
_DOTNET = re.compile(r"[^/]+\.(?:sln|slnx|csproj|fsproj)")
_PACKAGE = re.compile(r"tests?/__init__\.py")

_NOX_SESSION = re.compile(
    r"^@(?:nox\.)?session\b(?P<arguments>[^\n]*(?:\n[^@\n][^\n]*)*?)\n(?:@[^\n]*\n)*"
    r"def (?P<name>\w+)",
    re.MULTILINE,
)
_NOX_NAME = re.compile(r"name\s*=\s*[\"']([^\"']+)[\"']")
_MAKE_TARGET = re.compile(r"^(?:[^\s#:=][^#:=\n]*[ \t])?test(?:[ \t][^#:=\n]*)?::?(?![=:])", re.M)
_PLACEHOLDER = re.compile(r"no test specified", re.IGNORECASE)
_UNITTEST = re.compile(r"^\s*(?:import|from)\s+unittest\b", re.MULTILINE)
_PYTEST = re.compile(r"^\s*(?:import|from)\s+pytest\b|^(?:async )?def test_", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Detection:
    """A command that verifies the project, and which file says so.

    ``source`` is that file, ``why`` one clause about it, ``passed_over`` the
    commands that would have fitted too.
    """

    argv: tuple[str, ...]
    source: str
    why: str
    passed_over: tuple[str, ...] = ()

    def __str__(self) -> str:
        others = f"; passed over: {', '.join(self.passed_over)}" if self.passed_over else ""
        return f"{' '.join(self.argv)} ({self.why}{others})"


@dataclass(frozen=True, slots=True)
class _Found:
    language: str
    argv: tuple[str, ...]
    source: str
    why: str


def is_of_interest(path: str) -> bool:
    """Whether `detect` looks at the file; paths are relative, with ``/``."""
    return bool(
        path in NAMES
        or _TEST_FILE.fullmatch(path)
        or _PACKAGE.fullmatch(path)
        or _DOTNET.fullmatch(path)
    )


def detect(files: Mapping[str, str]) -> Detection | None:
    """The command that verifies a project with these files, None if none can be told.

    ``files`` are texts by relative path, of those that are `is_of_interest`; of
    lock files, wrappers and the like the text may be empty.  A file that cannot
    be understood counts as one that says nothing.
    """
    files = {
        path: text.removeprefix("\ufeff").replace("\r\n", "\n") for path, text in files.items()
    }
    found = list(_all(files))
    if not found:
        return None
    chosen = found[0]
    if len({each.language for each in found} - {"make"}) > 1:
        chosen = next((each for each in found if each.language == "make"), chosen)
    others = (" ".join(each.argv) for each in found if each is not chosen)
    passed_over = tuple(dict.fromkeys(others))
    return Detection(chosen.argv, chosen.source, chosen.why, passed_over)


def _all(files: Mapping[str, str]) -> Iterator[_Found]:
    python = _python(files)
    if python is not None:
        yield python
    yield from _node(files)
    if "Cargo.toml" in files:
        workspace = "workspace" in _toml(files["Cargo.toml"])
        argv = ("cargo", "test", "--workspace") if workspace else ("cargo", "test")
        yield _Found("rust", argv, "Cargo.toml", "Cargo.toml is a cargo project")
    if "go.mod" in files:
        yield _Found("go", ("go", "test", "./..."), "go.mod", "go.mod is a Go module")
    for name in ("GNUmakefile", "makefile", "Makefile"):  # in make's own order
        if name in files:
            if _MAKE_TARGET.search(files[name]):
                yield _Found("make", ("make", "test"), name, f"{name} has a target test")
            break
    yield from _java(files)
    if solution := next(filter(_DOTNET.fullmatch, sorted(files)), None):
        yield _Found("dotnet", ("dotnet", "test"), solution, f"{solution} is a .NET project")
    if "mix.exs" in files:
        yield _Found("elixir", ("mix", "test"), "mix.exs", "mix.exs is a mix project")


def _python(files: Mapping[str, str]) -> _Found | None:
    """The one way in which the Python part of a project is tested."""
    if "noxfile.py" in files:
        session = _nox_session(files["noxfile.py"])
        argv = ("nox",) if session is None else ("nox", "-s", session)
        what = "sessions" if session is None else f"a session {session}"
        return _Found("python", argv, "noxfile.py", f"noxfile.py has {what}")
    settings = _toml(files.get("pyproject.toml", ""))
    tools = settings.get("tool")
    tools = tools if isinstance(tools, dict) else {}
    tox_ini, setup_cfg = _ini(files.get("tox.ini", "")), _ini(files.get("setup.cfg", ""))
    if source := (
        ("tox.ini" if any(s == "tox" or s.startswith("testenv") for s in tox_ini) else "")
        or ("tox.toml" if "tox.toml" in files else "")
        or ("setup.cfg" if "tox:tox" in setup_cfg else "")
        or ("pyproject.toml" if "tox" in tools else "")
    ):
        return _Found("python", ("tox",), source, f"{source} configures tox")
    run = _python_runner(files)
    if source := (
        next((n for n in ("pytest.toml", "pytest.ini", ".pytest.ini") if n in files), "")
        or ("pyproject.toml" if "pytest" in tools else "")
        or ("tox.ini" if "pytest" in tox_ini else "")
        or ("setup.cfg" if "tool:pytest" in setup_cfg else "")
    ):
        return _Found("python", (*run, "-m", "pytest"), source, f"{source} configures pytest")
    return _python_tests(files, run)


def _python_tests(files: Mapping[str, str], run: Sequence[str]) -> _Found | None:
    tests = {path: found for path in sorted(files) if (found := _TEST_FILE.fullmatch(path))}
    if not tests:
        return None
    source = next(iter(tests))
    texts = [files[path] for path in tests]
    pytest = any(path.endswith("conftest.py") for path in tests) or any(map(_PYTEST.search, texts))
    if pytest or not any(map(_UNITTEST.search, texts)):
        return _Found(
            "python", (*run, "-m", "pytest"), source, f"{source} is a test of pytest's kind"
        )
    place = tests[source]["place"]
    argv = [*run, "-m", "unittest", "discover"]
    if place is not None:
        argv += ["-s", place]
        if f"{place}/__init__.py" in files:
            argv += ["-t", "."]
    return _Found("python", tuple(argv), source, f"{source} is a test for unittest")


def _python_runner(files: Mapping[str, str]) -> tuple[str, ...]:
    """How Python is started in the environment that the project's lock file describes."""
    for lock, tool in (
        ("uv.lock", "uv"),
        ("poetry.lock", "poetry"),
        ("pdm.lock", "pdm"),
        ("Pipfile.lock", "pipenv"),
    ):
        if lock in files:
            return (tool, "run", "python")
    return ("python3",)


def _nox_session(text: str) -> str | None:
    """The session that runs the tests, None if none is called so."""
    names = []
    for found in _NOX_SESSION.finditer(text):
        given = _NOX_NAME.search(found["arguments"])
        names.append(given[1] if given else found["name"])
    return next((name for name in ("tests", "test") if name in names), None)


def _node(files: Mapping[str, str]) -> Iterator[_Found]:
    about = _json(files.get("package.json", ""))
    scripts = about.get("scripts")
    script = scripts.get("test") if isinstance(scripts, dict) else None
    if not isinstance(script, str) or not script.strip() or _PLACEHOLDER.search(script):
        return
    argv = {"bun": ("bun", "run", "test")}.get(manager := _node_manager(about, files))
    yield _Found(
        "javascript",
        argv or (manager, "test"),
        "package.json",
        f"package.json has a script test, {manager} is its package manager",
    )


def _node_manager(about: Mapping[str, Any], files: Mapping[str, str]) -> str:
    named = str(about.get("packageManager", "")).partition("@")[0]
    if named in ("npm", "pnpm", "yarn", "bun"):
        return named
    for lock, manager in (
        ("pnpm-lock.yaml", "pnpm"),
        ("yarn.lock", "yarn"),
        ("bun.lock", "bun"),
        ("bun.lockb", "bun"),
    ):
        if lock in files:
            return manager
    return "npm"


def _java(files: Mapping[str, str]) -> Iterator[_Found]:
    if "pom.xml" in files:
        program = "./mvnw" if "mvnw" in files else "mvn"
        argv = (program, "--batch-mode", "test")
        yield _Found("java", argv, "pom.xml", "pom.xml is a Maven project")
    for name in ("build.gradle", "build.gradle.kts"):
        if name in files:
            program = "./gradlew" if "gradlew" in files else "gradle"
            yield _Found("java", (program, "test"), name, f"{name} is a Gradle project")
            break


def _toml(text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _ini(text: str) -> list[str]:
    import configparser

    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return []
    return parser.sections()
