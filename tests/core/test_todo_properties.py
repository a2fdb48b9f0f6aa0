"""What must hold of any list: it is read, and a mark touches one item only."""

from __future__ import annotations

import codecs
import re
from dataclasses import replace

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from codeagent.core.todo import (
    Document,
    Item,
    ItemState,
    TodoError,
    TodoFormat,
    mark,
    parse,
)

moderate = settings(deadline=None, max_examples=120)
LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")

words = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\x85"),
    min_size=1,
    max_size=12,
)
prose = st.one_of(
    words,
    st.text(st.sampled_from("-*+[]xX ><!#`~:;1.)\t\u0418\u044f\U0001f680{},&|\"'"), max_size=14),
    st.sampled_from(
        ["", "# Title", "```", "~~~", "> ```python", "<!--", "-->", "- plain", "a <!-- b", "---"]
    ),
)
boxes = st.sampled_from(["[ ]", "[x]", "[X]", "[-]"])
indents = st.sampled_from(["", "  ", "    ", "\t", "> ", ">   "])
comments = st.one_of(
    st.none(),
    prose,
    st.sampled_from(["id: a; after: b", "priority: 1", "a --> b", "x\ny", "a  # b", ": - {", "é"]),
)
notes = st.sampled_from(
    ["", "", " <!-- old -->", " <!-- id: a; paths: b -->", "  # old", "  # after: a, b", "  "]
)


@st.composite
def line_lists(draw: st.DrawFn) -> bytes:
    bullets = st.sampled_from(["- ", "* ", "+ ", "1. ", "2) ", ""])
    task = st.builds(
        lambda indent, bullet, box, text, note: f"{indent}{bullet}{box} {text}{note}",
        indents,
        bullets,
        boxes,
        words,
        notes,
    )
    lines: list[str] = draw(st.lists(st.one_of(task, task, prose), max_size=10))
    if draw(st.booleans()) and lines:
        lines.append(draw(st.sampled_from(lines)))
    breaks = draw(st.lists(st.sampled_from(["\n", "\r\n", "\n", "\r"]), min_size=len(lines)))
    text = "".join(line + end for line, end in zip(lines, breaks, strict=False))
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    if draw(st.integers(0, 4)) == 0:
        return text.encode("cp1251", "ignore")
    return codecs.BOM_UTF8 * draw(st.booleans()) + text.encode()


def unplaced(document: Document) -> list[Item]:
    return [replace(item, line=0) for item in document.items]


@moderate
@given(st.binary(max_size=80) | line_lists(), st.sampled_from(TodoFormat))
def test_any_bytes_are_read_and_an_item_that_is_not_there_is_a_clear_error(
    data: bytes, todo_format: TodoFormat
) -> None:
    document = parse(data, todo_format)
    for item in document.items:
        assert item.text == item.text.strip() != ""
        item.text.encode()
    with pytest.raises(TodoError, match="no task"):
        mark(data, todo_format, "no such task, surely", ItemState.DONE, None)


@settings(deadline=None, max_examples=400)
@given(
    line_lists(),
    st.sampled_from([TodoFormat.MD, TodoFormat.TXT]),
    st.sampled_from(ItemState),
    comments,
    st.data(),
)
def test_a_mark_changes_one_line_and_one_item(
    data: bytes,
    todo_format: TodoFormat,
    state: ItemState,
    comment: str | None,
    draws: st.DataObject,
) -> None:
    before = parse(data, todo_format)
    assume(before.items)
    text = draws.draw(st.sampled_from(before.items)).text
    marked = mark(data, todo_format, text, state, comment)
    after = parse(marked, todo_format)
    old, new = LINE.findall(data), LINE.findall(marked)
    assert len(old) == len(new)
    changed = [
        number for number, pair in enumerate(zip(old, new, strict=True)) if len(set(pair)) > 1
    ]
    assert len(changed) <= 1
    for was, now in zip(before.items, after.items, strict=True):
        if changed == [now.line]:
            assert (now.text, now.state, now.level) == (text, state, was.level)
            assert (now.id, now.after, now.paths) == (was.id, was.after, was.paths)
            assert now.priority == was.priority
        else:
            assert was == now
    assert any(item.text == text and item.state is state for item in after.items)
    assert after.encoding == before.encoding
    assert after.problems == before.problems
    if any(map(str.isalnum, comment or "")):
        assert mark(marked, todo_format, text, state, comment) == marked


