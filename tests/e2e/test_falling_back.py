"""The predecessor's fall-back to another model, with an agent that serves one model only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.installations import Place, instruction, predecessor, program
from tests.support.processes import codeagent

ENTRIES = [
    instruction(number, f"Шаг {number}", "docs/results/last_result.md", "Готово!")
    for number in (1, 2, 3)
]


def installation(base: Path, models: list[str], error: str) -> Place:
    """An agent that fails with ``error`` unless it is asked for the model grok."""
    agent = program(base / "real")
    binary = base / "particular"
    binary.write_text(
        "#!/bin/sh\n"
        'case "$*" in "--model grok "*) exec "$REAL" "$@";; esac\n'
        'echo "$1" >> "$REFUSED"\n'
        f"echo '{error}' >&2\n"
        "exit 1\n"
    )
    binary.chmod(0o755)
    cli = {
        "cli_path": str(binary),
        "container_name": "c",
        "fallback_models": models,
        "resilience": {"fallback_retry_delay": 0},
    }
    place = predecessor(base, "- [ ] One\n", cursor={"cli": cli}, instructions={"default": ENTRIES})
    env = {**place.env, "REAL": str(agent), "REFUSED": str(base / "refused")}
    return Place(place.cwd, place.project, place.state, env, place.records, place.todo)


@pytest.mark.parametrize("error", ["it broke", "You have hit your usage limit"])
def test_another_model_helps_and_stands_in_from_then_on(
    tmp_path: Path, path: str, error: str
) -> None:
    place = installation(tmp_path, ["grok"], error)
    done = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert (done.code, done.stderr) == (0, "")
    assert (tmp_path / "refused").read_text() == "-p\n"  # once, with no model named
    assert place.steps() == [("One", 1), ("One", 2), ("One", 3)]
    first, *_ = place.runs()
    assert first["argv"][1:4] == ["--model", "grok", "-p"]
    assert first["argv"][5:] == ["--force", "--approve-mcps"]
    (told,) = done.named("instruction.retried")
    assert (told["position"], told["step"]) == (1, "other_model")
    state = json.loads((place.cwd / "data/.codeagent_fallback_state.json").read_bytes())
    assert set(state) == {
        "fallback_active",
        "fallback_until",
        "request_count",
        "max_requests",
        "last_billing_error",
    }
    assert state["fallback_active"] is True
    assert state["request_count"] == (3 if "limit" in error else 2)
    assert (state["last_billing_error"] > 0) == ("limit" in error)


def test_a_later_server_goes_on_with_the_model_that_stands_in(tmp_path: Path, path: str) -> None:
    place = installation(tmp_path, ["grok"], "it broke")
    codeagent("run", "--path", path, cwd=place.cwd, env=place.env)
    place.todo.write_text("- [ ] Two\n", "utf-8")
    done = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert done.code == 0
    assert done.named("instruction.retried") == []
    assert (tmp_path / "refused").read_text() == "-p\n"


def test_an_agent_that_no_model_helps_is_no_use_if_it_has_to_be_paid(
    tmp_path: Path, path: str
) -> None:
    place = installation(tmp_path, ["sonnet"], "You have hit your usage limit")
    done = codeagent("run", "--path", path, "--json", cwd=place.cwd, env=place.env)
    assert done.code == 1
    assert (tmp_path / "refused").read_text() == "-p\n--model\n"
    assert len(done.named("instruction.started")) == 2
    assert "Критическая Ошибка Agent CLI" in place.read("codeAgentProjectStatus.md")
    assert place.read("todo.md") == "- [ ] One\n"
