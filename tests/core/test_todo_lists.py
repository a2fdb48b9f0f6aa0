"""Names, formats, merging, kinds and the comments of the server."""

from __future__ import annotations

from datetime import datetime

import pytest

from codeagent.core.todo import (
    Item,
    ItemState,
    TodoFormat,
    candidate_names,
    done_comment,
    format_of,
    instruction_type,
    merge,
    parse,
    parse_done_comment,
    stamped,
)


def test_names_are_looked_for_in_the_order_of_the_predecessor_each_once() -> None:
    assert candidate_names("md") == (
        "todo.md", "todo.txt", "TODO.txt", "todo.yaml", "TODO.md",
        "todo/todo.md", "todo/todo.txt", "todo/TODO.txt", "todo/todo.yaml", "todo/TODO.md",
        "todo/CURRENT.md", "todo/DEBT.md", "todo/ROADMAP.md",
    )  # fmt: skip
    assert candidate_names("txt")[:5] == (
        "todo.txt", "TODO.txt", "todo.yaml", "TODO.md", "todo.md",
    )  # fmt: skip
    assert candidate_names(".rst")[0] == "todo.rst"


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("a/TODO.MD", "tasks: x", TodoFormat.MD),
        ("todo.txt", "- [ ] a", TodoFormat.TXT),
        ("todo.Yml", "", TodoFormat.YAML),
        ("todo.yaml", "", TodoFormat.YAML),
        ("todo", "---\n- a", TodoFormat.YAML),
        ("todo.rst", "tasks: [a]", TodoFormat.YAML),
        ("todo.rst", "# Title: x\n- [ ] a", TodoFormat.MD),
        ("todo.rst", "# Title\n", TodoFormat.MD),
        ("todo.rst", "buy milk", TodoFormat.TXT),
        ("todo.d/list", "x" * 1024 + "---", TodoFormat.TXT),
    ],
)
def test_the_suffix_decides_and_else_the_text(name: str, head: str, expected: TodoFormat) -> None:
    assert format_of(name, head) is expected


def test_merging_keeps_the_order_and_the_first_of_equal_texts() -> None:
    first = parse(b"- [ ] b\n- [x] a  x\n- [ ] b\n", TodoFormat.MD)
    second = parse(b"c\na x\n[x] b", TodoFormat.TXT)
    merged = merge([("todo.md", first), ("todo.txt", second)])
    assert [(listed.source, listed.item) for listed in merged] == [
        ("todo.md", Item("b")),
        ("todo.md", Item("a  x", state=ItemState.DONE, line=1)),
        ("todo.txt", Item("c")),
    ]


def test_texts_that_differ_in_case_are_different_tasks() -> None:
    assert len(merge([("todo.txt", parse(b"a\nA", TodoFormat.TXT))])) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Написать ТЕСТЫ", "test"),
        ("use the latest", "test"),
        ("Update README", "documentation"),
        ("Документация API", "documentation"),
        ("Refactoring", "refactoring"),
        ("рефакторинг и разработка", "refactoring"),
        ("Implement it", "development"),
        ("реализация", "development"),
        ("fix", "default"),
        ("", "default"),
    ],
)
def test_the_first_keyword_in_the_text_chooses_the_instructions(text: str, expected: str) -> None:
    assert instruction_type(text) == expected


def test_the_comment_of_a_finished_task_is_read_back() -> None:
    comment = stamped(done_comment(3, 8), datetime(2026, 11, 22, 1, 2, 3))  # noqa: DTZ001
    assert comment == "Выполнено успешно (3/8 инструкций) - 2026-11-22 01:02:03"
    assert parse_done_comment(comment) == (3, 8)
    assert parse_done_comment("Выполнено успешно (1/1 инструкци)") == (1, 1)


@pytest.mark.parametrize("comment", [None, "", "Выполнено", "Выполнено успешно (a/8 инструкций)"])
def test_other_comments_hold_no_count(comment: str | None) -> None:
    assert parse_done_comment(comment) is None
