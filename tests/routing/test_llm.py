"""Requests to models on either path under either core."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from codeagent._async import http as asynchronous
from codeagent.core.config.models import HTTPSettings
from codeagent.core.llm.providers import Dialect
from codeagent.core.llm.reply import ReplyReader
from codeagent.core.llm.secret import Headers
from codeagent.core.llm.wire import WireRequest
from codeagent.rollout.stages import Colour, Operation
from tests.support.models import ModelServer, refuse

from .rig import Rig, rigged

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


def ask(rig: Rig, server: ModelServer, times: int = 1, **given: Any) -> list[Any]:
    module = import_module(f"codeagent._{rig.path}.http")

    def job(http: Any) -> Any:
        defaults: dict[str, Any] = {
            "server": (server.origin, "m"),
            "request": WireRequest(
                f"{server.url}/chat/completions",
                Headers({"authorization": f"Bearer {KEY}", "content-type": "application/json"}),
                b'{"model": "m", "messages": [{"content": "q"}]}',
            ),
            "reader": lambda: ReplyReader(Dialect.OPENAI),
            "attempts": 1,
            "timeout": 5.0,
            "deadline": http.now() + 20,
        }
        return module.Exchange(**{**defaults, **given})

    async def asked(ports: Any) -> list[Any]:
        async with ports.http as http:
            return [await http.exchange(job(http)) for _ in range(times)]

    def asked_sync(ports: Any) -> list[Any]:
        with ports.http as http:
            return [http.exchange(job(http)) for _ in range(times)]

    found: list[Any] = rig.do(asked if rig.path == "async" else asked_sync)
    return found


@pytest.mark.parametrize("stage", ["off", "shadow", "live", "complete"])
def test_every_question_is_sent_once_and_drafts_are_compared(
    tmp_path: Path, path: str, stage: str, server: ModelServer
) -> None:
    asked: list[int] = []
    with rigged(tmp_path, path, {}, http=HTTPSettings(), llm=stage) as rig:
        reason = lambda: asked.append(threading.get_ident())  # noqa: E731
        outcomes = ask(rig, server, 3, reason_to_stop=reason)
        assert [outcome.completion.text for outcome in outcomes] == ["fine"] * 3
        assert rig.compared("llm") == ((3, 0) if stage in ("shadow", "live") else (0, 0))
        assert rig.rollout.override.entries() == {}
    assert len(server.requests) == 3
    if path == "async":
        assert set(asked) == {threading.get_ident()}, "the loop's own thread"
    for file in (tmp_path / "rollout").rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes()


def test_a_refusal_is_an_outcome_and_counts_against_the_path(
    tmp_path: Path, path: str, server: ModelServer
) -> None:
    server.answer = lambda seen: refuse(400, "not like that")
    with rigged(tmp_path, path, {}, http=HTTPSettings(), llm="complete") as rig:
        (outcome,) = ask(rig, server)
        assert "not like that" in outcome.error
        assert rig.rollout.metrics["llm"].paths[Colour.ASYNC].errors == {"Unanswered": 1}


def test_drafts_that_differ_roll_back_and_nobody_is_asked_twice(
    tmp_path: Path, path: str, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def other(self: Any, job: Any, drafted: bytes) -> bytes:
        return b"something else"

    monkeypatch.setattr(asynchronous.AsyncHTTPClient, "redraft", other)
    with rigged(tmp_path, path, {}, http=HTTPSettings(), llm="shadow") as rig:
        ask(rig, server)
        assert rig.compared("llm") == (1, 1)
        assert "llm" in rig.rollout.override.entries()
        ask(rig, server)
    assert len(server.requests) == 2


@pytest.mark.parametrize("share", [1, 5, 20, 100])
def test_faults_on_the_asynchronous_path_are_found_and_it_is_left(
    tmp_path: Path,
    path: str,
    share: int,
    server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One per cent is allowed, so that is not found."""
    counted = iter(range(10**9))
    original = asynchronous.AsyncHTTPClient.send

    async def faulty(self: Any, job: Any, drafted: bytes) -> Any:
        if next(counted) % (100 // share) == 0:
            raise ConnectionResetError("injected")
        return asynchronous.Outcome(completion=None, error="", seconds=0.0)

    assert original is not faulty
    monkeypatch.setattr(asynchronous.AsyncHTTPClient, "send", faulty)
    with rigged(tmp_path, path, {}, http=HTTPSettings(), llm="complete") as rig:
        for _ in range(1000):
            rig.rollout.observe(_answered())
        failed = 0
        for _ in range(300):
            if "llm" in rig.rollout.override.entries():
                break
            try:
                ask(rig, server)
            except ConnectionResetError:
                failed += 1
        held = "llm" in rig.rollout.override.entries()
    if share == 1:
        assert not held
    else:
        assert held
        assert failed <= {5: 20, 20: 8, 100: 3}[share]


def _answered() -> Any:
    from codeagent.rollout.observation import Observation

    return Observation("llm", Operation.WRITE, Colour.SYNC, seconds={Colour.SYNC: 0.1})


def test_the_clock_of_a_crossing_is_that_of_the_caller(
    tmp_path: Path, path: str, server: ModelServer
) -> None:
    with rigged(tmp_path, path, {}, http=HTTPSettings(), llm="complete") as rig:
        assert abs(rig.own.http.now() - time.monotonic()) < 1
        assert abs(rig.theirs.http.now() - time.monotonic()) < 1
