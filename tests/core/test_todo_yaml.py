"""YAML lists: what is read, and how an entry is marked in its own style."""

from __future__ import annotations

import subprocess
import sys

import pytest

from codeagent.core.todo import EditRefused, Item, ItemState, TodoFormat, mark, parse

DONE, SKIPPED, PENDING = ItemState.DONE, ItemState.SKIPPED, ItemState.PENDING


def items(text: str) -> tuple[Item, ...]:
    return parse(text.encode(), TodoFormat.YAML).items


def problems(text: str) -> list[tuple[int, str]]:
    return [(p.line, p.message) for p in parse(text.encode(), TodoFormat.YAML).problems]


def marked(text: str, name: str, state: ItemState = DONE, comment: str | None = None) -> str:
    return mark(text.encode(), TodoFormat.YAML, name, state, comment).decode()


@pytest.mark.parametrize(
    "text",
    ["- a\n- b", "tasks: [a, b]", "items:\n- a\n- b\ntasks:", "todo:\n  - a\n  - b\nx: [c]",
     "tasks:\n- a\n- b\nitems: [c]", "---\n- a\n---\n- b\n...\n", '["a", "b"]'],
)  # fmt: skip
def test_the_list_is_at_the_root_or_under_a_known_key(text: str) -> None:
    document = parse(text.encode(), TodoFormat.YAML)
    assert [item.text for item in document.items] == ["a", "b"]
    assert document.problems == ()


def test_all_keys_of_an_entry_are_read() -> None:
    text = """
- text: a
  done: no
  skipped: yes
  comment: why
  type: TEST
  id: api
  after: [db, 7]
  priority: 3
  paths: [src/api, "{a,b}.py"]
  level: 2
- task: b
  task_type: nonsense
  done: "true"
  after: x, y
  paths: src, docs
"""
    assert items(text) == (
        Item("a", 2, SKIPPED, "why", "test", 1, "api", ("db", "7"), 3, ("src/api", "{a,b}.py")),
        Item("b", 0, DONE, line=11, after=("x", "y"), paths=("src", "docs")),
    )


def test_children_are_one_level_down() -> None:
    text = "- text: a\n  children:\n  - b\n  - text: c\n    items: [d]\n- e"
    assert [(item.text, item.level) for item in items(text)] == [
        ("a", 0), ("b", 1), ("c", 1), ("d", 2), ("e", 0),
    ]  # fmt: skip


def test_scalars_are_taken_as_they_are_written() -> None:
    text = "- 1.10\n- 007\n- yes\n- 2026-01-02\n- text: 5\n- 'null'"
    assert [item.text for item in items(text)] == ["1.10", "007", "yes", "2026-01-02", "5", "null"]


def test_a_broken_entry_is_a_problem_and_the_others_are_read() -> None:
    text = "- a\n- done: true\n- [b]\n- fix it: now\n- text: ''\n- &x c\n- *x\n-\n- d"
    assert [item.text for item in items(text)] == ["a", "c", "d"]
    assert [line for line, _ in problems(text)] == [1, 2, 3, 4, 6]


def test_wrong_values_are_problems_and_have_no_effect() -> None:
    text = "- text: a\n  done: maybe\n  priority: high\n  after: {b: c}\n  children: d\n  paths: {}"
    assert items(text) == (Item("a"),)
    assert [line for line, _ in problems(text)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("- a\n- b: c: d", 1),
        ("- a\n- *nobody", 1),
        ("- a\n- 'open", 1),
        ("- a\n- \x01", 1),
        ("- a\n- " + "[" * 100_000, 1),
        ("tasks: 5", 0),
        ("title: x", 0),
        ("prose", 0),
    ],
)
def test_a_list_that_cannot_be_read_is_one_problem_with_its_line(text: str, line: int) -> None:
    document = parse(text.encode(), TodoFormat.YAML)
    assert document.items == ()
    assert [problem.line for problem in document.problems] == [line]


@pytest.mark.parametrize("text", ["", "\ufeff", "# a\n", "---\n", "tasks:\n", "tasks: []", "null"])
def test_an_empty_list_is_no_problem(text: str) -> None:
    assert items(text) == ()
    assert problems(text) == []


def test_aliases_are_resolved_in_values_and_never_unfolded() -> None:
    text = (
        "base: &base {type: code, comment: old}\n"
        "tasks: &t\n- <<: *base\n  text: a\n- text: &n b\n- text: c\n  comment: *n\n  children: *t\n"
    )
    assert items(text) == (
        Item("a", comment="old", task_type="code", line=2),
        Item("b", line=4),
        Item("c", comment="b", line=5),
    )
    after = marked(text, "a", DONE, "new")
    assert after == text.replace("text: a\n", "text: a\n  done: true\n  comment: new\n")
    assert marked(text, "c", DONE, "new") == text.replace(
        "text: c\n  comment: *n", "text: c\n  done: true\n  comment: new"
    )


