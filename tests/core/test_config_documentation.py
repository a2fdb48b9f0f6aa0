from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from codeagent.core.config import AgentSettings, Config, parse_config

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"
NOT_WRITTEN = {"source", "predecessor", "warnings"}


@pytest.fixture(scope="module")
def text() -> str:
    return DOCUMENT.read_text(encoding="utf-8")


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, f"{key}.")
        elif key == "agents":
            yield from keys(AgentSettings, "agents.NAME.")
        elif key != "instructions" and key not in NOT_WRITTEN:
            yield key


def test_every_setting_has_a_row_and_every_row_a_setting(text: str) -> None:
    rows = re.findall(r"^\| `([\w.]+\.[\w.]+)` \|", text, re.MULTILINE)
    assert sorted(rows) == sorted(keys(Config))


def test_the_defaults_of_the_rows_are_the_defaults(text: str) -> None:
    config = parse_config("", source="x", predecessor=False, environment={})
    checked = 0
    for key, cell in re.findall(r"^\| `([\w.]+)` \|[^|]*\| `([\w/.-]+)`[^|]*\|", text, re.M):
        if key.startswith("agents.") or key == "server.checkpoint.checkpoint_file":
            continue
        value: object = config
        for step in key.split("."):
            value = getattr(value, "runtime" if step == "async" else step)
        assert yaml.safe_load(cell) == (value[0] if isinstance(value, tuple) else value), key
        checked += 1
    assert checked > 40


def test_the_examples_are_read(text: str) -> None:
    first, second = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    mine = parse_config(
        first, source="x", predecessor=False, environment={"MY_AGENT_TOKEN": "secret"}
    )
    assert mine.agent is not None
    assert mine.agent.arguments("do it") == ("my-agent", "--print", "do it")
    old = parse_config(second, source="x", predecessor=True, environment={"PROJECT_DIR": "/w"})
    assert (old.runtime.path, old.server.check_interval) == ("sync", 30)
