"""The states after events, and how they read."""

from __future__ import annotations

from functools import reduce as fold
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.events import Event
from codeagent.observe.progress_state import ProgressState, reduce
from codeagent.observe.progress_text import lines_for, render, summary
from codeagent.observe.text import display_width

from .events import RUN, START, event


def after(*events: Event) -> ProgressState:
    return fold(reduce, events, ProgressState())


def test_the_block_shows_what_runs() -> None:
    assert render(after(*RUN[:6]), START + 13, 100) == [
        "1/4 done · 3 pending · 00:13",
        "[2/4] Починить вход",
        "    1/2 plan · 00:10 of 10:00 · last event 9 s ago · edit src/x.py",
    ]


def test_a_silent_task_is_told_from_a_working_one() -> None:
    assert render(after(*RUN[:6]), START + 154, 100)[-1].endswith(
        "02:31 of 10:00 · silent for 02:30"
    )


def test_the_summary_names_what_needs_a_person_and_its_log() -> None:
    assert [str(line) for line in summary(after(*RUN), START + 73, "logs")] == [
        "✗ 2 done, 1 failed, 1 skipped, 0 pending in 01:13",
        "Needs a person:",
        "  Add a page: no report (3 attempts) - see logs/task_b_*.log",
        "  todo.yaml: not a list",
    ]


def test_what_was_left_is_named_as_resumable() -> None:
    state = after(event("server.stopped", done=1, failed=0, skipped=0, pending=2))
    assert [str(line) for line in summary(state, START)] == [
        "- 1 done, 0 failed, 0 skipped, 2 pending in 00:00",
        "The same command goes on with what is pending.",
    ]


READ = {"total": 3, "skipped": 0, "files": ["todo.md"]}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_task_counts_once_whether_list_or_announcement_comes_first(
    order: tuple[int, int],
) -> None:
    news = (
        event("task.done", 9, "a", completed=1, total=1, seconds=1.0),
        event("list.read", 9, **READ, pending=2, done=1),
    )
    begin = event("list.read", **READ, pending=3, done=0), event("task.started", 1, "a", text="x")
    state = after(*begin, *(news[place] for place in order))
    assert (state.done, state.failed, state.pending, state.ahead) == (1, 0, 2, 0)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_failure_counts_once_too(order: tuple[int, int]) -> None:
    news = (
        event("task.failed", 9, "a", reason="r", attempts=3, retry_at=None),
        event("list.read", 9, **READ, pending=2, done=0),
    )
    begin = event("list.read", **READ, pending=3, done=0), event("task.started", 1, "a", text="x")
    state = after(*begin, *(news[place] for place in order))
    assert (state.done, state.failed, state.pending) == (0, 1, 2)


def test_a_task_that_is_tried_again_is_no_problem_yet() -> None:
    retried = event("task.failed", 5, "a", reason="r", attempts=1, retry_at=START + 65)
    state = after(RUN[1], event("task.started", 2, "a", text="x"), retried)
    assert (state.failed, state.pending, dict(state.problems)) == (0, 3, {})
    assert render(state, START + 6, 80) == [
        "1/4 done · 3 pending · 1 to try again, next in 00:59 · 00:05"
    ]
    again = reduce(state, event("task.started", 66, "a", text="x"))
    assert not again.retries


def test_a_failed_task_that_succeeds_later_needs_nobody() -> None:
    failed = event("task.failed", 5, "a", reason="r", attempts=1, retry_at=None)
    state = after(event("task.started", 2, "a", text="x"), failed)
    assert list(state.problems) == ["a"]
    state = reduce(
        reduce(state, event("task.started", 6, "a", text="x")), event("task.done", 7, "a")
    )
    assert not state.problems


def test_only_as_many_tasks_are_shown_as_the_terminal_has_room_for() -> None:
    state = after(*(event("task.started", 0, str(number), text="x") for number in range(100)))
    lines = render(state, START, 80, 12)
    assert len(lines) <= 11
    assert lines[-1] == "  and 96 more"


_VALUES: st.SearchStrategy[Any] = (
    st.text(max_size=30) | st.integers(-5, 9) | st.none() | st.floats(0, 1e6) | st.just("漢字" * 40)
)
_KEYS = ["text", "name", "reason", "position", "total", "done", "pending", "skipped", "problem", "file",
         "attempts", "instructions", "kind", "error", "service", "resumed_at",
         "timeout", "retry_at", "seconds", "grace", "restart_in"]  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.builds(
            Event,
            st.sampled_from(sorted({one.name for one in RUN})) | st.just("task.unheard_of"),
            st.floats(START, START + 1e6),
            st.sampled_from(["a", "b", None]),
            st.just(1),
            st.dictionaries(st.sampled_from(_KEYS), _VALUES),
        ),
        max_size=8,
    ),
    st.integers(0, 60),
    st.integers(1, 12),
)
def test_no_event_breaks_the_display_or_its_bounds(
    events: list[Event], width: int, height: int
) -> None:
    state = ProgressState()
    for one in events:
        before, state = state, reduce(state, one)
        assert all(len(str(line).splitlines()) == 1 for line in lines_for(before, one, state))
        block = render(state, one.at, width, height)
        assert all(display_width(line) <= width for line in block)
        assert len(block) <= max(1, height - 1)
        assert all(len(str(line).splitlines()) == 1 for line in summary(state, one.at))


