"""The project's own verification, told by its files."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.detect import NAMES, detect, is_of_interest

PYTEST = "[tool.pytest.ini_options]\n"
SCRIPT = json.dumps({"scripts": {"test": "jest"}})


def command(files: Mapping[str, str]) -> str | None:
    found = detect(files)
    return None if found is None else " ".join(found.argv)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"noxfile.py": "@nox.session\ndef tests(session):\n    pass\n"}, "nox -s tests"),
        ({"noxfile.py": "@session(python=['3.11'])\ndef test(s): ...\n"}, "nox -s test"),
        ({"noxfile.py": "@nox.session(name='tests')\ndef run(s): ...\n"}, "nox -s tests"),
        (
            {"noxfile.py": "@nox.session(\n    python='3.12',\n)\n@other\ndef tests(s): ...\n"},
            "nox -s tests",
        ),
        ({"noxfile.py": "@nox.session\ndef lint(s): ...\n"}, "nox"),
        ({"tox.ini": "[tox]\nenvlist = py311\n"}, "tox"),
        ({"tox.ini": "[testenv]\ncommands = pytest\n"}, "tox"),
        ({"tox.ini": "[pytest]\naddopts = -q\n"}, "python3 -m pytest"),
        ({"tox.ini": "[flake8]\nmax-line-length = 100\n"}, None),
        ({"setup.cfg": "[tox:tox]\n"}, "tox"),
        ({"setup.cfg": "[tool:pytest]\naddopts = %s\n"}, "python3 -m pytest"),
        ({"setup.cfg": "[metadata]\nname = x\n"}, None),
        ({"pytest.ini": ""}, "python3 -m pytest"),
        ({"pyproject.toml": PYTEST}, "python3 -m pytest"),
        ({"pyproject.toml": "\ufeff" + PYTEST.replace("\n", "\r\n")}, "python3 -m pytest"),
        ({"pyproject.toml": "[tool.tox]\n"}, "tox"),
        ({"pyproject.toml": "[project]\nname = 'x'\n"}, None),
        ({"pyproject.toml": "tool = 5"}, None),
        ({"pyproject.toml": PYTEST, "uv.lock": ""}, "uv run python -m pytest"),
        ({"pyproject.toml": PYTEST, "poetry.lock": ""}, "poetry run python -m pytest"),
        ({"tests/test_x.py": "def test_x(): ...\n"}, "python3 -m pytest"),
        ({"tests/deep/test_x.py": ""}, "python3 -m pytest"),
        ({"conftest.py": ""}, "python3 -m pytest"),
        (
            {"tests/__init__.py": "", "tests/test_x.py": "import unittest\n"},
            "python3 -m unittest discover -s tests -t .",
        ),
        ({"tests/test_x.py": "import unittest\n"}, "python3 -m unittest discover -s tests"),
        ({"test_x.py": "from unittest import TestCase\n"}, "python3 -m unittest discover"),
        (
            {"tests/test_x.py": "import unittest\n", "tests/test_y.py": "import pytest\n"},
            "python3 -m pytest",
        ),
        ({"package.json": SCRIPT}, "npm test"),
        ({"package.json": "\ufeff" + SCRIPT, "pnpm-lock.yaml": ""}, "pnpm test"),
        ({"package.json": SCRIPT, "yarn.lock": ""}, "yarn test"),
        ({"package.json": SCRIPT, "bun.lock": ""}, "bun run test"),
        (
            {
                "package.json": json.dumps(
                    {"packageManager": "yarn@4.1.0", "scripts": {"test": "vitest"}}
                ),
                "pnpm-lock.yaml": "",
            },
            "yarn test",
        ),
        (
            {
                "package.json": json.dumps(
                    {"scripts": {"test": 'echo "Error: no test specified" && exit 1'}}
                )
            },
            None,
        ),
        ({"package.json": '{"scripts": {"test": ""}}'}, None),
        ({"package.json": '{"scripts": ["test"]}'}, None),
        ({"package.json": "[]"}, None),
        ({"package.json": "{"}, None),
        ({"package.json": "[" * 100_000}, None),
        ({"Cargo.toml": "[package]\nname = 'x'\n"}, "cargo test"),
        ({"Cargo.toml": "[workspace]\nmembers = ['a']\n"}, "cargo test --workspace"),
        ({"Cargo.toml": "not TOML ["}, "cargo test"),
        ({"go.mod": "module x\n"}, "go test ./..."),
        ({"Makefile": "test:\n\tpytest\n"}, "make test"),
        ({"Makefile": ".PHONY: test\nlint test: deps\n\tx\n"}, "make test"),
        ({"Makefile": "test :: \r\n\tx\r\n"}, "make test"),
        ({"Makefile": "test := 5\ntests:\n\tx\nall: test\n"}, None),
        ({"Makefile": "\ttest: x\n# test: y\n.PHONY: test\n"}, None),
        ({"GNUmakefile": "all:\n", "Makefile": "test:\n"}, None),
        ({"pom.xml": "<project/>"}, "mvn --batch-mode test"),
        ({"pom.xml": "<project/>", "mvnw": ""}, "./mvnw --batch-mode test"),
        ({"build.gradle": ""}, "gradle test"),
        ({"build.gradle.kts": "", "gradlew": ""}, "./gradlew test"),
        ({"App.sln": ""}, "dotnet test"),
        ({"mix.exs": ""}, "mix test"),
    ],
)
def test_the_command_follows_from_the_files(files: dict[str, str], expected: str | None) -> None:
    assert command(files) == expected


def test_a_runner_goes_before_what_it_runs() -> None:
    files = {"pyproject.toml": PYTEST, "tox.ini": "[tox]\n", "tests/test_x.py": ""}
    assert command(files) == "tox"
    assert command({**files, "noxfile.py": ""}) == "nox"


def test_one_language_goes_before_make() -> None:
    found = detect({"pyproject.toml": PYTEST, "Makefile": "test:\n"})
    assert found is not None
    assert (" ".join(found.argv), found.passed_over) == ("python3 -m pytest", ("make test",))


def test_make_stands_for_a_project_of_several_languages() -> None:
    found = detect({"pyproject.toml": PYTEST, "package.json": SCRIPT, "Makefile": "test:\n"})
    assert found is not None
    assert " ".join(found.argv) == "make test"
    assert found.passed_over == ("python3 -m pytest", "npm test")


def test_the_result_says_what_and_why() -> None:
    found = detect({"package.json": SCRIPT, "go.mod": ""})
    assert found is not None
    assert found.source == "package.json"
    assert str(found) == (
        "npm test (package.json has a script test, npm is its package manager; "
        "passed over: go test ./...)"
    )


def test_what_is_looked_at() -> None:
    assert all(map(is_of_interest, NAMES))
    assert all(map(is_of_interest, ["tests/a/test_x.py", "test/x_test.py", "A.sln"]))
    assert not any(map(is_of_interest, ["src/pytest.ini", "tests/data.py", "a/A.sln", "x.py"]))


@settings(deadline=None, max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from(sorted(NAMES)) | st.just("tests/test_x.py"),
        st.text(max_size=60)
        | st.lists(
            st.sampled_from(
                ["[tool", ".pytest", "]", "\n", "test", ":", "{", '"scripts"', "}", "@nox.session",
                 "def tests(", "\r", "=", "\t", "[tox]", "import unittest", "\0", "[["]
            ),
            max_size=12,
        ).map("".join),
        max_size=6,
    )
)  # fmt: skip
def test_no_content_confuses_it(files: dict[str, str]) -> None:
    found = detect(files)
    if found is not None:
        assert found.source in files
        assert all(found.argv)
    assert found == detect(dict(reversed(files.items())))
