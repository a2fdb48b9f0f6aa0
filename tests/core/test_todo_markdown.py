"""Markdown lists: what is a task, and what a mark does to its line."""

from __future__ import annotations

import codecs

import pytest

from codeagent.core.todo import Item, ItemNotFound, ItemState, TodoFormat, mark, parse

DONE, SKIPPED, PENDING = ItemState.DONE, ItemState.SKIPPED, ItemState.PENDING


def items(text: str) -> tuple[Item, ...]:
    return parse(text.encode(), TodoFormat.MD).items


def texts(text: str) -> list[str]:
    return [item.text for item in items(text)]


def marked(text: str, name: str, state: ItemState = DONE, comment: str | None = None) -> str:
    return mark(text.encode(), TodoFormat.MD, name, state, comment).decode()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("- [ ] a", Item("a")),
        ("- [x] a", Item("a", state=DONE)),
        ("- [X] a", Item("a", state=DONE)),
        ("- [х] a", Item("a", state=DONE)),
        ("- [-] a", Item("a", state=SKIPPED)),
        ("* [ ] a", Item("a")),
        ("+ [ ] a", Item("a")),
        ("12. [ ] a", Item("a")),
        ("3) [x] a", Item("a", state=DONE)),
        ("> - [ ] a", Item("a")),
        (">> - [ ] a", Item("a")),
        (">   - [ ] a", Item("a", level=1)),
        ("1. - [ ] a", Item("a")),
        ("  - [ ] a", Item("a", level=1)),
        ("    - [ ] a", Item("a", level=2)),
        ("\t- [ ] a", Item("a", level=1)),
        ("\t\t- [ ] a", Item("a", level=2)),
        ("-  [ ]   a  b  ", Item("a  b")),
        ("- [ ]a", Item("a")),
        (
            "- [x] a <!-- fine - 2026-01-02 03:04:05 -->",
            Item("a", 0, DONE, "fine - 2026-01-02 03:04:05"),
        ),
        ("- [ ] a<!--b-->", Item("a", comment="b")),
        ("- [ ] a <!-- b --> c", Item("a <!-- b --> c")),
        ("- [ ] a <!-- b --> <!-- c -->", Item("a <!-- b -->", comment="c")),
        ("- [ ] a <!-- -->", Item("a")),
        ("- [ ] a <!-- b", Item("a <!-- b")),
        ("- [ ] a -->", Item("a -->")),
        ("- [ ] a <!-->", Item("a <!-->")),
    ],
)
def test_a_line_with_a_bullet_and_a_box_is_a_task(line: str, expected: Item) -> None:
    assert items(line) == (expected,)


@pytest.mark.parametrize(
    "line",
    [
        "- [ ]", "- [ ]  ", "- [ ] <!-- only a comment -->", "- plain", "# - [ ] heading", "",
        "prose that mentions - [ ] a box", "[ ] no bullet", "- [y] other", "- []", "-[ ] tight",
        "- [x](https://example.org)", "- [x]: reference", "| - [ ] cell |", "1234567890. [ ] long",
    ],
)  # fmt: skip
def test_any_other_line_is_inert(line: str) -> None:
    document = parse(line.encode(), TodoFormat.MD)
    assert document.items == ()
    assert document.problems == ()


def test_boxes_in_fenced_code_are_no_tasks() -> None:
    assert texts(
        "- [ ] a\n```\n- [ ] b\n~~~\n```\n- [ ] c\n~~~~ x\n- [ ] d\n~~~\n~~~~\n- [ ] e\n"
        "- ```sh\n  - [ ] f\n  ```\n- [ ] g\n> ```\n> - [ ] h\n- [ ] i\n``` a ` b\n- [ ] j\n"
    ) == ["a", "c", "e", "g", "i", "j"]


def test_boxes_in_html_comments_are_no_tasks() -> None:
    assert texts(
        "- [ ] a\n<!--\n- [ ] b\n\n```\n--> - [ ] c\n- [ ] d\n<!-- e -->\n- [ ] f\n  <!-- g\n- [ ] h -->\n- [ ] i"
    ) == ["a", "d", "f", "i"]


