from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.reconcile import IN_COMMIT_COMMENT, Reconciled, in_commit, reconcile
from codeagent.core.task import FINAL, Task, TaskState
from codeagent.core.todo import Item, ItemState, ListedItem, merge, parse
from codeagent.core.todo.model import TodoFormat

PENDING, DONE, SKIPPED = ItemState
NOW = 1_700_000_000.0


def listed(*items: Item) -> tuple[ListedItem, ...]:
    return tuple(ListedItem("todo.md", item) for item in items)


def stored(text: str, state: TaskState = TaskState.PENDING, **fields: object) -> Task:
    known = Task(id=f"task_{text}", text=text, source="todo.md", state=state)
    return replace(known, **fields)  # type: ignore[arg-type]


def look(
    items: Sequence[ListedItem], tasks: Sequence[Task] = (), max_attempts: int = 3
) -> Reconciled:
    return reconcile(items, tasks, now=NOW, max_attempts=max_attempts)


def test_what_is_new_is_added_and_may_run() -> None:
    plan = look(listed(Item("a", priority=2, task_type="bugfix"), Item("b")))
    assert plan.added == plan.runnable
    first, second = plan.added
    assert first == Task(
        id="task_1700000000",
        text="a",
        source="todo.md",
        task_type="bugfix",
        priority=2,
        created_at=NOW,
    )
    assert (second.id, second.position) == ("task_1700000001", 1)


def test_ids_that_are_taken_are_not_given_again() -> None:
    taken = stored("old", id="task_1700000000")
    (added,) = look(listed(Item("old"), Item("new")), [taken]).added
    assert added.id == "task_1700000001"


@pytest.mark.parametrize("state", [DONE, SKIPPED])
def test_what_was_done_before_the_server_saw_it_is_no_task(state: ItemState) -> None:
    assert look(listed(Item("a", state=state))) == Reconciled((), (), (), (), (), (), ())


@pytest.mark.parametrize(("tick", "state"), [(DONE, TaskState.DONE), (SKIPPED, TaskState.SKIPPED)])
@pytest.mark.parametrize("before", [TaskState.PENDING, TaskState.FAILED])
def test_a_line_that_somebody_ticked_settles_its_task(
    tick: ItemState, state: TaskState, before: TaskState
) -> None:
    task = stored("a", before, attempts=9)
    plan = look(listed(Item("a", state=tick)), [task])
    assert plan.settled == ((task, state),)
    assert not (plan.runnable or plan.exhausted or plan.to_mark)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_what_is_done_is_marked_again_and_never_run(state: TaskState) -> None:
    task = stored("a", state)
    plan = look(listed(Item("a")), [task])
    assert (plan.to_mark, plan.runnable, plan.added) == ((task,), (), ())
    assert look(listed(Item("a", state=DONE)), [task]).to_mark == ()


def test_what_runs_is_left_alone_whatever_its_line_says() -> None:
    task = stored("a", TaskState.RUNNING)
    for item in (Item("a"), Item("a", state=DONE)):
        assert look(listed(item), [task]) == Reconciled((), (), (), (), (), (), ())


def test_a_tick_ahead_of_a_commit_is_no_tick() -> None:
    ahead = Item("a", state=DONE, comment=f"{IN_COMMIT_COMMENT} - 2026-01-01 10:00:00")
    assert in_commit(ahead)
    assert not in_commit(Item("a", state=DONE, comment="Выполнено успешно (1/1 инструкций)"))
    task = stored("a")
    assert look(listed(ahead), [task]).runnable == (task,)
    assert look(listed(ahead)).added == look(listed(ahead)).runnable != ()
    done = stored("a", TaskState.DONE)
    assert look(listed(ahead), [done]).to_mark == (done,)


@pytest.mark.parametrize(("attempts", "left"), [(2, True), (3, False), (4, False)])
def test_a_task_that_failed_too_often_needs_a_person(attempts: int, left: bool) -> None:
    task = stored("a", TaskState.FAILED, attempts=attempts)
    plan = look(listed(Item("a")), [task])
    assert (plan.runnable, plan.exhausted) == (((task,), ()) if left else ((), (task,)))


