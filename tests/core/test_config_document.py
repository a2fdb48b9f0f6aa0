from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.config import Config, ConfigError, Problem, parse_config

DIALECTS = pytest.mark.parametrize("predecessor", [False, True])


def load(text: str, predecessor: bool = False) -> Config:
    return parse_config(text, source="x.yaml", predecessor=predecessor, environment={})


def only_problem(text: str, predecessor: bool = False) -> Problem:
    with pytest.raises(ConfigError) as caught:
        load(text, predecessor)
    (problem,) = caught.value.problems
    return problem


@DIALECTS
@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "column"),
        ("a: 'open\n", 2, "not valid YAML"),
        ("a: 1\n---\nb: 2\n", 2, "another document"),
        ("a: 1\nb: *gone\n", 2, "quote a value that begins with '*'"),
        ("a: 1\nb: !mine x\n", 2, "quote a value that begins with '!'"),
        ("a: 1\nb: !!python/object:os.system {}\n", 2, "quote a value that begins with '!'"),
        ("a: 1\nb: 2026-13-45\n", 2, "quote it"),
        ("a: 1\nb: !!int ''\n", 2, "quote it"),
        ("a: 1\nb: !!timestamp x\n", 2, "quote it"),
        ("a: 1\nb: " + "9" * 5000 + "\n", 2, "quote it"),
        ("a: 1\n? [b]\n: 2\n", 2, "not valid YAML"),
        ("a: 1\nb: \x00\n", 2, "not valid YAML"),
        ("a: 1\nb: \ud800\n", 2, "not Unicode"),
        ("a: 1\n" + "b: " + "[" * 5000, 2, "nests deeper than 100 levels"),
        ("a: 1\n" + "- " * 5000, 2, "not valid YAML"),
        ("- " * 200_000, 1, "nests deeper"),
        ("a: " + "{a: " * 200_000, 1, "nests deeper"),
        ("- a\n- b\n", 1, "must be a mapping"),
        ("\njust text\n", 2, "must be a mapping"),
        ("42", 1, "must be a mapping"),
    ],
)
def test_text_that_is_no_configuration_is_refused_with_its_line(
    text: str, line: int, part: str, predecessor: bool
) -> None:
    problem = only_problem(text, predecessor)
    assert part in problem.message
    assert problem.line == line


def test_a_document_that_contains_itself_is_refused() -> None:
    assert "contains itself" in only_problem("a: &a [*a]\n").message
    assert "contains itself" in only_problem("&a {b: {c: *a}, d: [*a, *a]}\n").message


def test_aliases_that_nest_too_deeply_are_refused() -> None:
    lines = ["l0: &l0 []", *(f"l{n}: &l{n} [*l{n - 1}]" for n in range(1, 5000))]
    assert "nests deeper" in only_problem("\n".join(lines)).message


def test_an_error_does_not_quote_the_text() -> None:
    for text in ("password: *hunter2", "password: !hunter2 x", "x: [\npassword: hunter2"):
        with pytest.raises(ConfigError) as caught:
            load(text)
        error = caught.value
        assert "hunter2" not in str(error)
        assert error.__cause__ is None
        assert error.__context__ is None


@pytest.mark.parametrize("text", ["async: {path: sync}", "async:\n    path: sync\n"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_byte_order_marks_and_line_ends_do_not_matter(text: str, ending: str, start: str) -> None:
    assert load(start + text.replace("\n", ending)).runtime.path == "sync"


def test_lines_are_counted_whatever_ends_them() -> None:
    problem = only_problem("\ufeff# a\r\nasync:\r\n  debug: true\r\n  path: x\r\n")
    assert problem.line == 4


def test_a_key_that_stands_twice_is_mentioned_and_the_last_counts() -> None:
    config = load("async: {path: sync}\nserver:\n  http_port: 4000\n  http_port: 5000\nasync: {}\n")
    assert config.runtime.path == "async"
    assert config.server.http_port == 5000
    counts = "which is the one that counts"
    assert sorted(config.warnings) == [
        f"x.yaml: the key 'async' of line 1 stands again in line 5, {counts}",
        f"x.yaml: the key 'http_port' of line 3 stands again in line 4, {counts}",
    ]


def test_the_line_of_a_key_that_stands_twice_is_the_one_that_counts() -> None:
    assert only_problem("async: {path: sync}\nasync:\n  path: x\n").line == 3


def test_merge_keys_are_followed_to_where_the_value_was_written() -> None:
    text = "base: &base\n  http_port: 5\nserver:\n  <<: *base\n  check_interval: 9\n"
    problem = only_problem(text)
    assert (problem.key, problem.line) == ("server.http_port", 2)
    config = load(text.replace("5\n", "5000\n", 1))
    assert (config.server.http_port, config.server.check_interval) == (5000, 9)
    assert config.warnings == ()


def test_the_line_of_a_list_item_is_its_own() -> None:
    problem = only_problem("agents:\n  a:\n    command:\n      - run\n      - [x]\n")
    assert (problem.key, problem.line) == ("agents.a.command.1", 5)


@pytest.mark.parametrize("digits", ["0x" + "f" * 9000, "0b" + "1" * 20000])
@DIALECTS
def test_a_number_too_long_to_print_is_told_all_the_same(digits: str, predecessor: bool) -> None:
    text = (
        f"project: {{base_dir: /w}}\nagent: {{}}\n? {digits}\n: 1\n"
        f"server: {{http_port: {digits}}}\nllm: {{timeout: {digits}, cli_interface: {digits}}}\n"
        f"instructions: {{? {digits} : []}}\nasync: {{? {digits} : {digits}, path: {digits}}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(text, predecessor)
    assert "server.http_port" in {problem.key for problem in caught.value.problems}
    assert len(str(caught.value)) < 5000


KEYS = st.sampled_from(
    [
        *[
            "project",
            "agent",
            "server",
            "llm",
            "docs",
            "cursor",
            "gemini",
            "security",
            "instructions",
            "agents",
            "async",
        ],
        *[
            "base_dir",
            "todo_format",
            "http_port",
            "checkpoint",
            "max_task_attempts",
            "cli",
            "timeout",
        ],
        *[
            "resilience",
            "command",
            "prompt",
            "environment",
            "path",
            "http",
            "cli_interface",
            "default",
            "source",
        ],
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.binary(max_size=3)
    | st.sampled_from(["${A}", "${A:b}", "cursor", "md", "run {prompt}", "run {model} '"])
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(KEYS | st.integers() | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=25,
)


def loads_or_explains(text: str) -> None:
    for predecessor in (False, True):
        try:
            config = load(text, predecessor)
        except ConfigError as error:
            assert error.problems
            assert all(problem.message in str(error) for problem in error.problems)
        else:
            assert config.predecessor is predecessor


@given(st.dictionaries(KEYS, TREES, max_size=6))
@settings(deadline=None, max_examples=120)
def test_any_tree_loads_or_is_explained(tree: dict[str, object]) -> None:
    loads_or_explains(yaml.safe_dump(tree, allow_unicode=True))


@given(st.text(alphabet=st.sampled_from("ab: -[]{}&*!|>'\"%@\n\t#?,~<=0x1.$\\\ufeff\u2028é😀")))
@settings(deadline=None, max_examples=200)
def test_any_text_loads_or_is_explained(text: str) -> None:
    loads_or_explains(text)