def test_an_open_comment_behind_a_task_hides_no_other_task() -> None:
    text = "- [ ] a <!-- more\n  of it -->\n- [ ] b <!-- open\n- [ ] c -->\n"
    assert texts(text) == ["a", "b <!-- open", "c -->"]
    text = marked(
        marked(marked(text, "a", comment="1"), "b <!-- open", comment="2"), "c -->", comment="3"
    )
    assert text == (
        "- [x] a <!-- 1 --> <!-- more\n  of it -->\n"
        "- [x] b <!-- open <!-- 2 -->\n- [x] c --> <!-- 3 -->\n"
    )


@pytest.mark.parametrize(("text", "line"), [("a\n<!-- b\n- [ ] c", 1), ("```\n- [ ] c", 0)])
def test_what_is_never_closed_is_reported(text: str, line: int) -> None:
    document = parse(text.encode(), TodoFormat.MD)
    assert document.items == ()
    assert [problem.line for problem in document.problems] == [line]
    assert "never closed" in document.problems[0].message


def test_a_mark_edits_its_line_and_nothing_else() -> None:
    before = "\ufeff# Плaн\r\n\r\n* plain  \n- [ ] a  b\t\r\n  1. [ ] Идея \U0001f680\r- [-] c\n\n> - [X] d <!-- old -->\n- [ ] e"
    after = marked(before, "a  b", DONE, "Выполнено успешно (8/8 инструкций)")
    assert after == before.replace(
        "- [ ] a  b", "- [x] a  b <!-- Выполнено успешно (8/8 инструкций) -->"
    )
    after = marked(after, "Идея \U0001f680", SKIPPED, "нет")
    assert "\r\n  1. [-] Идея \U0001f680 <!-- нет -->\r- [-] c" in after
    assert marked(after, "d", SKIPPED, "new").endswith("\n\n> - [-] d <!-- new -->\n- [ ] e")
    assert marked(after, "d", SKIPPED).endswith("\n\n> - [-] d <!-- old -->\n- [ ] e")
    assert marked(after, "e", DONE, "x").endswith("\n- [x] e <!-- x -->")
    assert marked(after, "d", PENDING).endswith("\n\n> - [ ] d <!-- old -->\n- [ ] e")


def test_a_mark_that_changes_nothing_changes_no_byte() -> None:
    before = "- [X] a   <!--b-->\n- [-]  c\n"
    assert marked(before, "a", DONE, "b") == before
    assert marked(before, "c", SKIPPED) == before


def test_attributes_are_read_and_survive_a_mark() -> None:
    attributes = "id: api; after: db, auth; priority: -5; paths: src/api, docs/*.{md,txt}"
    text = f"- [ ] a <!-- {attributes} -->"
    item = items(text)[0]
    paths = ("src/api", "docs/*.{md,txt}")
    assert item == Item("a", id="api", after=("db", "auth"), priority=-5, paths=paths)
    text = marked(text, "a", DONE, "fine")
    assert text == f"- [x] a <!-- {attributes} --> <!-- fine -->"
    text = marked(text, "a", DONE, "better")
    assert items(text) == (
        Item("a", 0, DONE, "better", id="api", after=("db", "auth"), priority=-5, paths=paths),
    )


@pytest.mark.parametrize(
    ("written", "paths"),
    [
        ("", ()),
        (" , src ,, docs/ ", ("src", "docs/")),
        ("{a,b}/x.py", ("{a,b}/x.py",)),
        ("{a, b", ("{a", "b")),
        ("a}, b", ("a}", "b")),
        ("**/*.py", ("**/*.py",)),
    ],
)
def test_paths_are_separated_by_commas_that_no_braces_hold(
    written: str, paths: tuple[str, ...]
) -> None:
    assert items(f"- [ ] a <!-- paths: {written} -->")[0].paths == paths


def test_a_remark_may_stand_before_the_attributes() -> None:
    text = marked("- [ ] a <!-- b --> <!-- ID: x; -->", "a", DONE, "c")
    assert text == "- [x] a <!-- c --> <!-- ID: x; -->"
    assert items(text) == (Item("a", 0, DONE, "c", id="x"),)