def test_names_become_ids_also_of_tasks_that_stand_below() -> None:
    plan = look(listed(Item("a", after=("second", "nobody")), Item("b", id="second")))
    first, second = plan.runnable
    assert first.after == (second.id,)
    assert plan.unknown == (("a", "nobody"),)


def test_a_task_may_come_after_one_that_is_done() -> None:
    done = stored("b", TaskState.DONE)
    items = listed(Item("a", after=("x",)), Item("b", id="x", state=DONE))
    (task,) = look(items, [done]).runnable
    assert task.after == (done.id,)


def test_a_task_that_comes_after_a_line_that_was_ticked_before_is_not_held_up_for_ever() -> None:
    items = listed(Item("a", after=("x",)), Item("b", id="x", state=DONE))
    (task,) = look(items).runnable
    assert task.after == ()


def test_a_task_that_moved_is_told_with_its_new_place() -> None:
    task = stored("a", position=4, attempts=1)
    (moved,) = look([ListedItem("todo.yaml", Item("a", priority=5))], [task]).moved
    assert moved == replace(task, position=0, priority=5, source="todo.yaml")
    assert look(listed(Item("a")), [stored("a")]).moved == ()


def test_white_space_makes_no_other_task() -> None:
    task = stored("write  the\tpage", TaskState.DONE)
    assert look(listed(Item("write the page")), [task]).to_mark == (task,)


def test_what_is_no_longer_in_the_list_is_not_run() -> None:
    assert look((), [stored("a"), stored("b", TaskState.FAILED)]) == Reconciled(
        (), (), (), (), (), (), ()
    )


TEXTS = st.sampled_from(["a", "b", "c", "d  d", "d d", "e"])
ITEMS = st.lists(
    st.builds(
        Item,
        TEXTS,
        state=st.sampled_from(ItemState),
        comment=st.sampled_from([None, IN_COMMIT_COMMENT, "Выполнено 1/2"]),
        id=st.sampled_from([None, "x", "y"]),
        after=st.lists(st.sampled_from(["x", "y", "z"]), max_size=2).map(tuple),
        priority=st.integers(-1, 1),
    ),
    max_size=6,
)
TASKS = st.lists(
    st.builds(
        stored,
        st.sampled_from(["a", "b", "c", "d d", "gone"]),
        st.sampled_from(TaskState),
        attempts=st.integers(0, 4),
    ),
    unique_by=lambda task: task.text,
    max_size=5,
)


@settings(deadline=None, max_examples=200)
@given(ITEMS, TASKS)
def test_every_line_has_one_fate_and_nothing_done_or_running_is_run(
    items: list[Item], tasks: list[Task]
) -> None:
    whole = tuple({" ".join(i.text.split()): e for e in listed(*items) for i in [e.item]}.values())
    plan = look(whole, tasks)
    fates = [task.id for task in (*plan.to_mark, *plan.runnable, *plan.exhausted)]
    fates += [task.id for task, _ in plan.settled]
    assert len(fates) == len(set(fates))
    for task in plan.runnable:
        assert task.state in (TaskState.PENDING, TaskState.FAILED)
        assert task.attempts < 3
    assert all(task.state in FINAL for task in plan.to_mark)
    assert all(task.state not in FINAL for task, _ in plan.settled)
    known = {task.id for task in tasks}
    assert not known & {task.id for task in plan.added}
    assert {task.id for task in plan.added} <= {task.id for task in plan.runnable}
    assert {task.id for task in plan.moved} <= known


@settings(deadline=None, max_examples=50)
@given(ITEMS)
def test_a_second_look_finds_nothing_new(items: list[Item]) -> None:
    whole = tuple({" ".join(i.text.split()): e for e in listed(*items) for i in [e.item]}.values())
    first = look(whole)
    second = look(whole, first.added)
    assert (second.added, second.moved, second.runnable) == ((), (), first.runnable)


def test_ten_thousand_lines_are_looked_at_in_one_go() -> None:
    text = "".join(f"- [ ] task {n}\n" for n in range(10_000))
    items = merge([("todo.md", parse(text.encode(), TodoFormat.MD))])
    plan = look(items)
    assert len({task.id for task in plan.runnable}) == 10_000
    assert look(items, plan.added).runnable == plan.runnable
