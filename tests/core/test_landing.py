"""What landing decides."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.landing import Conflict, Course, LandingRequest, course, overlap, told
from codeagent.core.landing_batch import Search, disjoint, without
from codeagent.core.landing_conflict import instruction
from codeagent.core.landing_edit import SharedFiles, carried, noted, ticked
from codeagent.core.landing_message import SUBJECT, attempt_trailer, message
from codeagent.core.push import COMMITTED, PushVerdict, asks_for_push, push_verdict
from codeagent.core.task import Task
from codeagent.core.todo import ItemState, TodoFormat, parse
from codeagent.core.trees import Entry, by_directory, format_tree, parse_tree
from codeagent.core.verify import CommandRun, Evidence
from codeagent.core.workspace import Changes, Workspace

NOW = 1_700_000_000.0
TASK = Task(
    id="task_1",
    text="Add a door",
    source="todo.md",
    epoch=2,
    completed=(1, 2),
    total_instructions=2,
)


def request(text: str, subject: str = "", *runs: CommandRun) -> LandingRequest:
    return LandingRequest(
        task=Task(id="task_1", text=text, epoch=2),
        workspace=Workspace(task_id="task_1", path=Path("/x")),
        changes=Changes(commit="c", tree="t", base="b", files=()),
        evidence=Evidence(True, commands=runs),
        subject=subject,
    )


def test_a_message_has_a_subject_what_was_verified_and_trailers() -> None:
    runs = (CommandRun("flaky", 1, 2.0, "log"), CommandRun("make test", 0, 1.25, "log"))
    assert message(request("Add  a\tdoor", "", *runs)) == (
        "Add a door\n\nVerified:\n- make test (1.2 s)\n\n"
        "Codeagent-Task: task_1\nCodeagent-Attempt: task_1-a2\n"
    )


def test_a_long_text_is_a_short_subject_and_a_body() -> None:
    text = "Make the door " + "very " * 30 + "blue"
    subject, blank, *body = message(request(text)).splitlines()
    assert len(subject) <= SUBJECT
    assert subject.endswith("very…")
    assert blank == ""
    assert " ".join(body[: body.index("")]) == text


def test_a_subject_that_is_given_is_taken() -> None:
    assert message(request("text", "Subject")).startswith("Subject\n\nCodeagent-Task")


def test_a_message_holds_no_secret() -> None:
    text = message(request("use key sk-ant-api03-" + "x" * 60))
    assert "xxxx" not in text


@given(st.text())
@settings(deadline=None)
def test_a_message_is_one_subject_and_ends_with_its_trailers(text: str) -> None:
    subject, blank, *rest = message(request(text)).split("\n")
    assert 0 < len(subject) <= SUBJECT
    assert blank == ""
    assert rest[-3:] == ["Codeagent-Task: task_1", attempt_trailer("task_1", 2), ""]


@pytest.mark.parametrize(
    ("ahead", "behind", "expected"),
    [
        (0, 0, Course.TARGET),
        (0, 3, Course.TARGET),
        (2, 0, Course.LANDED),
        (2, 1, Course.REPLAY),
    ],
)
def test_where_the_next_landing_goes(ahead: int, behind: int, expected: Course) -> None:
    assert course(ahead, behind) is expected


def test_what_is_behind_is_told_with_a_command() -> None:
    assert "git merge --ff-only codeagent/landed/main" in told("a is changed", "main")
    assert told("x", "main", diverged=True).endswith("git merge codeagent/landed/main")


def test_paths_overlap_when_one_holds_the_other() -> None:
    assert overlap("a/b", "a/b")
    assert overlap("a", "a/b")
    assert overlap("A/B", "a")
    assert not overlap("a", "ab")
    assert not overlap("a/b", "a/c")


def test_a_batch_shares_no_file() -> None:
    files = [("a",), ("b", "c"), ("a/x",), ("c",), ("d",)]
    assert disjoint(files, 5) == [0, 1, 4]
    assert disjoint(files, 2) == [0, 1]
    assert disjoint([], 5) == []


names = st.lists(st.sampled_from(["a", "a/b", "b", "c", "c/d", "C"]), max_size=3)


@given(st.lists(names, max_size=8), st.integers(1, 5))
@settings(deadline=None)
def test_a_batch_begins_with_whoever_waits_longest(files: list[list[str]], limit: int) -> None:
    chosen = disjoint(files, limit)
    assert chosen == sorted(chosen)
    assert len(chosen) <= limit
    assert chosen[:1] == ([0] if files else [])
    for index in chosen:
        for other in chosen:
            if index != other:
                assert not any(overlap(one, two) for one in files[index] for two in files[other])


@given(st.integers(1, 20), st.integers(0, 20), st.booleans())
@settings(deadline=None)
def test_a_search_finds_the_first_that_fails(total: int, culprit: int, each: bool) -> None:
    search, steps = Search.of(total, each=each), 0
    while (length := search.next()) is not None:
        assert search.good < length <= total
        search = search.after(length, length <= culprit)
        steps += 1
    assert search.good == min(culprit, total)
    assert search.failed is (culprit < total)
    assert steps <= (total if each else 1 + total.bit_length())
    if not each and culprit >= total:
        assert steps == 1


def test_every_commit_is_verified_when_asked_for() -> None:
    search = Search.of(3, each=True)
    lengths = []
    while (length := search.next()) is not None:
        lengths.append(length)
        search = search.after(length, True)
    assert lengths == [1, 2, 3]


def test_files_that_never_conflict_do_not_count() -> None:
    assert without(["todo.md", "a"], ["todo.md"]) == ("a",)


def test_an_agent_is_told_what_conflicts() -> None:
    files = tuple(f"f{n}" for n in range(25))
    conflict = Conflict(files=files, target_commit="c", tree="t")
    text = instruction(conflict, "Add a door", ["Paint the wall"])
    for words in ("Add a door", "Paint the wall", "- f0\n", "and 5 more", "<<<<<<<"):
        assert words in text


def test_an_item_is_ticked_with_its_comment() -> None:
    done = ticked(b"- [ ] Add a door\n- [ ] Other\n", TASK, NOW)
    assert done is not None
    lines = done.decode().splitlines()
    assert lines[0].startswith("- [x] Add a door <!-- Выполнено успешно (2/2 инструкций) - 20")
    assert lines[1] == "- [ ] Other"


@pytest.mark.parametrize("line", ["- [x] Add a door <!-- by hand -->\n", "- [-] Add a door\n"])
def test_what_somebody_settled_stays(line: str) -> None:
    assert ticked(line.encode(), TASK, NOW) == line.encode()


def test_an_item_that_is_gone_cannot_be_ticked() -> None:
    assert ticked(b"- [ ] Other\n", TASK, NOW) is None


def test_the_entry_is_appended() -> None:
    assert noted("до".encode(), TASK).decode() == (
        "до\n---\n\n### **Задача:** Add a door\n**Статус:** Выполнено\n**Детали:** Выполнено через "
        "Cursor CLI, успешно выполнено 2/2 инструкций (task_id: task_1)\n"
    )


def test_marks_are_carried_to_what_the_user_wrote() -> None:
    before = b"- [ ] one\n- [ ] two\n- [ ] one\n"
    after = b"- [x] one <!-- c -->\n- [ ] two\n- [ ] one\n"
    other = b"New\n\n- [ ] two\n- [ ] one\n- [ ] three\n"
    changed = carried("todo.md", before, after, other, status=False)
    assert changed == b"New\n\n- [ ] two\n- [x] one <!-- c -->\n- [ ] three\n"
    assert carried("todo.md", before, after, changed, status=False) == changed


def test_entries_are_carried_once_and_with_the_line_ends_of_the_checkout() -> None:
    before, after = b"a\n", b"a\nb\n"
    assert carried("s.md", before, after, b"a\nx\n", status=True) == b"a\nx\nb\n"
    assert carried("s.md", before, after, b"a\r\nx\r\n", status=True) == b"a\r\nx\r\nb\r\n"
    assert carried("s.md", before, after, b"a\nb\nx\n", status=True) == b"a\nb\nx\n"
    assert carried("s.md", b"other", after, b"mine", status=True) == b"mine"


texts = st.lists(st.sampled_from(["one", "two", "three", "four"]), unique=True)


@given(texts, texts, st.data())
@settings(deadline=None)
def test_what_is_carried_touches_no_other_item(
    listed: list[str], others: list[str], data: st.DataObject
) -> None:
    done = data.draw(st.sets(st.sampled_from(listed))) if listed else set()
    before = "".join(f"- [ ] {text}\n" for text in listed).encode()
    after = "".join(f"- [{'x' if text in done else ' '}] {text}\n" for text in listed).encode()
    other = "".join(f"- [ ] {text}\n" for text in others).encode()
    changed = carried("todo.md", before, after, other, status=False)
    for item in parse(changed, TodoFormat.MD).items:
        assert (item.state is ItemState.DONE) is (item.text in done)
    assert len(changed.splitlines()) == len(others)


def test_the_files_of_a_task_are_its_list_and_the_status_file() -> None:
    shared = SharedFiles(frozenset({"todo.md", "TODO.txt"}), "status.md")
    assert shared.of(TASK) == ("todo.md", "status.md")
    assert shared.names == {"todo.md", "TODO.txt", "status.md"}
    assert SharedFiles(frozenset({"todo.md"})).of(TASK) == ("todo.md",)


def test_a_tree_is_read_and_written() -> None:
    lines = ("100644 blob a1\tname with\ttab", "120000 blob b2\tlink", "040000 tree c3\tdir")
    data = "".join(f"{line}\0" for line in lines).encode()
    found = parse_tree(data)
    assert found["name with\ttab"] == Entry("100644", "blob", "a1")
    assert [entry.is_file for entry in found.values()] == [True, False, False]
    assert format_tree(found) == data


def test_changes_are_split_by_directory() -> None:
    entry = Entry("100644", "blob", "a")
    here, below = by_directory([("a", entry), ("d/b", None), ("d/e/c", entry)])
    assert here == {"a": entry}
    assert below == {"d": {"b": None, "e/c": entry}}


@pytest.mark.parametrize(
    ("phrase", "enabled", "expected"),
    [
        (COMMITTED, True, True),
        (f"  {COMMITTED}\n", True, True),
        (COMMITTED, False, False),
        ("Коммит выполнен", True, False),
        (f"{COMMITTED} Да", True, False),
        ("", True, False),
    ],
)
def test_only_the_predecessors_phrase_asks_for_a_push(
    phrase: str, enabled: bool, expected: bool
) -> None:
    assert asks_for_push(phrase, enabled) is expected


@pytest.mark.parametrize(
    ("code", "stdout", "expected"),
    [
        (0, "To x\n \tc:refs/heads/main\tc..d\nDone\n", PushVerdict.PUSHED),
        (1, "To x\n!\tc:refs/heads/main\t[rejected] (fetch first)\nDone\n", PushVerdict.STALE),
        (1, "!\tc:refs/heads/main\t[rejected] (non-fast-forward)\n", PushVerdict.STALE),
        (1, "!\tc:refs/heads/main\t[remote rejected] (cannot lock ref 'x')\n", PushVerdict.STALE),
        (1, "!\tc:r\t[remote rejected] (pre-receive hook declined)\n", PushVerdict.REFUSED),
        (128, "", PushVerdict.REFUSED),
    ],
)
def test_what_a_push_says(code: int, stdout: str, expected: PushVerdict) -> None:
    verdict, reason = push_verdict(code, stdout, "fatal: no such remote\n")
    assert verdict is expected
    assert bool(reason) is (verdict is not PushVerdict.PUSHED)
