from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codeagent.core.events import Event
from codeagent.core.server import ServerState
from codeagent.core.task import Fenced, InvalidTransition, StepState, Task, TaskState, remaining
from codeagent.store import SqliteStore, StoreClosed, StoreError, UnknownTask, open_store

PENDING, RUNNING, DONE, FAILED, SKIPPED = TaskState


def one(number: int = 1, **values: Any) -> Task:
    return Task(f"task_{number}", f"text {number}", position=number, **values)


def begun(store: SqliteStore, *numbers: int, instructions: int = 4) -> list[Task]:
    store.add_tasks([one(number) for number in numbers]).result()
    return [
        store.begin_attempt(
            f"task_{number}", path="async", instructions=instructions, now=10.0
        ).result()
        for number in numbers
    ]


def complete(store: SqliteStore, task: Task, *positions: int) -> Task:
    for position in positions:
        store.begin_step(task.id, task.epoch, position, position, "name", 11.0).result()
        task = store.finish_step(task.id, task.epoch, position, StepState.DONE, 12.0).result()
    return task


def names(store: SqliteStore) -> list[str]:
    return [event.name for _, event in store.events(0, 1000).result()]


def test_a_task_comes_back_as_it_was_added(store: SqliteStore) -> None:
    task = Task(
        "task_7",
        "Сделать 'всё' ✅\x00\n",
        source="todo.md",
        task_type="code",
        priority=-3,
        position=2,
        after=("task_1", "task_2"),
        state=FAILED,
        attempts=2,
        epoch=5,
        created_at=1.25,
        started_at=2.5,
        ended_at=3.75,
        error="почему",
        completed=(1, 3),
        last_completed=3,
        total_instructions=8,
    )
    assert store.add_tasks([task]).result() == 1
    assert store.task("task_7").result() == task
    assert store.task("task_8").result() is None


def test_known_ids_and_texts_are_left_alone(store: SqliteStore) -> None:
    assert store.add_tasks([one(1), one(2)]).result() == 2
    again = [Task("task_1", "new"), Task("task_9", "text 2"), one(3), one(3)]
    assert store.add_tasks(again).result() == 1
    assert [task.text for task in store.tasks().result()] == ["text 1", "text 2", "text 3"]


def test_ten_thousand_tasks_are_one_call(store: SqliteStore) -> None:
    tasks = [one(number) for number in range(10_000)]
    assert store.add_tasks(tasks).result() == 10_000
    assert store.tasks().result() == tasks
    assert store.add_tasks(tasks).result() == 0


def test_tasks_are_listed_by_position_and_state(store: SqliteStore) -> None:
    store.add_tasks([one(3), one(1, state=DONE), one(2)]).result()
    assert [task.id for task in store.tasks().result()] == ["task_1", "task_2", "task_3"]
    assert [task.id for task in store.tasks(PENDING).result()] == ["task_2", "task_3"]
    assert len(store.tasks(DONE, PENDING, FAILED).result()) == 3
    assert store.tasks(SKIPPED).result() == []


def test_the_list_as_it_stands_now(store: SqliteStore) -> None:
    store.add_tasks([one(1), one(2)]).result()
    places = {"task_1": (9, 5, ("task_2",), "todo.txt", ("src/",)), "task_404": (0, 0, (), "", ())}
    store.reposition(places).result()
    second, first = store.tasks().result()
    assert second == one(2)
    place = (first.position, first.priority, first.after, first.source, first.paths)
    assert place == places["task_1"]


def test_an_attempt_from_its_beginning_to_its_end(store: SqliteStore) -> None:
    (task,) = begun(store, 1, instructions=2)
    assert (task.state, task.epoch, task.attempts, task.started_at) == (RUNNING, 1, 1, 10.0)
    task = complete(store, task, 1, 2)
    assert (task.completed, task.last_completed) == ((1, 2), 2)
    task = store.finish_task(task.id, 1, DONE, 20.0).result()
    assert (task.state, task.ended_at, task.completed) == (DONE, 20.0, (1, 2))
    assert store.task(task.id).result() == task
    assert names(store) == [
        "task.started",
        *["instruction.started", "instruction.done"] * 2,
        "task.done",
    ]


