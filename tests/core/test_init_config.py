"""The configuration that ``codeagent init`` writes."""

from __future__ import annotations

from codeagent.cli.init import CONFIG
from codeagent.core.config import Config, parse_config


def parsed(text: str) -> Config:
    return parse_config(text, source="codeagent.yaml", predecessor=False, environment={})


def test_as_it_is_written_it_changes_nothing() -> None:
    assert parsed(CONFIG).runtime == Config().runtime


def test_every_line_of_it_can_be_used() -> None:
    head, _, body = CONFIG.partition("\n\n")
    assert all(line.startswith("#") for line in head.splitlines())
    text = "\n".join(line.removeprefix("# ") for line in body.splitlines())
    config = parsed(text)
    assert config.warnings == ()
    assert list(config.agents) == ["mine"]
    assert config.runtime.max_concurrent_tasks == 10
    assert config.verify.commands