@pytest.mark.parametrize(
    ("entry", "after"),
    [
        ("- a", "- {text: a, done: true, comment: c}"),
        ("-   a   # note", "-   {text: a, done: true, comment: c}   # note"),
        ('- "a"', '- {text: "a", done: true, comment: c}'),
        ("- &x a", "- {text: &x a, done: true, comment: c}"),
        ("- |\n  a\n", "- {text: a, done: true, comment: c}\n"),
        ("- text: a", "- text: a\n  done: true\n  comment: c"),
        ("- text: a # n\n  x: 1", "- text: a # n\n  done: true\n  comment: c\n  x: 1"),
        ("- task: a\n  done: no # n\n  x: 1", "- task: a\n  done: true # n\n  comment: c\n  x: 1"),
        ("- text: a\n  done:\n", "- text: a\n  done: true\n  comment: c\n"),
        ("- done: false\n  text: a", "- done: true\n  comment: c\n  text: a"),
        ("- text: |\n    a\n\n", "- done: true\n  comment: c\n  text: |\n    a\n\n"),
        ("- text:\n    a", "- text:\n    a\n  done: true\n  comment: c"),
        (
            "- text: a\n  skipped: &s true\n  comment: >\n    old\n    er\n\n  x: *s",
            "- text: a\n  done: true\n  skipped: &s false\n  comment: c\n\n  x: *s",
        ),
        ("- {text: a}", "- {text: a, done: true, comment: c}"),
        ("- {text: a,}", "- {text: a, done: true, comment: c,}"),
        ("- {text: a, # n\n   x: 1}", "- {text: a, done: true, comment: c, # n\n   x: 1}"),
        ("- {done: false, text: a}", "- {done: true, comment: c, text: a}"),
        ("- {text: a, done}", "- {text: a, done: true, comment: c}"),
        ('- {"text": "a"}', '- {"text": "a", "done": true, "comment": "c"}'),
        ("-\n    text: a\n    x: 1", "-\n    text: a\n    done: true\n    comment: c\n    x: 1"),
        (
            "- text: z\n  children:\n    - a\n    - b",
            "- text: z\n  children:\n    - {text: a, done: true, comment: c}\n    - b",
        ),
    ],
)
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_an_entry_is_marked_in_its_own_style(entry: str, after: str, line_break: str) -> None:
    frame = "# head\n- first  # 1\n{}\n- {{text: last, x: [1]}}"
    text = frame.format(entry).replace("\n", line_break)
    if line_break == "\r\n" and entry == "- |\n  a\n":
        text += line_break
        frame += "\n"
    result = marked(text, "a", DONE, "c")
    assert result == frame.format(after).replace("\n", line_break)
    assert marked(result, "a", DONE, "c") == result


def test_json_stays_json() -> None:
    assert marked('["a", {"text": "b"}]', "a", DONE, 'say "x"') == (
        '[{"text": "a", "done": true, "comment": "say \\"x\\""}, {"text": "b"}]'
    )


@pytest.mark.parametrize(
    "comment",
    [
        "a: b",
        "a # b",
        "- a",
        "{a}",
        "a, b",
        "'",
        '"',
        "null",
        "5",
        "*a",
        "%",
        "Ёж \U0001f680",
        "\\n",
    ],
)
def test_a_comment_is_quoted_where_it_must_be(comment: str) -> None:
    for text in ("- a\n- b", "- text: a\n- b", "- {text: a}\n- b", '- {"text": "a"}\n- b'):
        after = marked(text, "a", DONE, comment)
        assert [(item.text, item.comment) for item in items(after)] == [("a", comment), ("b", None)]


def test_states_go_both_ways() -> None:
    text = "- text: a\n  done: true\n  skipped: false\n"
    assert marked(text, "a", SKIPPED) == "- text: a\n  done: false\n  skipped: true\n"
    assert marked(text, "a", PENDING) == "- text: a\n  done: false\n  skipped: false\n"
    assert marked("- a", "a", PENDING) == "- a"


def test_an_edit_that_would_damage_the_list_is_refused() -> None:
    for text in (
        "- ? text\n  : a\n- b",
        "- {text: a, done: &x no}\n- {text: b, done: *x}",
        "[text: a]",
    ):
        with pytest.raises(EditRefused, match="mark it by hand"):
            marked(text, "a", DONE, "c")


def test_the_flat_list_of_the_predecessor_keeps_its_levels() -> None:
    text = (
        "tasks:\n- text: a\n  done: true\n  comment: Выполнено - 2025-01-02 03:04:05\n"
        "- text: b\n  done: false\n  level: 1\n  task_type: docs\n"
    )
    assert items(text) == (
        Item("a", 0, DONE, "Выполнено - 2025-01-02 03:04:05", line=1),
        Item("b", 1, task_type="docs", line=4),
    )


def test_windows_1251_stays_windows_1251() -> None:
    data = "tasks:\r\n- Идея\r\n- text: вторая".encode("cp1251")
    after = mark(data, TodoFormat.YAML, "Идея", DONE, "готово \U0001f680")
    after = mark(after, TodoFormat.YAML, "вторая", DONE, None)
    expected = "tasks:\r\n- {text: Идея, done: true, comment: 'готово ?'}\r\n- text: вторая\r\n  done: true"
    assert after == expected.encode("cp1251")


def test_yaml_is_imported_only_for_a_yaml_list() -> None:
    code = "import sys, codeagent.core.todo as t; t.parse(b'- [ ] a', t.TodoFormat.MD); sys.exit('yaml' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
