"""Commands from other threads, and what the server does about them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codeagent._async.control import AsyncControl
from codeagent._async.server import AsyncCodeAgentServer
from codeagent._runtime import async_runtime as rt
from codeagent._runtime.commands import Mailbox, MailboxClosed
from codeagent.core.events import Event
from codeagent.core.task import InvalidTransition, Task, TaskState
from codeagent.core.todo import TodoError
from codeagent.store import UnknownTask, open_store
from tests.support.world import (
    Recorder,
    agent_environment,
    config,
    layout,
    spied_store,
    stand_in,
)

from .helpers import until

Actions = dict[str, Callable[..., Any]]


async def test_commands_are_obeyed_in_the_order_in_which_they_came() -> None:
    mailbox, obeyed = Mailbox(), list[int]()
    answers = [mailbox.submit("note", number=number) for number in range(3)]

    def note(number: int) -> int:
        obeyed.append(number)
        return -number

    control = AsyncControl(mailbox, {"note": note})
    async with rt.TaskGroup() as group:
        running = group.start_soon(control.run)
        assert [await rt.wait_for_future(answer) for answer in answers] == [0, -1, -2]
        assert await rt.wait_for_future(mailbox.submit("note", number=3)) == -3
        running.cancel()
    assert obeyed == [0, 1, 2, 3]


async def test_a_command_that_takes_its_time_holds_no_other_up() -> None:
    mailbox, gate = Mailbox(), rt.Event()

    async def slow() -> str:
        await gate.wait()
        return "slow"

    control = AsyncControl(mailbox, {"slow": slow, "fast": lambda: "fast"})
    async with rt.TaskGroup() as group:
        running = group.start_soon(control.run)
        slowly = mailbox.submit("slow")
        assert await rt.wait_for_future(mailbox.submit("fast")) == "fast"
        gate.set()
        assert await rt.wait_for_future(slowly) == "slow"
        running.cancel()


async def test_what_goes_wrong_is_the_answer_and_not_the_end() -> None:
    mailbox = Mailbox()

    def fail() -> None:
        raise InvalidTransition("it is done")

    control = AsyncControl(mailbox, {"fail": fail, "work": lambda: "done"})
    async with rt.TaskGroup() as group:
        running = group.start_soon(control.run)
        with pytest.raises(InvalidTransition, match="it is done"):
            await rt.wait_for_future(mailbox.submit("fail"))
        with pytest.raises(LookupError, match="no command 'dance'"):
            await rt.wait_for_future(mailbox.submit("dance"))
        assert await rt.wait_for_future(mailbox.submit("work")) == "done"
        running.cancel()


async def test_a_cancelled_service_loses_no_command() -> None:
    mailbox = Mailbox()
    control = AsyncControl(mailbox, {"work": lambda: "done"})
    for _ in range(3):
        async with rt.TaskGroup() as group:
            running = group.start_soon(control.run)
            await rt.checkpoint()
            running.cancel()
        answer = mailbox.submit("work")
        async with rt.TaskGroup() as group:
            running = group.start_soon(control.run)
            assert await rt.wait_for_future(answer) == "done"
            running.cancel()


async def test_whoever_waits_when_the_server_ends_is_told() -> None:
    mailbox, begun = Mailbox(), rt.Event()

    async def hang() -> None:
        begun.set()
        await rt.Event().wait()

    control = AsyncControl(mailbox, {"hang": hang})
    answer = mailbox.submit("hang")
    async with rt.TaskGroup() as group:
        running = group.start_soon(control.run)
        await begun.wait()
        running.cancel()
    with pytest.raises(MailboxClosed):
        answer.result(0)
    late = mailbox.submit("hang")
    mailbox.close()
    with pytest.raises(MailboxClosed):
        late.result(0)
    with pytest.raises(MailboxClosed):
        mailbox.submit("hang")


async def test_a_command_that_nobody_waits_for_any_more_is_not_obeyed() -> None:
    mailbox, obeyed = Mailbox(), list[str]()
    assert mailbox.submit("note", text="given up").cancel()
    control = AsyncControl(mailbox, {"note": lambda text: obeyed.append(text)})
    async with rt.TaskGroup() as group:
        running = group.start_soon(control.run)
        await rt.wait_for_future(mailbox.submit("note", text="wanted"))
        running.cancel()
    assert obeyed == ["wanted"]


class Rig:
    """A server that watches a list, and a mailbox to it."""

    def __init__(
        self,
        directory: Path,
        store: Any,
        todo: str,
        *,
        keep_watching: bool = True,
        **sections: Any,
    ) -> None:
        settings = config(instructions={}, **sections)
        self.store, self.mailbox, self.sink = store, Mailbox(), Recorder()
        places = layout(settings, directory)
        self.todo = places.project / "todo.md"
        self.todo.write_text(todo, "utf-8")
        self.gate = places.project / "go"
        self.server = AsyncCodeAgentServer(
            config=settings,
            layout=places,
            adapter=stand_in(),
            store=store,
            sink=self.sink,
            keep_watching=keep_watching,
            environment=agent_environment(),
            clock=time.time,
            mailbox=self.mailbox,
        )

    async def ask(self, name: str, **arguments: Any) -> Any:
        return await rt.wait_for_future(self.mailbox.submit(name, **arguments))

    async def tasks(self) -> dict[str, Task]:
        return {task.text: task for task in await rt.wait_for_future(self.store.tasks())}

    async def seen(self, name: str, count: int = 1) -> None:
        await until(lambda: self.sink.names().count(name) >= count)

    def said(self) -> list[Event]:
        return list(self.sink.events)


async def test_a_task_that_is_cancelled_ends_and_waits_for_a_person(tmp_path: Path) -> None:
    with open_store(tmp_path / "state.db") as store:
        rig = Rig(tmp_path, store, "- [ ] Hang [standin:hang]\n- [ ] Next\n")
        async with rt.TaskGroup() as group:
            group.start_soon(rig.server.run)
            await rig.seen("agent.started")
            before = await rig.tasks()
            task = before["Hang [standin:hang]"]
            cancelled = await rig.ask("cancel", task=task.id)
            assert cancelled.state is TaskState.PENDING
            assert cancelled.attention.startswith("cancelled")
            await rig.seen("task.done")
            await rig.seen("server.idle")
            live = await rig.ask("look")
            assert not live.schedule.running
            assert not live.schedule.waiting
            with pytest.raises(InvalidTransition, match="done"):
                await rig.ask("cancel", task=before["Next"].id)
            with pytest.raises(UnknownTask):
                await rig.ask("cancel", task="nobody")
            await rig.ask("stop", reason="enough")
        assert rig.sink.names().count("task.started") == 2
        found = await rig.tasks()
        assert {text: task.state for text, task in found.items()} == {
            "Hang [standin:hang]": TaskState.PENDING,
            "Next": TaskState.DONE,
        }


async def test_the_last_task_is_cancelled_for_good_before_the_server_ends(tmp_path: Path) -> None:
    with spied_store(tmp_path) as store:
        rig = Rig(tmp_path, store, "- [ ] Hang [standin:hang]\n", keep_watching=False)
        store.held = {"hold_task"}
        async with rt.TaskGroup() as group:
            group.start_soon(rig.server.run)
            await rig.seen("agent.started")
            tasks = await rig.tasks()
            (task,) = tasks.values()
            answer = rig.mailbox.submit("cancel", task=task.id)
            await until(lambda: "hold_task" in store.calls)
            await rig.seen("task.interrupted")
            store.release()
            cancelled = await rt.wait_for_future(answer)
        assert cancelled.attention.startswith("cancelled")
        assert rig.sink.named("task.interrupted")[0]["reason"] == "a person has cancelled it"


async def test_a_task_that_waits_is_cancelled_before_it_starts(tmp_path: Path) -> None:
    with open_store(tmp_path / "state.db") as store:
        rig = Rig(tmp_path, store, "- [ ] One\n- [ ] Two\n")
        await rt.wait_for_future(rig.store.server_state())
        rig.server.pause()
        async with rt.TaskGroup() as group:
            group.start_soon(rig.server.run)
            await rig.seen("list.read")
            live = await rig.ask("look")
            assert live.schedule.paused
            tasks = await rig.tasks()
            await rig.ask("cancel", task=tasks["One"].id)
            await rig.ask("resume")
            await rig.seen("task.done")
            await rig.ask("drain")
        assert [event.data["text"] for event in rig.said() if event.name == "task.started"] == [
            "Two"
        ]


async def test_a_retried_task_runs_again(tmp_path: Path) -> None:
    with open_store(tmp_path / "state.db") as store:
        rig = Rig(tmp_path, store, "- [ ] One\n")
        async with rt.TaskGroup() as group:
            group.start_soon(rig.server.run)
            await rig.seen("server.idle")
            tasks = await rig.tasks()
            task = tasks["One"]
            assert rig.todo.read_text("utf-8").startswith("- [x] One")
            again = await rig.ask("retry", task=task.id)
            assert again.state is not TaskState.DONE
            await rig.seen("task.done", 2)
            with pytest.raises(UnknownTask):
                await rig.ask("retry", task="nobody")
            rig.todo.write_text("- [ ] Two\n", "utf-8")
            with pytest.raises(TodoError):
                await rig.ask("retry", task=task.id)
            await rig.ask("drain")


async def test_draining_finishes_what_runs_and_ends(tmp_path: Path) -> None:
    with open_store(tmp_path / "state.db") as store:
        rig = Rig(tmp_path, store, "- [ ] One\n- [ ] Two\n")
        async with rt.TaskGroup() as group:
            running = group.start_soon(rig.server.run)
            await rig.seen("agent.started")
            await rig.ask("drain")
            code = await running.wait()
        assert code == 1
        found = await rig.tasks()
        assert (found["One"].state, found["Two"].state) == (TaskState.DONE, TaskState.PENDING)


async def test_draining_ends_a_server_that_has_nothing_to_do(tmp_path: Path) -> None:
    with open_store(tmp_path / "state.db") as store:
        rig = Rig(tmp_path, store, "- [ ] One\n")
        async with rt.TaskGroup() as group:
            running = group.start_soon(rig.server.run)
            await rig.seen("server.idle")
            await rig.ask("drain")
            assert await running.wait() == 0
