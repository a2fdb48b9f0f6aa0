"""How models did, which roles that earns them, and how the settings come to say so."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from codeagent.core.llm.rewrite import rewritten
from codeagent.core.llm.settings import ModelSettings, parse_llm_settings
from codeagent.core.llm.trial import (
    SIMPLE,
    USEFULNESS,
    Assignment,
    Probe,
    Trial,
    assigned,
    judged,
    markdown,
)

GOOD = Probe(success=True, seconds=1.0, length=10)
BAD = Probe(success=False, error="HTTP 500: no | really\nno")
FOUND = Assignment(
    roles={"primary": ["a", "b"], "duplicate": [], "reserve": ["c"], "fallback": []},
    tested=4,
    working=3,
    fastest="a",
)
WHEN = "2026-11-22T20:00:00"


def trial(name: str, seconds: float = 1.0, **tests: Any) -> Trial:
    settings = ModelSettings(name=name, max_tokens=10, context_window=100)
    simple = Probe(success=True, seconds=seconds, length=5)
    return Trial(**{"settings": settings, "provider": "p", "ping": GOOD, "simple": simple, **tests})


def test_the_fastest_that_work_come_first_and_eight_have_a_role() -> None:
    trials = {name: trial(name, seconds) for seconds, name in enumerate("abcdefghij", 1)}
    trials["a"] = trial("a", 1, simple=BAD)
    trials["b"] = trial("b", 2, usefulness=Probe(success=True, json_valid=False))
    found = assigned(trials)
    assert found.roles == {
        "primary": ["c", "d"],
        "duplicate": ["e", "f"],
        "reserve": ["g", "h"],
        "fallback": ["i", "j"],
    }
    assert (found.tested, found.working, found.fastest) == (10, 8, "c")


def test_a_model_that_is_not_there_does_not_work() -> None:
    assert not Trial(settings=trial("a").settings, provider="p", ping=BAD).works
    assert assigned({}) == Assignment(
        roles={"primary": [], "duplicate": [], "reserve": [], "fallback": []}
    )


def test_answers_are_judged_by_what_was_asked() -> None:
    assert judged(SIMPLE, "It tests.", 0.5) == Probe(success=True, seconds=0.5, length=9)
    assert judged(USEFULNESS, '{"usefulness_percent": 80}', 0.5).json_valid is True
    assert judged(USEFULNESS, "very", 0.5).json_valid is False
    assert judged(SIMPLE, " ", 0.5).error == "no text"


def test_results_have_the_predecessors_shape() -> None:
    data = trial(
        "a", usefulness=Probe(success=True, seconds=0.25, length=3, json_valid=True)
    ).data()
    assert data["available"] is True
    assert data["simple_test"] == {
        "success": True,
        "response_time": 1.0,
        "content_length": 5,
        "error": None,
    }
    assert data["usefulness_test"]["json_valid"] is True
    assert data["model_config"]["context_window"] == 100


def test_the_document_has_a_line_for_each_model() -> None:
    text = markdown({"a": trial("a"), "b": trial("b", ping=BAD, simple=None)}, WHEN)
    first, second = [line for line in text.splitlines() if line.startswith(("| a", "| b"))]
    assert first == "| a | p | yes | 1.00 |  |  |"
    assert second == "| b | p | no |  |  | HTTP 500: no \\| really no |"


SETTINGS = """# mine
llm:
  # who is asked
  model_roles:
    primary:
    - old   # the best
    fallback: []

  timeout: 99  # patience
  _stats: {total_tested: 1}
# providers
providers:
  openai:
    models: {all: [{name: a, max_tokens: 1, context_window: 2}]}
"""


def test_only_the_entries_that_change_are_written() -> None:
    new = rewritten(SETTINGS, FOUND, WHEN)
    assert new == (
        "# mine\nllm:\n  # who is asked\n"
        "  model_roles:\n    primary:\n    - a\n    - b\n    duplicate: []\n    reserve:\n    - c\n"
        "    fallback: []\n\n  timeout: 99  # patience\n"
        "  _stats:\n    total_tested: 4\n    working_count: 3\n    fastest_model: a\n"
        f"  _last_updated: '{WHEN}'\n  _update_source: auto_test_results\n"
        "# providers\nproviders:\n  openai:\n"
        "    models: {all: [{name: a, max_tokens: 1, context_window: 2}]}\n"
    )
    assert rewritten(new, FOUND, WHEN) == new


@pytest.mark.parametrize(
    "text",
    [
        SETTINGS,
        SETTINGS.replace("\n", "\r\n"),
        f"\ufeff{SETTINGS}",
        "",
        "providers: {}\n",
        "llm: {timeout: 3}\nproviders: {}",
        '{"llm": {"timeout": 3}}',
        "llm:\nproviders:\n",
        "llm:\n  parallel:\n    enabled: false\n",
        "llm:\n  timeout: 3",
        "providers: {}\nllm:\n    'model_roles': {primary: [x]}\n    timeout: 3\n",
    ],
)
def test_whatever_the_form_the_rest_stays(text: str) -> None:
    before, after = yaml.safe_load(text) or {}, yaml.safe_load(rewritten(text, FOUND, WHEN))
    llm = after.pop("llm")
    assert llm["model_roles"] == FOUND.roles
    assert llm["_update_source"] == "auto_test_results"
    old = before.pop("llm", None) or {}
    assert after == before
    assert {key: llm[key] for key in old if key not in ("model_roles", "_stats")} == {
        key: value for key, value in old.items() if key not in ("model_roles", "_stats")
    }
    parse_llm_settings(rewritten(text, FOUND, WHEN), source="x", environment={})


def test_windows_line_ends_stay() -> None:
    new = rewritten(SETTINGS.replace("\n", "\r\n"), FOUND, WHEN)
    assert new.count("\n") == new.count("\r\n")


def test_what_is_no_mapping_is_refused() -> None:
    for text in ("- 1", "llm: 3"):
        with pytest.raises(ValueError, match="no mapping"):
            rewritten(text, FOUND, WHEN)