def test_a_stale_attempt_is_fenced_off_everywhere(store: SqliteStore) -> None:
    (task,) = begun(store, 1)
    store.begin_step(task.id, 1, 1, 1, "name", 11.0).result()
    store.interrupt_task(task.id, 1, 12.0).result()
    store.begin_attempt(task.id, path="sync", instructions=4, now=13.0).result()
    before = store.task(task.id).result(), names(store)
    for stale in (
        store.begin_step(task.id, 1, 2, 2, "name", 14.0),
        store.step_process(task.id, 1, 1, 77, "x"),
        store.finish_step(task.id, 1, 1, StepState.DONE, 14.0),
        store.finish_task(task.id, 1, DONE, 14.0),
        store.interrupt_task(task.id, 1, 14.0),
    ):
        with pytest.raises(Fenced, match="attempt 1 reports, but attempt 2"):
            stale.result()
    assert (store.task(task.id).result(), names(store)) == before


def test_progress_survives_a_failed_attempt_and_is_never_run_again(store: SqliteStore) -> None:
    (task,) = begun(store, 1)
    complete(store, task, 1, 2)
    failed = store.finish_task(task.id, 1, FAILED, 13.0, error="red").result()
    assert (failed.error, failed.attempts) == ("red", 1)
    again = store.begin_attempt(task.id, path="async", instructions=4, now=14.0).result()
    assert remaining(again) == (3, 4)
    with pytest.raises(InvalidTransition, match="not run again"):
        store.begin_step(task.id, 2, 1, 1, "name", 15.0).result()


def test_a_changed_number_of_instructions_restarts_and_says_so(store: SqliteStore) -> None:
    (task,) = begun(store, 1)
    complete(store, task, 1)
    store.interrupt_task(task.id, 1, 13.0).result()
    again = store.begin_attempt(task.id, path="async", instructions=5, now=14.0).result()
    assert (again.completed, again.total_instructions) == ((), 5)
    *_, (_, restarted), (_, started) = store.events(0, 100).result()
    assert (restarted.name, restarted.attempt, restarted.data["dropped"]) == (
        "task.restarted",
        2,
        [1],
    )
    assert started.name == "task.started"


def test_an_instruction_may_fail_and_begin_again_in_one_attempt(store: SqliteStore) -> None:
    (task,) = begun(store, 1)
    store.begin_step(task.id, 1, 1, 10, "name", 11.0).result()
    with pytest.raises(InvalidTransition, match="runs already"):
        store.begin_step(task.id, 1, 1, 10, "name", 11.0).result()
    failed = store.finish_step(task.id, 1, 1, StepState.FAILED, 12.0, error="\ud800 no").result()
    assert failed.completed == ()
    assert complete(store, task, 1).completed == (1,)


@pytest.mark.parametrize("state", [StepState.DONE, StepState.FAILED])
def test_an_instruction_that_does_not_run_cannot_end(store: SqliteStore, state: StepState) -> None:
    (task,) = begun(store, 1)
    with pytest.raises(InvalidTransition, match="it was not begun"):
        store.finish_step(task.id, 1, 1, state, 12.0).result()
    store.begin_step(task.id, 1, 1, 1, "name", 11.0).result()
    with pytest.raises(InvalidTransition, match="cannot end as running"):
        store.finish_step(task.id, 1, 1, StepState.RUNNING, 12.0).result()


def test_the_end_of_an_attempt_interrupts_its_open_instruction(store: SqliteStore) -> None:
    (task,) = begun(store, 1)
    store.begin_step(task.id, 1, 1, 1, "name", 11.0).result()
    store.interrupt_task(task.id, 1, 12.0, counted=True, reason="stop").result()
    events = [event for _, event in store.events(0, 10).result()]
    assert [event.name for event in events[-2:]] == ["instruction.interrupted", "task.interrupted"]
    assert events[-1].data == {"reason": "stop"}
    stored = store.task(task.id).result()
    assert stored is not None
    assert stored.attempts == 1


