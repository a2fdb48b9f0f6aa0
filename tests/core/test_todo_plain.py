"""Plain text lists: one task a line."""

from __future__ import annotations

import pytest

from codeagent.core.todo import Item, ItemState, TodoFormat, mark, parse

DONE, SKIPPED = ItemState.DONE, ItemState.SKIPPED


def items(text: str) -> tuple[Item, ...]:
    return parse(text.encode(), TodoFormat.TXT).items


def marked(text: str, name: str, state: ItemState = DONE, comment: str | None = None) -> str:
    return mark(text.encode(), TodoFormat.TXT, name, state, comment).decode()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a", Item("a")),
        ("- a", Item("a")),
        ("1. a", Item("a")),
        ("2) [x] a", Item("a", state=DONE)),
        ("• a", Item("a")),
        ("- [ ] a", Item("a")),
        ("[-] a", Item("a", state=SKIPPED)),
        ("  [X] a", Item("a", level=1, state=DONE)),
        ("\t\ta", Item("a", level=2)),
        ("[x] a  # fine - 2026-01-02 03:04:05", Item("a", 0, DONE, "fine - 2026-01-02 03:04:05")),
        ("a\t# b", Item("a", comment="b")),
        ("a # b", Item("a # b")),
        ("a  #b", Item("a  #b")),
        ("a  # b  # c", Item("a  # b", comment="c")),
        ("a  # id: x; after: y  # b", Item("a", comment="b", id="x", after=("y",))),
        ("a  # paths: src, *.md", Item("a", paths=("src", "*.md"))),
        ("[link] a", Item("[link] a")),
        ("[x](a)", Item("[x](a)")),
        ("1.5 a", Item("1.5 a")),
        ("- 1. a", Item("1. a")),
        ("-a", Item("-a")),
        ("Идея \U0001f680", Item("Идея \U0001f680")),
    ],
)
def test_a_line_is_a_task(line: str, expected: Item) -> None:
    assert items(line) == (expected,)


@pytest.mark.parametrize(
    "line", ["", "  ", "# a", "  # a", "#a", "-", "1.", "----", "=====", "[ ]", "- [x]  ", "- "]
)
def test_blank_lines_comments_and_rules_are_no_tasks(line: str) -> None:
    assert items(line) == ()


@pytest.mark.parametrize(
    ("line", "after"),
    [
        ("a", "[x] a  # c"),
        ("  a", "  [x] a  # c"),
        ("\t- a  ", "\t- [x] a  # c  "),
        ("1. a", "1. [x] a  # c"),
        ("[ ] a", "[x] a  # c"),
        ("- [-] a  # old", "- [x] a  # c"),
        ("a\t# old", "[x] a\t# c"),
        ("a  # id: x", "[x] a  # id: x  # c"),
    ],
)
def test_a_mark_keeps_number_bullet_and_indent(line: str, after: str) -> None:
    text = f"# head\r\n{line}\r\nb  "
    assert marked(text, "a", DONE, "c") == f"# head\r\n{after}\r\nb  "


def test_what_the_predecessor_wrote_back_is_read_as_it_was_meant() -> None:
    text = "[x] a  # Выполнено - 2025-01-02 03:04:05\n  [ ] b\n"
    assert items(text) == (
        Item("a", 0, DONE, "Выполнено - 2025-01-02 03:04:05"),
        Item("b", 1, line=1),
    )


def test_a_comment_stays_one_comment() -> None:
    text = marked("a\n", "a", SKIPPED, "b  # c\n# d")
    assert text == "[-] a  # b # c # d\n"
    assert items(text) == (Item("a", 0, SKIPPED, "b # c # d"),)
    assert marked("a\n", "a", DONE, "after: b") == "[x] a  # after : b\n"


def test_windows_1251_and_a_missing_final_line_break_are_kept() -> None:
    data = "первое\r\nвторое".encode("cp1251")
    after = mark(data, TodoFormat.TXT, "второе", DONE, "Выполнено")
    assert after == "первое\r\n[x] второе  # Выполнено".encode("cp1251")