def test_a_comment_with_anything_but_attributes_is_a_remark() -> None:
    assert items("- [ ] a <!-- id: x; see below -->")[0].comment == "id: x; see below"


def test_a_wrong_priority_is_reported_and_the_rest_kept() -> None:
    document = parse(b"\n- [ ] a <!-- id: x; priority: high -->", TodoFormat.MD)
    assert document.items == (Item("a", id="x", line=1),)
    assert [problem.line for problem in document.problems] == [1]
    assert "'high'" in document.problems[0].message


@pytest.mark.parametrize(
    ("comment", "written"),
    [
        ("a --> b", "a -- > b"),
        ("a --!> b <!-- c", "a --! > b <! -- c"),
        ("a\r\n- [ ] b\tc\x00", "a - [ ] b c"),
        ("id: x", "id : x"),
        ("\ud800", "?"),
    ],
)
def test_no_comment_breaks_the_document(comment: str, written: str) -> None:
    text = marked("- [ ] a\n- [ ] b\n", "a", DONE, comment)
    assert text == f"- [x] a <!-- {written} -->\n- [ ] b\n"
    assert items(text) == (Item("a", 0, DONE, written), Item("b", line=1))


def test_the_beginning_of_a_text_marks_nothing() -> None:
    with pytest.raises(ItemNotFound, match="put the text back"):
        marked("- [ ] add tests for the parser\n", "add tests")
    assert marked("- [ ] ab\n- [ ] a\n", "a") == "- [ ] ab\n- [x] a\n"


def test_the_exact_text_goes_before_one_that_differs_in_white_space() -> None:
    assert marked("- [ ] a  b\n- [ ] a b\n", "a b") == "- [ ] a  b\n- [x] a b\n"
    assert marked("- [ ] a  b\n", " a\nb ") == "- [x] a  b\n"


def test_of_equal_texts_the_first_pending_one_is_marked_once() -> None:
    text = marked("- [x] a\n- [ ] a\n- [ ] a\n", "a", DONE, "c")
    assert text == "- [x] a\n- [x] a <!-- c -->\n- [ ] a\n"
    assert marked(text, "a", DONE, "c") == text


def test_a_list_in_windows_1251_stays_in_windows_1251() -> None:
    data = "- [ ] Проверить Ивана\r\n- [ ] Ёлка\r\n".encode("cp1251")
    document = parse(data, TodoFormat.MD)
    assert document.encoding == "cp1251"
    assert [item.text for item in document.items] == ["Проверить Ивана", "Ёлка"]
    after = mark(data, TodoFormat.MD, "Ёлка", DONE, "готово \U0001f384")
    assert after == "- [ ] Проверить Ивана\r\n- [x] Ёлка <!-- готово ? -->\r\n".encode("cp1251")


def test_cyrillic_utf_8_is_never_taken_for_windows_1251() -> None:
    document = parse("- [ ] Добавить тесты".encode(), TodoFormat.MD)
    assert (document.encoding, document.items[0].text) == ("utf-8", "Добавить тесты")


def test_bytes_that_no_encoding_explains_are_kept_and_reported() -> None:
    data = "- [ ] И ".encode() + b"\xff\n- [ ] b\n"
    document = parse(data, TodoFormat.MD)
    assert [item.text for item in document.items] == ["И \ufffd", "b"]
    assert [problem.line for problem in document.problems] == [0]
    after = mark(data, TodoFormat.MD, "И \ufffd", DONE, None)
    assert after == data.replace("[ ] И".encode(), "[x] И".encode())


def test_utf_16_is_reported_and_not_guessed_at() -> None:
    document = parse(codecs.BOM_UTF16_LE + "- [ ] a".encode("utf-16-le"), TodoFormat.MD)
    assert document.items == ()
    assert "save it as UTF-8" in document.problems[0].message


def test_an_empty_list_is_no_problem() -> None:
    for data in (b"", codecs.BOM_UTF8, b"\n\n", b"\r"):
        document = parse(data, TodoFormat.MD)
        assert (document.items, document.problems) == ((), ())