def test_the_instructions_that_were_broken_off_are_known_until_they_have_run_again(
    store: SqliteStore,
) -> None:
    (task,) = begun(store, 1)
    for position, state in ((1, StepState.DONE), (2, StepState.FAILED)):
        store.begin_step(task.id, 1, position, position, "name", 11.0).result()
        store.finish_step(task.id, 1, position, state, 12.0).result()
    store.begin_step(task.id, 1, 3, 3, "name", 13.0).result()
    assert store.broken_off(task.id).result() == []
    store.interrupt_task(task.id, 1, 14.0).result()
    assert store.broken_off(task.id).result() == [3]
    stored = store.task(task.id).result()
    assert stored is not None
    total = stored.total_instructions
    store.begin_attempt(task.id, path="async", instructions=total, now=15.0).result()
    assert store.broken_off(task.id).result() == [3]
    store.begin_step(task.id, 2, 3, 3, "name", 16.0).result()
    store.finish_step(task.id, 2, 3, StepState.FAILED, 17.0).result()
    assert store.broken_off(task.id).result() == []


def test_a_task_can_be_settled_without_an_attempt(store: SqliteStore) -> None:
    store.add_tasks([one(1), one(2)]).result()
    assert store.settle_task("task_1", DONE, 5.0).result().state is DONE
    assert store.settle_task("task_2", SKIPPED, 5.0, error="useless").result().error == "useless"
    with pytest.raises(InvalidTransition):
        store.settle_task("task_1", SKIPPED, 6.0).result()


def test_a_reset_task_is_as_new_but_its_epoch_goes_on(store: SqliteStore) -> None:
    (task,) = begun(store, 1)
    with pytest.raises(InvalidTransition):
        store.reset_task(task.id, 11.0).result()
    complete(store, task, 1)
    store.finish_task(task.id, 1, DONE, 13.0).result()
    store.set_marked(task.id, DONE).result()
    again = store.reset_task(task.id, 14.0).result()
    assert (again.state, again.attempts, again.completed, again.epoch) == (PENDING, 0, (), 1)
    store.settle_task(task.id, DONE, 15.0).result()
    assert [left.id for left in store.unmarked().result()] == [task.id]


def test_final_tasks_stay_unmarked_until_their_line_shows_it(store: SqliteStore) -> None:
    store.add_tasks(
        [one(1, state=DONE), one(2, state=SKIPPED), one(3, state=FAILED), one(4)]
    ).result()
    assert [task.id for task in store.unmarked().result()] == ["task_1", "task_2"]
    store.set_marked("task_2", SKIPPED).result()
    store.set_marked("task_1", PENDING).result()
    assert [task.id for task in store.unmarked().result()] == ["task_1"]


def test_what_nobody_added_is_named(store: SqliteStore) -> None:
    for call in (
        store.begin_attempt("task_404", path="async", instructions=1, now=1.0),
        store.finish_task("task_404", 1, DONE, 1.0),
        store.reset_task("task_404", 1.0),
        store.set_marked("task_404", DONE),
    ):
        with pytest.raises(UnknownTask, match="task_404"):
            call.result()


def test_recovery_after_a_server_that_died(path: Path) -> None:
    with open_store(path) as store:
        store.server_started("s1", 1.0).result()
        task, other = begun(store, 1, 2)
        complete(store, task, 1)
        store.begin_step(task.id, 1, 2, 2, "name", 13.0).result()
        store.step_process(task.id, 1, 2, 4242, "boot-17").result()
        store.begin_step(other.id, 1, 1, 1, "name", 13.0).result()
        store.step_process(other.id, 1, 1, 4343, "boot-18").result()
        store.finish_step(other.id, 1, 1, StepState.DONE, 14.0).result()
    with open_store(path) as store:
        recovery = store.recover(20.0).result()
        assert not recovery.clean
        assert [(task.state, task.attempts) for task in recovery.tasks] == [(PENDING, 0)] * 2
        assert [task.completed for task in recovery.tasks] == [(1,), (1,)]
        (left,) = recovery.processes
        assert (left.task_id, left.position, left.pid, left.started) == (
            "task_1",
            2,
            4242,
            "boot-17",
        )
        again = store.recover(21.0).result()
        assert (again.tasks, again.processes) == ((), (left,))
        store.process_ended(left.task_id, left.epoch, left.position).result()
        assert store.recover(22.0).result().processes == ()
        with pytest.raises(Fenced):
            store.finish_step("task_1", 1, 2, StepState.DONE, 23.0).result()


