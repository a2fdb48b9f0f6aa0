"""The section: what is found, what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codeagent.twins import ConfigError, load_config

PAIRS = 'pairs = { "lib/brook/aio" = "lib/brook/blocking" }\n'


def section(lines: str) -> str:
    return f"[tool.codeagent.twins]\n{lines}"


def test_the_defaults_need_nothing_but_the_pairs(project: Any) -> None:
    project.write("pyproject.toml", section(PAIRS))
    config = project.config()
    assert [(p.source, p.target) for p in config.pairs] == [
        (project.root / "lib/brook/aio", project.root / "lib/brook/blocking")
    ]
    assert (config.renames, config.strip_prefix, config.state_locks) == ({}, "Async", ("_state",))
    assert config.header == "# Generated from {source}. Do not edit."
    assert "asyncio" in config.banned_imports
    assert len(config.formatter) == 2


def test_the_nearest_file_with_the_section_counts(project: Any) -> None:
    inner = project.write("lib/brook/pyproject.toml", "[tool.other]\n")
    assert load_config(start=inner.parent).root == project.root
    own = '[tool.codeagent.twins]\npairs = { "aio" = "sync" }\n'
    project.write("lib/brook/pyproject.toml", own)
    assert load_config(start=project.root / "lib/brook/aio").root == inner.parent


def test_the_working_directory_is_where_the_search_begins(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root / "lib")
    assert load_config().file == project.root / "pyproject.toml"


def test_a_file_of_any_name_can_be_given(project: Any) -> None:
    file = project.write("twins.toml", "\ufeff" + section(PAIRS))
    assert load_config(file).root == project.root


def test_without_a_section_the_message_says_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no pyproject.toml in or above .*Add one with.*pairs"):
        load_config(start=tmp_path)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    with pytest.raises(ConfigError, match=r"looked in .*pyproject.toml"):
        load_config(start=tmp_path)
    with pytest.raises(ConfigError, match=r"there is no \[tool.codeagent.twins\] section"):
        load_config(tmp_path / "pyproject.toml")
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "absent.toml")


@pytest.mark.parametrize("data", [b"[tool\n", b"x = '\xff'\n"])
def test_what_is_not_toml_is_named(project: Any, data: bytes) -> None:
    project.write("pyproject.toml", data)
    with pytest.raises(ConfigError, match=r"pyproject.toml: not valid TOML"):
        project.config()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "pairs: the key is required"),
        ("pairs = {}", "pairs: the table is empty"),
        ("pairs = []", "pairs: .* is not a table"),
        ('pairs = { "lib/nowhere" = "lib/sync" }', "pairs: .*lib/nowhere does not exist"),
        ('pairs = { "lib/brook/aio" = 1 }', "pairs: 1 is not a path"),
        ('pairs = { "lib/brook/aio" = "" }', "pairs: '' is not a path"),
        ('pairs = { "lib/brook/aio" = "lib/brook/aio" }', "pairs: .*overwrite the source"),
        ('pairs = { "lib/brook/aio" = "lib/brook/aio/sync" }', "pairs: .*overwrite the source"),
        ('pairs = { "lib/brook/aio" = "lib/brook" }', "pairs: .*overwrite the source"),
        ('pairs = { "lib/brook/aio" = "." }', "pairs: .*overwrite the source"),
        ('pairs = { "lib/brook/aio" = "lib/link" }', "pairs: .*overwrite the source"),
        ('pairs = { "lib/brook/aio" = "../sync" }', "pairs: .*must be a path inside"),
        ('pairs = { "lib/brook/aio" = "/tmp/sync" }', "pairs: .*must be a path inside"),
        ('pairs = { "lib/brook/aio" = "lib/away" }', "pairs: .*must be a path inside"),
        ('pairs = { "lib/brook/aio" = "pyproject.toml" }', "pairs: .*is not a directory"),
        ('pairs = { "lib/brook/aio" = "s", "lib/b" = "s" }', "pairs: .*overlap"),
        ('pairs = { "lib/brook/aio" = "s", "lib/b" = "s/t" }', "pairs: .*overlap"),
        ('pairs = { "lib/brook/aio" = "lib/b", "lib/b" = "s" }', "pairs: .*overwrite the source"),
        ('pairs = { "lib/brook" = "s", "lib/brook/aio" = "t" }', "pairs: .*overlap"),
        (PAIRS + "strip_prefix = 'A'", "strip_prefix: unknown key; did you mean strip-prefix?"),
        (PAIRS + "colour = 'A'", "colour: unknown key.*Allowed: pairs, renames"),
        (PAIRS + "strip-prefix = 1", "strip-prefix: 1 is not a string"),
        (PAIRS + "strip-prefix = 'A-'", "strip-prefix: 'A-' cannot begin a name"),
        (PAIRS + "renames = ['a']", "renames: .*is not a table"),
        (PAIRS + "renames = { a = 1 }", "renames: a = 1"),
        (PAIRS + "renames = { 'a.b' = 'c' }", "renames: .*'a.b' is not a name"),
        (PAIRS + "renames = { a = 'await' }", "renames: .*'await' is not a name"),
        (PAIRS + "header = 'x {source}'", "header: every line of the template must begin with #"),
        (PAIRS + "header = '# x'", "header: the template must contain {source}"),
        (PAIRS + "formatter = 'ruff'", "formatter: 'ruff' is not a list"),
        (PAIRS + "formatter = ['']", "formatter: '' in the list is not a non-empty string"),
        (PAIRS + "formatter = ['ruff \"']", "formatter: .*No closing quotation"),
        (PAIRS + "allow-residue = ['(']", "allow-residue: '\\(' is not a regular expression"),
        (PAIRS + "state-locks = [1]", "state-locks: 1 in the list"),
        (PAIRS + "banned-imports = 'x'", "banned-imports: 'x' is not a list"),
        (PAIRS + "seam = ['lib/none.py']", "seam: .*lib/none.py does not exist"),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_what_is_allowed(
    project: Any, tmp_path: Path, lines: str, message: str
) -> None:
    (project.root / "lib/b").mkdir()
    (project.root / "lib/link").symlink_to(project.root / "lib/brook/aio")
    (project.root / "lib/away").symlink_to(tmp_path)
    project.write("pyproject.toml", section(lines))
    with pytest.raises(ConfigError, match=rf"(?s)\[tool.codeagent.twins\] {message}"):
        project.config()


def test_the_section_must_be_a_table(project: Any) -> None:
    project.write("pyproject.toml", "[tool.codeagent]\ntwins = 1\n")
    with pytest.raises(ConfigError, match="must be a table"):
        project.config()
