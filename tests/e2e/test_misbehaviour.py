"""Agents that misbehave, through the whole server: the right ending, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.installations import Place, modern, predecessor, write_config
from tests.support.processes import Result, Server, codeagent, left_of, wait_for_end

TEMPLATE = """\
Task: {{task_name}}
{marker}
write your report to the file {report}
The report must end with this line, exactly:
Finished!
"""

PATIENT = {"idle_timeout": 40, "report_timeout": 40, "grace_period": 40, "exit_grace": 40}
HASTY = {"exit_grace": 0.1}


def entry(
    number: int, marker: str = "", report: str = "docs/results/r.md", timeout: float = 40
) -> dict[str, Any]:
    return {
        "instruction_id": number,
        "name": f"Step {number}",
        "template": TEMPLATE.format(marker=marker, report=report),
        "wait_for_file": report,
        "control_phrase": "Finished!",
        "timeout": timeout,
    }


def run(
    base: Path,
    path: str,
    behaviours: str,
    settings: dict[str, float],
    *entries: dict[str, Any],
    attempts: int = 1,
) -> tuple[Place, Result]:
    place = modern(
        base,
        "- [ ] One\n",
        behaviours=behaviours,
        settings={**PATIENT, **settings},
        instructions={"default": list(entries or (entry(1),))},
        server={"checkpoint": {"max_task_attempts": attempts}},
    )
    done = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert "Traceback" not in done.stderr
    agents = [event["pid"] for event in done.named("agent.started")]
    assert agents
    assert left_of(agents) == []
    return place, done


@pytest.mark.parametrize(
    ("behaviours", "settings"),
    [
        ("hang-after-report", HASTY),
        ("hang-after-result", HASTY),
        ("ignore-sigterm,hang-after-result", {**HASTY, "grace_period": 0.1}),
        ("late:0.1", {}),
        ("truncated:0.1", {}),
        ("flood:2", {}),
        ("grandchild", {}),
        ("garbage,stderr", {}),
        ("orphan", {}),
        ("huge:50", {}),
        ("unknown", {}),
        ("talk-on", {}),
        ("no-result", {}),
        ("hold-stdin", {}),
        ("tool:0.8", {"idle_timeout": 0.5}),
    ],
)
def test_work_that_was_done_counts(
    tmp_path: Path, path: str, behaviours: str, settings: dict[str, float]
) -> None:
    place, done = run(tmp_path, path, behaviours, settings)
    assert (done.code, done.stderr) == (0, "")
    assert "- [x] One <!-- Выполнено успешно (1/1 инструкций) - " in place.read("todo.md")
    assert place.read("docs/results/r.md").endswith("\nFinished!\n")


@pytest.mark.parametrize(
    ("behaviours", "settings", "reason"),
    [
        ("hang", {"idle_timeout": 0.3}, "no sign of life for 0.3 s"),
        (
            "ignore-sigterm,hang",
            {"idle_timeout": 0.5, "grace_period": 0.1},
            "no sign of life for 0.5 s",
        ),
        ("die:7", {}, "the agent ended with exit code 7"),
        ("die:0", {"report_timeout": 0.2}, "the report did not come within 0.2 s"),
        ("truncated", {"report_timeout": 0.2}, "the report did not come within 0.2 s"),
        ("phraseless", {"report_timeout": 0.2}, " does not contain 'Finished!'"),
        ("no-report", {"report_timeout": 0.2}, "the report did not come within 0.2 s"),
        ("no-report,hang-after-result", {"report_timeout": 0.2}, "the agent was still running"),
        ("fail", {}, "the request failed"),
        ("idle", {}, "the agent ended without having done or said anything"),
        ("crash", {}, "the agent was ended by signal 9"),
        ("retrying", {"idle_timeout": 0.5}, "no sign of life for 0.5 s"),
        (
            "tool:40",
            {"idle_timeout": 0.2, "tool_timeout": 0.4},
            "its tool has had its time (0.4 s)",
        ),
    ],
)
def test_work_that_was_not_done_does_not_count(
    tmp_path: Path, path: str, behaviours: str, settings: dict[str, float], reason: str
) -> None:
    place, done = run(tmp_path, path, behaviours, settings)
    assert done.code == 1
    (failed,) = done.named("instruction.failed")
    assert reason in failed["reason"]
    (task,) = done.named("task.failed")
    assert (task["attempts"], task["retry_at"]) == (1, None)
    assert place.read("todo.md") == "- [ ] One\n"


def test_a_network_that_is_not_there_is_waited_for(tmp_path: Path, path: str) -> None:
    place = modern(tmp_path, "- [ ] One\n", behaviours="network", settings=PATIENT)
    with Server("run", "--path", path, "--json", cwd=place.cwd, env=place.env) as server:
        parked = server.until("task.parked")
        server.signal(signal.SIGINT)
        done = server.finish()
    assert "waits for the network until" in parked["reason"]
    assert "ENOTFOUND" in done.named("instruction.failed")[0]["reason"]
    assert done.named("task.failed") == []
    assert place.read("todo.md") == "- [ ] One\n"


def test_an_agent_that_trusts_no_directory_stops_the_server(tmp_path: Path, path: str) -> None:
    place, done = run(tmp_path, path, "untrusted", {})
    assert done.code == 1
    (failed,) = done.named("instruction.failed")
    assert "the agent does not trust the directory: Workspace Trust" in failed["reason"]
    (stopping,) = done.named("server.stopping")
    assert "the agent does not trust the directory" in stopping["reason"]
    assert place.read("todo.md") == "- [ ] One\n"


def test_an_agent_that_never_speaks_is_ended_when_its_first_word_is_due(
    tmp_path: Path, path: str
) -> None:
    place = modern(tmp_path, "- [ ] One\n", server={"checkpoint": {"max_task_attempts": 1}})
    agent = {"command": ["sleep", "40"], "output": "stream-json"}
    settings = {**PATIENT, "agent": "mute", "handshake_timeout": 0.3}
    write_config(
        place,
        {
            "agents": {"mute": agent},
            "async": settings,
            "server": {"checkpoint": {"max_task_attempts": 1}},
        },
    )
    done = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert done.code == 1
    reasons = {event["reason"] for event in done.named("instruction.failed")}
    assert reasons == {"no first event within 0.3 s"}
    assert left_of([event["pid"] for event in done.named("agent.started")]) == []


def test_what_an_agent_leaves_in_a_session_of_its_own_does_not_outlive_the_run(
    tmp_path: Path, path: str
) -> None:
    place, _ = run(tmp_path, path, "orphan", {})
    logs = (place.state / "logs" / "agents").rglob("*.log")
    left = [int(pid) for log in logs for pid in re.findall(r"left process (\d+)", log.read_text())]
    assert len(left) == 1
    wait_for_end(left[0])


def test_a_stream_that_is_not_understood_is_told_of_once_a_run(tmp_path: Path, path: str) -> None:
    _, done = run(tmp_path, path, "unknown", {}, entry(1), entry(2, report="docs/b.md"))
    drifts = done.named("agent.drift")
    assert [(drift["unknown"], drift["invalid"]) for drift in drifts] == [(3, 0), (3, 0)]
    assert drifts[0]["types"] == {"brand_new": 2, "system/not_documented": 1}


def test_an_instruction_has_only_its_time(tmp_path: Path, path: str) -> None:
    _, done = run(tmp_path, path, "slow:40", {}, entry(1, timeout=0.5))
    assert done.code == 1
    assert [event["reason"] for event in done.named("instruction.failed")] == [
        "the instruction's time is used up (0.5 s)"
    ]


def test_an_agent_that_fails_once_is_tried_again(tmp_path: Path, path: str) -> None:
    place, done = run(tmp_path, path, "fail-once", {"retry_delay": 0}, attempts=3)
    assert done.code == 0
    assert [event["attempts"] for event in done.named("task.failed")] == [1]
    assert [event["attempt"] for event in done.named("task.started")] == [1, 2]
    assert "- [x] One" in place.read("todo.md")


def test_a_failed_instruction_alone_is_run_again(tmp_path: Path, path: str) -> None:
    steps = [entry(1, report="docs/a.md"), entry(2, "[standin: fail-once]", "docs/b.md")]
    _, done = run(tmp_path, path, "", {"retry_delay": 0}, *steps, attempts=3)
    assert done.code == 0
    started = [event["position"] for event in done.named("instruction.started")]
    assert started == [1, 2, 2]
    assert [event["resumed_at"] for event in done.named("task.started")] == [None, 2]


@pytest.mark.parametrize("behaviour", ["no-report", "hang-after-result,no-report"])
def test_the_report_of_an_earlier_instruction_is_not_accepted(
    tmp_path: Path, path: str, behaviour: str
) -> None:
    steps = [entry(1), entry(2, f"[standin: {behaviour}]")]
    place, done = run(tmp_path, path, "", {"report_timeout": 0.3}, *steps)
    assert done.code == 1
    assert [event["position"] for event in done.named("instruction.done")] == [1]
    assert [event["position"] for event in done.named("instruction.failed")] == [2]
    assert place.read("docs/results/r.md").endswith("Finished!\n")


def test_the_report_of_a_former_run_is_not_accepted(tmp_path: Path, path: str) -> None:
    place = modern(
        tmp_path,
        "- [ ] One\n",
        behaviours="no-report",
        settings={**PATIENT, "report_timeout": 0.3},
        instructions={"default": [entry(1)]},
        server={"checkpoint": {"max_task_attempts": 1}},
    )
    report = place.project / "docs/results/r.md"
    report.parent.mkdir(parents=True)
    report.write_text("Finished!\n")
    done = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert done.code == 1
    assert done.named("instruction.done", "report.seen") == []


def test_the_predecessors_agent_may_be_silent_but_not_for_ever(tmp_path: Path, path: str) -> None:
    binary = tmp_path / "quiet-agent"
    binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m codeagent.standin "$@"\n')
    binary.chmod(0o755)
    steps = [entry(1, "[standin: slow:0.8]"), entry(2, "[standin: hang]", timeout=0.5)]
    place = predecessor(
        tmp_path,
        "- [ ] One\n",
        cursor={
            "cli": {
                "cli_path": str(binary),
                "container_name": "c",
                "resilience": {"fallback_retry_delay": 0},
            }
        },
        instructions={"default": steps},
        settings={"idle_timeout": 0.3, "grace_period": 1},
    )
    done = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert done.code == 1
    assert [event["position"] for event in done.named("instruction.done")] == [1]
    reasons = {event["reason"] for event in done.named("instruction.failed")}
    assert reasons == {"Таймаут выполнения (0.5 секунд)"}
    assert left_of([event["pid"] for event in done.named("agent.started")]) == []


def test_an_agent_that_cannot_be_paid_stops_the_server(tmp_path: Path, path: str) -> None:
    binary = tmp_path / "unpaid"
    binary.write_text("#!/bin/sh\necho 'You have an unpaid invoice' >&2\nexit 1\n")
    binary.chmod(0o755)
    place = modern(tmp_path, "- [ ] One\n- [ ] Two\n")
    write_config(place, {"agents": {"a": {"command": str(binary)}}, "async": {"agent": "a"}})
    done = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert done.code == 1
    assert len(done.named("agent.started")) == 1
    assert "You have an unpaid invoice" in done.named("instruction.failed")[0]["reason"]
    assert "Критическая Ошибка Agent CLI" in place.read("codeAgentProjectStatus.md")
    assert place.read("todo.md") == "- [ ] One\n- [ ] Two\n"


@pytest.mark.skipif(not os.path.exists("/proc"), reason="needs procfs")  # noqa: PTH110
def test_an_agent_that_vanishes_from_the_disk_stops_the_server(tmp_path: Path, path: str) -> None:
    binary = tmp_path / "once"
    binary.write_text('#!/bin/sh\nrm "$0"\nexit 1\n')
    binary.chmod(0o755)
    place = modern(tmp_path, "- [ ] One\n- [ ] Two\n")
    settings = {"agent": "a", "retry_delay": 0}
    write_config(place, {"agents": {"a": {"command": str(binary)}}, "async": settings})
    done = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert done.code == 1
    assert "could not be started" in done.named("instruction.failed")[-1]["reason"]
    assert [event["text"] for event in done.named("task.started")] == ["One"]