def test_a_clean_stop_is_remembered(path: Path) -> None:
    with open_store(path) as store:
        assert store.server_state().result() == ServerState()
        assert store.recover(1.0).result().clean
        store.server_started("s1", 2.0).result()
        assert store.iteration().result() == 1
        assert store.iteration().result() == 2
        assert not store.recover(3.0).result().clean
        store.server_stopped(4.0, clean=True).result()
    with open_store(path) as store:
        assert store.server_state().result() == ServerState("s1", 2.0, 4.0, 2, clean=True)
        assert store.recover(5.0).result().clean


def test_events_are_read_on_from_a_number(store: SqliteStore) -> None:
    for number in range(5):
        store.record(Event("list.read", float(number), data={"n": [number, "ё\ud800"]})).result()
    (_, first), (second, _) = store.events(0, 2).result()
    assert first == Event("list.read", 0.0, data={"n": [0, "ё\ud800"]})
    assert [event.at for _, event in store.events(second, 9).result()] == [2.0, 3.0, 4.0]


def test_the_last_change_follows_tasks_and_server_and_never_goes_back(store: SqliteStore) -> None:
    assert store.last_change().result() == 0.0
    store.add_tasks([one(1, created_at=5.0)]).result()
    assert store.last_change().result() == 5.0
    begun(store, 2)
    assert store.last_change().result() == 10.0
    store.server_started("s", 3.0).result()
    assert store.last_change().result() == 10.0


def test_a_newer_document_is_taken_over_without_undoing_anything(store: SqliteStore) -> None:
    (task,) = begun(store, 1)
    complete(store, task, 1, 2)
    store.interrupt_task(task.id, 1, 13.0).result()
    store.add_tasks([one(2), one(3, state=DONE)]).result()
    theirs = [
        Task("task_70", "text 1", state=FAILED, attempts=3, error="theirs"),
        Task("task_71", "text 2", state=DONE, ended_at=40.0),
        Task("task_72", "text 3"),
        Task("task_3", "text 4"),
    ]
    server = ServerState("theirs", 30.0, 41.0, 12, clean=False)
    assert store.adopt(theirs, server, 50.0).result() == 3
    by_text = {task.text: task for task in store.tasks().result()}
    assert by_text["text 1"].completed == (1, 2)
    assert (by_text["text 1"].state, by_text["text 1"].attempts) == (FAILED, 3)
    assert (by_text["text 2"].id, by_text["text 2"].state) == ("task_2", DONE)
    assert by_text["text 3"].state is DONE
    assert by_text["text 4"].id == "task_50"
    assert store.server_state().result() == server
    assert store.last_change().result() == 50.0
    assert store.adopt(theirs, server, 51.0).result() == 0


def test_a_text_that_cannot_be_stored_fails_its_call_alone(store: SqliteStore) -> None:
    bad = store.add_tasks([one(1), Task("task_2", "half \ud83d")])
    good = store.add_tasks([one(3)])
    with pytest.raises(StoreError, match=r"'\\ud83d', which is no character"):
        bad.result()
    assert good.result() == 1
    assert [task.id for task in store.tasks().result()] == ["task_3"]
    with pytest.raises(StoreError, match="too large"):
        store.add_tasks([one(4, priority=2**70)]).result()


def test_a_closed_store_takes_nothing_and_has_lost_nothing(path: Path) -> None:
    store = open_store(path)
    pending = [store.add_tasks([one(number)]) for number in range(200)]
    store.close()
    assert [future.result(timeout=0) for future in pending] == [1] * 200
    with pytest.raises(StoreClosed):
        store.tasks()
    store.close()
