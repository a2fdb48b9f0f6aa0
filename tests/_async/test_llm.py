"""The manager of the models against servers on the loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from codeagent._async.http import AsyncHTTPClient
from codeagent._async.llm import AsyncLLMManager
from codeagent._runtime import async_runtime as rt
from codeagent.core.llm.asking import Ask, Result, SelectionPolicy
from codeagent.core.llm.course import NextStep, report_verdict
from codeagent.core.llm.questions import usefulness
from codeagent.core.llm.settings import parse_llm_settings
from codeagent.core.retry import RetryPolicy
from tests.support.models import ModelServer, hang, late, raw, refuse, reset, say, setup, stream
from tests.support.world import NOW, Recorder

from .helpers import until

KEY = "sk-live-0123456789abcdef0123"
JSON = {"type": "json_object"}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


class Asked:
    """A manager and what it tells."""

    def __init__(self, server: ModelServer, *models: str, policy: Any = None, **llm: Any) -> None:
        text = setup(("openai", server.url, models or ("one",)), **llm)
        environment = {"OPENAI_API_KEY": KEY}
        self.sink = Recorder()
        options = rt.NetworkOptions(timeout=5)
        self.http = AsyncHTTPClient(options, retries=RetryPolicy(base=0.001, cap=0.01))
        self.llm = AsyncLLMManager(
            parse_llm_settings(text, source="llm_settings.yaml", environment=environment),
            self.http,
            sink=self.sink,
            clock=lambda: NOW,
            policy=policy,
        )


def by_model(**answers: Any) -> Any:
    """Each model behaves in its own way."""
    return lambda seen: answers[seen.model]


async def test_a_question_is_answered_and_told_without_its_text(server: ModelServer) -> None:
    asked = Asked(server)
    async with asked.llm as llm:
        result = await llm.ask(Ask(prompt="a secret plan"), about="usefulness", task="task_1")
    assert (result.success, result.content, result.model_name) == (True, "fine", "one")
    assert asked.sink.names() == ["llm.asked", "llm.answered"]
    (answered,) = asked.sink.named("llm.answered")
    assert (answered["question"], answered["model"]) == ("usefulness", "one")
    assert (answered["tokens"], answered["cost"]) == (15, 0)
    assert {event.task_id for event in asked.sink.events} == {"task_1"}
    told = repr(asked.sink.events)
    assert "a secret plan" not in told and KEY not in told
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.requests[0].prompt == "a secret plan"


async def test_when_one_model_fails_the_next_is_asked(server: ModelServer) -> None:
    server.answer = by_model(one=refuse(500), two=refuse(401), three=say("here"))
    asked = Asked(server, "one", "two", "three")
    async with asked.llm as llm:
        result = await llm.ask(Ask(prompt="q"))
    assert (result.model_name, result.content) == ("three", "here")
    assert [seen.model for seen in server.requests] == ["one"] * 3 + ["two", "three"]


@pytest.mark.parametrize(
    "behaviour", [refuse(400), reset, raw(b"nonsense"), refuse(402, "credits")]
)
async def test_when_all_fail_the_answer_is_neutral_and_nothing_is_raised(
    server: ModelServer, behaviour: Any
) -> None:
    server.answer = lambda seen: behaviour
    asked = Asked(server, "one", "two")
    async with asked.llm as llm:
        result = await llm.ask(Ask(prompt="q", response_format=JSON), about="report_verdict")
        verdict = await llm.put(report_verdict("t", "i", "r", "n"))
    assert not result.success and result.error
    assert json.loads(result.content)["matches"] is True
    assert verdict.action is NextStep.CONTINUE
    assert asked.sink.names() == ["llm.asked", "llm.failed"] * 2


async def test_no_server_at_all_is_a_failed_answer(server: ModelServer) -> None:
    server.kill()
    asked = Asked(server)
    async with asked.llm as llm:
        result = await llm.ask(Ask(prompt="q"))
        verdict = await llm.put(usefulness("t", ""))
    server.start()
    assert not result.success and server.origin in (result.error or "")
    assert verdict.percent == 50


async def test_the_better_of_two_answers_wins(server: ModelServer) -> None:
    def answer(seen: Any) -> Any:
        if seen.model == "judge":
            return say("9" if "better" in seen.prompt else "3")
        return say({"one": "good", "two": "better"}[seen.model])

    server.answer = answer
    parallel = {"models": ["one", "two"], "evaluator_model": "judge"}
    models = ("one", "two", "judge")
    asked = Asked(server, *models, strategy="best_of_two", parallel=parallel)
    async with asked.llm as llm:
        result = await llm.ask(Ask(prompt="q"))
    assert (result.content, result.score) == ("better", 9)
    assert len(server.requests) == 4


async def test_the_first_acceptable_answer_wins_and_the_rest_is_cancelled(
    server: ModelServer,
) -> None:
    server.answer = by_model(one=hang, two=say("no json"), three=say('{"a": 1}'))
    models = ("one", "two", "three")
    parallel = {"models": list(models)}
    asked = Asked(server, *models, strategy="first_wins", parallel=parallel)
    async with asked.llm as llm:
        result = await llm.ask(Ask(prompt="q", response_format=JSON))
        assert llm.snapshot().network.pool.streams == 0
    assert (result.model_name, result.content) == ("three", '{"a": 1}')


async def test_a_model_that_is_slower_than_usual_is_hedged(server: ModelServer) -> None:
    policy = SelectionPolicy(shortest_hedge=0.01)
    asked = Asked(server, "one", "two", policy=policy)
    async with asked.llm as llm:
        for number in range(20):
            await llm.ask(Ask(prompt=f"q{number}"))
        server.answer = by_model(one=hang, two=say("hedge"))
        result = await llm.ask(Ask(prompt="slow"))
    assert (result.model_name, result.content) == ("two", "hedge")


async def test_the_same_question_at_the_same_time_is_asked_once(server: ModelServer) -> None:
    server.scripted.append(late(say("once")))
    asked = Asked(server)
    results: list[Result] = []

    async def ask(llm: AsyncLLMManager) -> None:
        results.append(await llm.ask(Ask(prompt="same")))

    async with asked.llm as llm, rt.TaskGroup() as group:
        for _ in range(5):
            group.start_soon(ask, llm)
        await until(lambda: llm.snapshot().shared == 4 and server.begun.is_set())
        server.released.set()
    assert [result.content for result in results] == ["once"] * 5
    assert len(server.requests) == 1


async def test_when_the_one_who_asks_is_cancelled_another_asks(server: ModelServer) -> None:
    server.scripted.append(hang)
    asked = Asked(server)
    results: list[Result] = []

    async def ask(llm: AsyncLLMManager) -> None:
        results.append(await llm.ask(Ask(prompt="same")))

    async with asked.llm as llm, rt.TaskGroup() as group:
        first = group.start_soon(ask, llm)
        await until(server.begun.is_set)
        group.start_soon(ask, llm)
        await until(lambda: llm.snapshot().shared == 1)
        first.cancel()
    assert [result.content for result in results] == ["fine"]
    assert len(server.requests) == 2


async def test_an_answer_is_kept_if_that_is_configured(server: ModelServer) -> None:
    kept, fresh = Asked(server, cache={"entries": 10}), Asked(server)
    async with AsyncExitStack() as stack:
        for asked, count in ((kept, 1), (fresh, 3)):
            llm = await stack.enter_async_context(asked.llm)
            await llm.ask(Ask(prompt="q"))
            await llm.ask(Ask(prompt="q"))
            assert len(server.requests) == count


async def test_tokens_are_counted_and_a_budget_stops(server: ModelServer) -> None:
    asked = Asked(server, budget={"task_tokens": 20})
    async with asked.llm as llm:
        first = await llm.ask(Ask(prompt="a"), task="t1")
        second = await llm.ask(Ask(prompt="b"), task="t1")
        refused = await llm.ask(Ask(prompt="c"), task="t1")
        other = await llm.ask(Ask(prompt="c"), task="t2")
        seen = llm.snapshot()
    assert not refused.success and "budget" in (refused.error or "")
    assert first.success and second.success and other.success
    assert (seen.tasks["t1"].tokens, seen.spending["one"].tokens) == (30, 45)


async def test_a_stream_is_told_with_the_name_of_its_model(server: ModelServer) -> None:
    server.answer = by_model(one=stream(["Hal"], end=False), two=stream(["Hel", "lo"]))
    asked = Asked(server, "one", "two", strategy="best_of_two", parallel={"models": ["one", "two"]})
    told: list[tuple[str, str]] = []
    async with asked.llm as llm:
        result = await llm.ask(Ask(prompt="q"), on_text=lambda *piece: told.append(piece))
    assert result.content == "Hello"
    assert told == [("one", "Hal"), ("two", "Hel"), ("two", "lo")]


async def test_a_hostile_answer_of_ten_megabytes_is_survived(server: ModelServer) -> None:
    server.answer = lambda seen: say('{"a":' * 2_000_000)
    asked = Asked(server)
    async with asked.llm as llm:
        result = await llm.ask(Ask(prompt="q", response_format=JSON))
    assert not result.success


async def test_a_large_object_among_much_text_is_found(server: ModelServer) -> None:
    found = {"decision": "insert_instruction", "free_instruction_text": "x" * 200_000}
    server.answer = lambda seen: say("so: " + json.dumps(found) + " done" * 100_000)
    asked = Asked(server)
    async with asked.llm as llm:
        verdict = await llm.put(report_verdict("t", "i", "r", "n"))
    assert len(verdict.free_instruction_text) == 200_000


async def test_among_failures_of_all_kinds_no_question_is_lost(server: ModelServer) -> None:
    faults = [say("good"), refuse(500), reset, say("good"), refuse(503, retry_after="0"), raw(b"")]

    def answer(seen: Any) -> Any:
        return say("good") if seen.model == "three" else faults[len(server.requests) % 6]

    server.answer = answer
    asked = Asked(server, "one", "two", "three")
    async with asked.llm as llm:

        async def ask(number: int) -> str:
            result = await llm.ask(Ask(prompt=f"q{number}"))
            return result.content

        assert await rt.map_concurrently(ask, range(100), limit=20) == ["good"] * 100
        seen = llm.snapshot()
    assert (seen.in_flight, seen.network.pool.streams, seen.network.pool.waiting) == (0, 0, 0)
    assert seen.questions == 100


async def test_cancelling_ends_every_call(server: ModelServer) -> None:
    server.answer = lambda seen: hang
    models = ("one", "two")
    asked = Asked(server, *models, strategy="best_of_two", parallel={"models": list(models)})
    async with asked.llm as llm:
        async with rt.CancelScope() as scope, rt.TaskGroup() as group:
            group.start_soon(llm.ask, Ask(prompt="q"))
            await until(lambda: len(server.requests) == 2)
            scope.cancel()
        seen = llm.snapshot()
    assert (seen.in_flight, seen.network.pool.streams) == (0, 0)


async def test_what_it_does_can_be_read_by_prometheus(server: ModelServer) -> None:
    server.scripted.append(refuse(503))
    asked = Asked(server, 'strange"name\\')
    async with asked.llm as llm:
        await llm.ask(Ask(prompt="q"))
        text = llm.metrics()
    assert "codeagent_llm_retries_total 1\n" in text
    name = r'model="strange\"name\\"'
    assert f'codeagent_llm_tokens_total{{{name},kind="input"}} 10\n' in text
    assert f'breaker_state{{origin="{server.origin}",{name}}} 0\n' in text
    assert f'answer_seconds_count{{origin="{server.origin}",{name}}} 1\n' in text
    assert text.count("# TYPE") == text.count("# HELP") > 20
    assert KEY not in text


async def test_no_key_is_told_even_if_a_server_repeats_it(server: ModelServer) -> None:
    server.answer = lambda seen: refuse(401, f"bad key {KEY[:10]}{KEY[10:]}")
    asked = Asked(server)
    async with asked.llm as llm:
        result = await llm.ask(Ask(prompt="q"))
    assert not result.success
    assert KEY not in repr((result, asked.sink.events, asked.llm, asked.http))
