"""``codeagent serve``: the list is watched, and the server stops when it is asked to."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.installations import Place, masked, modern, predecessor, scripted
from tests.support.processes import Server, left_of

IDLE = "Все задачи выполнены."
GRACE = {"grace_period": 600}


def serve(place: Place, path: str, command: str = "serve") -> Server:
    return Server(command, "--path", path, "--json", cwd=place.cwd, env=place.env)


def open_gate(place: Place) -> None:
    """Let the agent go on that waits, or will wait, at the gate."""
    (place.records.parent / "gate").write_bytes(b"")


def checkpoint(place: Place) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((place.state / "checkpoint.json").read_text("utf-8"))
    return document


def test_new_tasks_are_picked_up_until_the_server_is_stopped(tmp_path: Path, path: str) -> None:
    place = scripted(tmp_path, "# List\n\n- [ ] One\n")
    with serve(place, path) as server:
        server.until("server.idle", done=1)
        with place.todo.open("a") as file:
            file.write("- [ ] Two\n")
        server.until("task.started", text="Two")
        server.until("server.idle", done=2)
        replacement = place.todo.with_name("new")
        replacement.write_text(place.read("todo.md") + "- [ ] Three\n", "utf-8")
        replacement.replace(place.todo)
        server.until("task.started", text="Three")
        server.until("server.idle", done=3)
        server.signal(signal.SIGTERM)
        done = server.finish()
    assert (done.code, done.stderr) == (130, "")
    assert [text for text, step in place.steps() if step == 1] == ["One", "Two", "Three"]
    status = place.read("codeAgentProjectStatus.md")
    assert status.count(IDLE) == 3
    assert masked(status).endswith("\n## Code Agent Server остановлен: SIGTERM. Время: <ts>\n")


def test_going_idle_is_told_once(tmp_path: Path, path: str) -> None:
    place = scripted(tmp_path, "- [ ] One\n", server={"check_interval": 1})
    with serve(place, path) as server:
        server.until("server.idle")
        # Every look at the list ends in an event only if something is new.
        with place.todo.open("a") as file:
            file.write("- [x] done by hand\n")
        server.until("list.read", done=2)
        server.signal(signal.SIGINT)
        done = server.finish()
    assert done.code == 130
    assert len(done.named("server.idle")) == 1
    assert place.read("codeAgentProjectStatus.md").count(IDLE) == 1


def test_a_task_added_while_another_runs_is_known_at_once(tmp_path: Path, path: str) -> None:
    place = scripted(tmp_path, "- [ ] One (waits at 1)\n")
    with serve(place, path) as server:
        server.until("agent.started")
        with place.todo.open("a") as file:
            file.write("- [ ] Two\n")
        server.until("list.read", total=2, pending=2)
        open_gate(place)
        server.until("task.done")
        server.until("task.started", text="Two")
        server.until("server.idle", done=2)


def test_the_users_edits_of_other_lines_survive_a_mark(tmp_path: Path, path: str) -> None:
    place = scripted(tmp_path, "# Old heading\n\n- [ ] One (waits at 2)\n- [ ] Two\n")
    edited = "# New heading\n\nSome prose.\r\n\t- [ ] Two\n- [-] Three\n- [ ] One (waits at 2)\n~~~"
    with serve(place, path, "run") as server:
        server.until("instruction.started", position=2)
        place.todo.write_bytes(edited.encode())
        open_gate(place)
        done = server.finish()
    assert (done.code, done.stderr) == (1, ""), "the fence that is never closed needs a person"
    assert done.named("list.problem")
    comment = " <!-- Выполнено успешно (2/2 инструкций) - <ts> -->"
    expected = edited.replace("[ ] One (waits at 2)", f"[x] One (waits at 2){comment}")
    expected = expected.replace("[ ] Two", f"[x] Two{comment}")
    assert masked(place.read("todo.md")) == expected


def test_a_task_that_is_struck_out_meanwhile_is_not_run(tmp_path: Path, path: str) -> None:
    place = scripted(tmp_path, "- [ ] One (waits at 1)\n- [ ] Two\n- [ ] Three\n")
    with serve(place, path, "run") as server:
        server.until("agent.started")
        place.todo.write_text("- [ ] One (waits at 1)\n- [-] Two\n")
        server.until("list.read", skipped=1)
        open_gate(place)
        done = server.finish()
    assert done.code == 0
    assert {text for text, _ in place.steps()} == {"One (waits at 1)"}
    assert "- [-] Two\n" in place.read("todo.md")


def test_a_list_that_cannot_be_read_for_a_while_is_told_and_read_later(
    tmp_path: Path, path: str
) -> None:
    place = scripted(tmp_path, "tasks:\n  - One\n", name="todo.yaml")
    with serve(place, path) as server:
        server.until("server.idle", done=1)
        whole = place.read("todo.yaml")
        place.todo.write_text("tasks: [One,\n", "utf-8")
        problem = server.until("list.problem")
        assert problem["file"] == "todo.yaml"
        place.todo.write_text(f"{whole}  - Two\n", "utf-8")
        server.until("task.started", text="Two")
        server.until("server.idle", done=2)


@pytest.mark.parametrize(("command", "signum"), [("run", signal.SIGINT), ("serve", signal.SIGTERM)])
def test_a_stopped_server_goes_on_where_it_was(
    tmp_path: Path, path: str, command: str, signum: signal.Signals
) -> None:
    place = scripted(tmp_path, "- [ ] One (waits at 2)\n- [ ] Two\n", settings=GRACE)
    with serve(place, path, command) as server:
        server.until("instruction.started", position=2)
        agent = server.until("agent.started")["pid"]
        server.signal(signum)
        stopped = server.finish()
    assert (stopped.code, stopped.stderr) == (130, "")
    assert left_of([agent]) == []
    (stopping,) = stopped.named("server.stopping")
    assert (stopping["reason"], stopping["grace"]) == (signum.name, 600)
    assert len(stopped.named("task.interrupted")) == 1
    assert stopped.events[-1]["clean"] is True
    assert place.read("todo.md") == "- [ ] One (waits at 2)\n- [ ] Two\n"
    document = checkpoint(place)
    assert document["server_state"]["clean_shutdown"] is True
    assert document["current_task"] is None
    (task,) = document["tasks"]
    assert (task["state"], task["attempts"]) == ("pending", 0)
    assert task["instruction_progress"]["completed_instructions"] == [1]

    with serve(place, path, "run") as server:
        assert server.until("task.started")["resumed_at"] == 2
        server.until("agent.started")
        open_gate(place)
        done = server.finish()
    assert (done.code, done.stderr) == (0, "")
    one, two = "One (waits at 2)", "Two"
    positions = [(event["attempt"], event["position"]) for event in done.named("instruction.done")]
    assert positions == [(2, 2), (1, 1), (1, 2)]
    assert place.steps().count((one, 1)) == 1
    assert place.steps().count((two, 1)) == 1
    assert "Восстановление после сбоя" not in place.read("codeAgentProjectStatus.md")


def test_the_other_path_goes_on_where_one_was_stopped(tmp_path: Path, path: str) -> None:
    place = scripted(tmp_path, "- [ ] One (waits at 2)\n", settings=GRACE)
    with serve(place, path) as server:
        server.until("instruction.started", position=2)
        server.until("agent.started")
        server.signal(signal.SIGTERM)
        assert server.finish().code == 130
    with serve(place, {"async": "sync", "sync": "async"}[path], "run") as server:
        assert server.until("task.started")["resumed_at"] == 2
        server.until("agent.started")
        open_gate(place)
        assert server.finish().code == 0
    assert place.steps().count(("One (waits at 2)", 1)) == 1


def test_a_second_signal_ends_an_agent_that_will_not_go(tmp_path: Path, path: str) -> None:
    place = modern(
        tmp_path, "- [ ] One\n", behaviours="ignore-sigterm,grandchild,slow:3000", settings=GRACE
    )
    with serve(place, path) as server:
        server.until("agent.progress", kind="init")
        server.signal(signal.SIGTERM)
        server.until("server.stopping")
        server.signal(signal.SIGINT)
        done = server.finish()
    assert (done.code, done.stderr) == (130, "")
    assert left_of(server.agents) == []
    assert checkpoint(place)["server_state"]["clean_shutdown"] is True


def test_an_agent_that_will_not_go_has_only_the_grace_period(tmp_path: Path, path: str) -> None:
    place = modern(
        tmp_path, "- [ ] One\n", behaviours="ignore-sigterm,hang", settings={"grace_period": 0.2}
    )
    with serve(place, path) as server:
        server.until("agent.progress", kind="init")
        server.signal(signal.SIGTERM)
        done = server.finish()
    assert (done.code, done.stderr) == (130, "")
    assert left_of(server.agents) == []


def test_an_idle_server_stops_cleanly(tmp_path: Path, path: str) -> None:
    place = predecessor(tmp_path, "- [x] One\n")
    with serve(place, path) as server:
        server.until("server.idle")
        server.signal(signal.SIGTERM)
        done = server.finish()
    assert (done.code, done.stderr) == (130, "")
    document = json.loads((place.state / ".codeagent_checkpoint.json").read_text("utf-8"))
    assert document["server_state"]["clean_shutdown"] is True


@pytest.mark.parametrize("recorded", [True, False])
def test_the_agents_of_a_killed_server_are_ended_by_the_next(
    tmp_path: Path, path: str, recorded: bool
) -> None:
    place = predecessor(tmp_path, "- [ ] One (waits at 1)\n")
    with serve(place, path) as first:
        first.until("agent.started")
        first.process.kill()
        first.process.wait()
        if not recorded:  # as if it had been killed a moment earlier
            with closing(sqlite3.connect(place.state / "codeagent.db")) as database:
                database.execute("UPDATE step SET pid = NULL")
                database.commit()
        with serve(place, path, "run") as second:
            second.until("agent.started")
            assert left_of(first.agents) == []
            open_gate(place)
            done = second.finish()
    assert (done.code, done.stderr) == (0, "")
    status = place.read("codeAgentProjectStatus.md")
    assert "\n## Восстановление после сбоя. Незавершенных задач: 1, с ошибками: 0\n" in status
