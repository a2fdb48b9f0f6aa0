"""The command that lists, tries out, finds and chooses models."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.models import ModelServer, Seen, raw, refuse, say, setup
from tests.support.processes import environment

KEY = "sk-or-v1-0123456789abcdef0123456789abcdef"


def answer(seen: Seen) -> Any:
    if seen.path.endswith("/models"):
        free = {"prompt": "0", "completion": "0"}
        offers = [
            {"id": "a/free", "context_length": 64000, "pricing": free},
            {"id": "b/dear", "context_length": 8000, "pricing": {"prompt": "1", "completion": "1"}},
        ]
        return raw(json.dumps({"data": offers}).encode())
    return refuse(500, "out of order") if seen.model == "broken" else say("pong")


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        running.answer = answer
        yield running


@pytest.fixture
def project(tmp_path: Path, server: ModelServer) -> Path:
    """A project whose settings name one model of three."""
    text = setup(
        ("openrouter", server.url, ["broken", "good", "other"]),
        model_roles={"primary": ["broken"]},
    )
    settings = yaml.safe_dump(json.loads(text), sort_keys=False)
    (tmp_path / "llm_settings.yaml").write_text(f"# ours\n{settings}", "utf-8")
    (tmp_path / ".env").write_text(f"OPENROUTER_API_KEY={KEY}\n", "utf-8")
    return tmp_path


def models(project: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "codeagent", "models", *words],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    assert KEY not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_models_are_listed_with_their_roles(project: Path) -> None:
    told = json.loads(models(project, "--json").stdout)
    assert [(model["name"], model["role"]) for model in told["models"]] == [
        ("broken", "primary"),
        ("good", None),
        ("other", None),
    ]
    assert "primary    broken" in models(project).stdout


def test_models_are_tried_out(project: Path, path: str) -> None:
    words = ("check", "--pause", "0", "--path", path)
    told = json.loads(models(project, *words, "--json", code=1).stdout)
    assert {name: result["available"] for name, result in told.items()} == {
        "broken": False,
        "good": True,
        "other": True,
    }
    assert told["good"]["simple_test"]["success"]
    done = models(project, *words, "good")
    assert done.stdout.startswith("ok  good")
    (report, *_) = sorted((project / ".codeagent" / "logs").glob("llm_test_results_*.md"))
    assert "| good | openrouter | yes |" in report.read_text("utf-8")
    assert "choose from broken, good, other" in models(project, "check", "x", code=2).stderr


def test_what_a_provider_offers_is_found(project: Path, path: str) -> None:
    words = ("discover", "--path", path)
    (offer,) = json.loads(models(project, *words, "--free", "--json").stdout)
    assert (offer["name"], offer["free"], offer["context_window"]) == ("a/free", True, 64000)
    told = models(project, *words, "--min-context", "10000").stdout
    assert "a/free" in told and "b/dear" not in told
    assert "1 of 2 models" in told
    done = models(project, *words, "--provider", "nobody", code=2)
    assert "openrouter" in done.stderr


def test_a_provider_that_is_not_there_is_named(project: Path, server: ModelServer) -> None:
    server.kill()
    done = models(project, "discover", code=1)
    assert "openrouter does not say what it offers" in done.stderr
    server.start()


def test_models_that_work_get_the_roles(project: Path) -> None:
    file = project / "llm_settings.yaml"
    before = file.read_text("utf-8")
    words = ("update", "--pause", "0")
    told = json.loads(models(project, *words, "--dry-run", "--json").stdout)
    assert sorted(told["model_roles"]["primary"]) == ["good", "other"]
    assert file.read_text("utf-8") == before
    models(project, *words)
    after = file.read_text("utf-8")
    assert file.with_name("llm_settings.yaml.backup").read_text("utf-8") == before
    assert after.startswith("# ours\n")
    llm = yaml.safe_load(after)["llm"]
    assert sorted(llm["model_roles"]["primary"]) == ["good", "other"]
    assert (llm["_update_source"], llm["_stats"]["working_count"]) == ("auto_test_results", 2)


def test_nothing_is_changed_where_no_model_works(project: Path, server: ModelServer) -> None:
    before = (project / "llm_settings.yaml").read_text("utf-8")
    server.answer = lambda seen: refuse(500)
    done = models(project, "update", "--pause", "0", code=1)
    assert "nothing is changed" in done.stderr
    assert (project / "llm_settings.yaml").read_text("utf-8") == before


def test_without_settings_it_says_what_to_do(tmp_path: Path) -> None:
    assert "create one" in models(tmp_path, code=2).stderr