scalars = st.one_of(
    st.sampled_from(
        ["plain", "a, b", "5", "yes", "it's", 'say "x"', "с кириллицей \U0001f680", "k: v"]
    ),
    words.map(str.strip).filter(bool),
)


def entries(depth: int) -> st.SearchStrategy[object]:
    keys: dict[str, st.SearchStrategy[object]] = {
        "done": st.booleans(),
        "skipped": st.booleans(),
        "comment": st.one_of(st.none(), scalars),
        "type": st.sampled_from(["code", "other"]),
        "owner": st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=2),
        "id": st.sampled_from(["api", "db"]),
        "after": st.one_of(st.just("db"), st.lists(st.sampled_from(["x", "y"]), max_size=2)),
        "priority": st.integers(-5, 5),
        "paths": st.one_of(st.just("src, docs"), st.lists(st.sampled_from("ab"), max_size=2)),
    }
    if depth:
        keys["children"] = st.lists(entries(depth - 1), max_size=3)
    mapping = st.fixed_dictionaries({"text": scalars}, optional=keys)
    return scalars | mapping


@settings(deadline=None, max_examples=250)
@given(
    st.lists(entries(2), min_size=1, max_size=4),
    st.sampled_from([True, False, None]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(ItemState),
    comments,
    st.data(),
)
def test_a_mark_in_yaml_changes_one_item_and_nothing_that_is_not_its(
    tasks: list[object],
    flow: bool | None,
    rooted: bool,
    crlf: bool,
    state: ItemState,
    comment: str | None,
    draws: st.DataObject,
) -> None:
    root = tasks if rooted else {"title": "list", "tasks": tasks, "tail": [1, {"done": False}]}
    text = "# head\n" + yaml.safe_dump(
        root,
        default_flow_style=flow,
        allow_unicode=True,
        sort_keys=draws.draw(st.booleans()),
        width=draws.draw(st.sampled_from([20, 1000])),
        default_style=draws.draw(st.sampled_from([None, None, '"', "|"])),
    )
    data = (text.replace("\n", "\r\n") if crlf else text).encode()
    before = parse(data, TodoFormat.YAML)
    assert before.problems == ()
    chosen = draws.draw(st.sampled_from(before.items)).text
    marked = mark(data, TodoFormat.YAML, chosen, state, comment)
    after = parse(marked, TodoFormat.YAML)
    pairs = list(zip(unplaced(before), unplaced(after), strict=True))
    differing = [now for was, now in pairs if was != now]
    assert len(differing) <= 1
    for item in differing:
        assert item.text == chosen
        assert item.state is state
    assert any(item.text == chosen and item.state is state for item in after.items)
    if crlf:
        assert b"\n" not in marked.replace(b"\r\n", b"")
    if any(map(str.isalnum, comment or "")):
        assert mark(marked, TodoFormat.YAML, chosen, state, comment) == marked
    assert _foreign(yaml.safe_load(marked)) == _foreign(yaml.safe_load(data))


def _foreign(node: object) -> object:
    """The tree without what a mark may write."""
    if isinstance(node, dict):
        kept = {
            key: _foreign(value)
            for key, value in node.items()
            if key not in ("done", "skipped", "comment")
        }
        return kept["text"] if list(kept) == ["text"] else kept
    if isinstance(node, list):
        return [_foreign(part) for part in node]
    return str(node).strip()