def test_it_is_told_when_starts_wait_for_room_and_when_an_agent_takes_fewer() -> None:
    news = [
        event("start.held", 1, reason="100 MB of memory available"),
        event("limit.changed", 2, name="cursor", limit=1),
        event("start.resumed", 3),
    ]
    state = after(*RUN[:2])
    assert [str(line) for one in news for line in lines_for(state, one, reduce(state, one))] == [
        "! nothing more is started: 100 MB of memory available",
        "at most 1 task at once on cursor from here on",
        "there is room again: tasks are started",
    ]


LISTED = event("list.read", 0, total=2, pending=2, done=0, skipped=0, files=["todo.md"])
STARTED = event("task.started", 1, "t1", text="one", instructions=1)


def told(*events: Event) -> list[str]:
    state, lines = ProgressState(), []
    for item in events:
        after = reduce(state, item)
        lines += [str(line) for line in lines_for(state, item, after)]
        state = after
    return lines


def test_what_is_verified_and_landed_is_told() -> None:
    lines = told(
        LISTED,
        STARTED,
        event("verify.done", 1, "t1", ok=False, reason="the tests fail", seconds=2.0),
        event("verify.done", 1, "t1", ok=True, reason="", seconds=2.0),
        event("task.landed", 1, "t1", commit="0123456789ab", target="main"),
    )
    assert lines[-3:] == [
        "✗ [1/2] verified: the tests fail",
        "[1/2] verified: good, in 2.0 s",
        "[1/2] landed on main as 01234567",
    ]


def test_a_task_that_waits_for_its_quota_is_counted_among_those_to_try_again() -> None:
    parked = event("task.parked", 1, "t1", reason="waits for the quota", until=5_000.0)
    state = fold(reduce, [LISTED, STARTED, parked], ProgressState())
    assert state.retries == {"t1": 5_000.0}
    assert not state.running


def test_what_only_a_person_can_decide_stands_in_the_summary_in_its_own_words() -> None:
    failed = event("task.failed", 1, "t1", reason="conflict", attempts=3, retry_at=None)
    escalated = event("task.escalated", 1, "t1", reason="join the work with the target branch")
    state = fold(reduce, [LISTED, STARTED, failed, escalated], ProgressState())
    lines = [str(line) for line in summary(state, 0.0)]
    assert "  one: join the work with the target branch" in lines


def test_an_escape_and_a_checkout_that_cannot_follow_need_a_person() -> None:
    events = [
        LISTED,
        event("escape.found", 1, what="the branch evil was made"),
        event("landing.behind", 1, target="main", reason="a.txt changed: commit or stash that"),
    ]
    state = fold(reduce, events, ProgressState())
    text = "\n".join(str(line) for line in summary(state, 0.0))
    assert "the branch evil was made" in text
    assert "main is behind what has landed: a.txt changed" in text
    followed = reduce(state, event("landing.forwarded", 1, target="main"))
    assert "behind" not in "\n".join(str(line) for line in summary(followed, 0.0))


def test_a_target_that_fails_and_a_lock_need_a_person_until_something_lands() -> None:
    failing = event("target.failing", 1, commit="0123456789abcdef", target="main", reason="2 fail")
    locked = event("landing.locked", 1, file="/p/.git/refs/heads/main.lock", seconds=660)
    assert told(failing, locked) == [
        "! the checks fail on main (0123456789ab) without any task's work: 2 fail",
        (
            "! nothing lands: /p/.git/refs/heads/main.lock has been there for 11:00; "
            "if no git is running, delete it"
        ),
    ]
    state = fold(reduce, [LISTED, failing, locked], ProgressState())
    text = "\n".join(str(line) for line in summary(state, 0.0))
    assert "the checks fail on main without any task's work: 2 fail" in text
    assert "nothing lands: if no git is running, delete /p/.git" in text
    landed = reduce(state, event("task.landed", 2, "t1", commit="0123", target="main"))
    assert landed.problems == {}


def test_a_user_on_another_branch_is_only_told() -> None:
    switched = event("checkout.switched", 1, what="the checkout is on branch x now, it was on y")
    assert told(switched) == ["the checkout is on branch x now, it was on y"]
    assert reduce(ProgressState(), switched).problems == {}


def test_a_task_keeps_its_number_when_it_starts_again() -> None:
    other = event("task.started", 1, "t2", text="two", instructions=1)
    failed = event("task.failed", 1, "t1", reason="it broke", attempts=1, retry_at=9.0)
    lines = told(LISTED, STARTED, other, failed, STARTED)
    assert [line[:5] for line in lines if " started: " in line][-3:] == ["[1/2]", "[2/2]", "[1/2]"]
