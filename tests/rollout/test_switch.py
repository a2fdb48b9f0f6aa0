"""Operations through the switch, in every stage and for callers of both colours."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codeagent.rollout.bridge import Bridge
from codeagent.rollout.capability import Capability
from codeagent.rollout.evidence import Evidence
from codeagent.rollout.observation import Beside
from codeagent.rollout.shadow import Shadow
from codeagent.rollout.stages import STAGES, Colour, Operation, Stage, route
from codeagent.rollout.switch import Pair

from .switching import ANY, CALLERS, Bench, Recorder, perform

ANY_WRITE = Capability("any", Operation.WRITE, STAGES)


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with Bridge() as made:
        yield made


@pytest.fixture
def bench(tmp_path: Path, bridge: Bridge) -> Bench:
    return Bench(tmp_path, bridge, evidence=Evidence(tmp_path / "evidence"))


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_answers_from_its_path_and_runs_the_other_beside(
    bench: Bench, caller: str, stage: Stage
) -> None:
    both = Recorder()
    with bench.at(stage):
        assert perform(bench, caller, both.pair(), 1) == 2
    seen = bench.one()
    expected = route(stage, Operation.READ)
    assert seen.authoritative is expected.authoritative
    assert sorted(both.ran) == sorted(path for path in expected if path is not None)
    assert seen.match is (None if expected.shadow is None else True)
    assert set(seen.seconds) == {path for path in expected if path is not None}
    assert (seen.task, seen.decision.stage, seen.errors) == ("task-1", stage, {})


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("stage", STAGES)
def test_a_write_without_a_rehearsal_is_never_doubled(
    bench: Bench, caller: str, stage: Stage
) -> None:
    both = Recorder()
    with bench.at(stage, ANY_WRITE):
        assert perform(bench, caller, both.pair(ANY_WRITE), 1) == 2
    assert both.ran == [route(stage, Operation.WRITE).authoritative]
    assert bench.one().shadow is Beside.NONE


def test_a_write_is_rehearsed_after_it_was_done(bench: Bench) -> None:
    both = Recorder()

    async def rehearse(number: int) -> int:
        both.ran.append("rehearsal")
        return number + 1

    with bench.at(Stage.DUALWRITE, ANY_WRITE):
        bench.switch.call(both.pair(ANY_WRITE, rehearse_async=rehearse), 1)
    assert bench.one().match is True
    assert both.ran == ["sync", "rehearsal"]


def test_a_write_that_failed_is_not_rehearsed(bench: Bench) -> None:
    rehearsed: list[int] = []

    def fail(number: int) -> int:
        raise OSError(number)

    async def never(number: int) -> int:
        rehearsed.append(number)
        return number

    pair = Pair(ANY_WRITE, fail, never, rehearse_async=never)
    with bench.at(Stage.SHADOW, ANY_WRITE), pytest.raises(OSError, match="7"):
        bench.switch.call(pair, 7)
    assert bench.one().shadow is Beside.NONE
    assert rehearsed == []


async def hang(number: int) -> int:
    await asyncio.Event().wait()
    return number


async def broken(number: int) -> int:
    raise ValueError("beside")


async def cancelled(number: int) -> int:
    raise asyncio.CancelledError


async def leaving(number: int) -> int:
    raise SystemExit(3)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(
    ("candidate", "shadow", "error"),
    [
        (broken, Beside.FAILED, "ValueError"),
        (cancelled, Beside.FAILED, "CancelledError"),
        (leaving, Beside.FAILED, "SystemExit"),
        (hang, Beside.TIMEOUT, "TimeoutError"),
    ],
)
def test_whatever_happens_beside_the_answer_stands(
    tmp_path: Path,
    bridge: Bridge,
    caller: str,
    candidate: Callable[[int], Any],
    shadow: Beside,
    error: str,
) -> None:
    bench = Bench(tmp_path, bridge, timeout=0.02)
    pair = Pair(ANY, lambda number: number + 1, candidate)
    with bench.at(Stage.SHADOW):
        assert perform(bench, caller, pair, 1) == 2
    seen = bench.one()
    assert (seen.shadow, seen.errors) == (shadow, {Colour.ASYNC: error})
    assert seen.cancelled is (candidate is cancelled)


@pytest.mark.parametrize("caller", CALLERS)
def test_the_answer_does_not_wait_for_what_runs_beside(bench: Bench, caller: str) -> None:
    release = threading.Event()

    def slow(number: int) -> int:
        assert release.wait(20)
        return number

    async def quick(number: int) -> int:
        return number

    async def main() -> int:
        return await bench.switch.acall(Pair(ANY, slow, quick), 5)

    with bench.at(Stage.LIVE):
        pair = Pair(ANY, slow, quick)
        answer = bench.switch.call(pair, 5) if caller == "sync" else asyncio.run(main())
    assert answer == 5  # though `slow` has not come back
    assert len(bench.seen) == 0
    release.set()
    assert bench.one().match is True


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("stage", [Stage.OFF, Stage.SHADOW, Stage.LIVE, Stage.COMPLETE])
def test_the_authoritative_error_reaches_the_caller_unchanged(
    bench: Bench, caller: str, stage: Stage
) -> None:
    error = LookupError("mine")

    def fail(number: int) -> int:
        raise error

    async def afail(number: int) -> int:
        raise error

    with bench.at(stage), pytest.raises(LookupError) as caught:
        perform(bench, caller, Pair(ANY, fail, afail), 1)
    assert caught.value is error
    seen = bench.one()
    assert seen.errors[seen.authoritative] == "LookupError"
    assert seen.match in (None, True)  # both fail alike


def test_one_path_that_fails_where_the_other_does_not_is_a_difference(bench: Bench) -> None:
    def fail(number: int) -> int:
        raise FileNotFoundError(number)

    with bench.at(Stage.SHADOW), pytest.raises(FileNotFoundError):
        bench.switch.call(Pair(ANY, fail, Recorder().asynchronous), 1)
    seen = bench.one()
    assert seen.match is False
    kept = json.loads((bench.directory / "evidence" / seen.evidence).read_text())
    assert "FileNotFoundError" in kept["results"]["sync"]["text"]
    assert kept["results"]["async"]["text"] == "2"


def test_a_difference_is_kept_as_evidence(bench: Bench) -> None:
    async def other(number: int) -> int:
        return -number

    with bench.at(Stage.SHADOW):
        assert bench.switch.call(Pair(ANY, Recorder().sync, other), 1) == 2
    seen = bench.one()
    assert seen.match is False
    kept = json.loads((bench.directory / "evidence" / seen.evidence).read_text())
    assert {path: found["text"] for path, found in kept["results"].items()} == {
        "sync": "2",
        "async": "-1",
    }
    assert kept["observation"]["task"] == "task-1"


def test_a_comparison_that_fails_is_no_difference(bench: Bench) -> None:
    def compare(first: Any, second: Any) -> bool:
        raise TypeError("no idea")

    with bench.at(Stage.SHADOW):
        bench.switch.call(Recorder().pair(compare=compare), 1)
    seen = bench.one()
    assert (seen.match, seen.trouble) == (None, "comparing: TypeError")


def test_a_result_that_the_caller_changes_is_compared_as_it_was(bench: Bench) -> None:
    release = threading.Event()

    def first() -> list[int]:
        return [1]

    async def second() -> list[int]:
        await asyncio.to_thread(release.wait, 20)
        return [1]

    with bench.at(Stage.SHADOW):
        answer = bench.switch.call(Pair(ANY, first, second, snapshot=tuple))
    answer.append(2)
    release.set()
    assert bench.one().match is True


def test_more_candidates_than_allowed_are_left_out(tmp_path: Path, bridge: Bridge) -> None:
    bench = Bench(tmp_path, bridge, limit=2)
    release = threading.Event()

    def slow(number: int) -> int:
        assert release.wait(20)
        return number

    async def quick(number: int) -> int:
        return number

    with bench.at(Stage.LIVE):
        for number in range(5):
            assert bench.switch.call(Pair(ANY, slow, quick), number) == number
    release.set()
    found = [seen.shadow for seen in bench.seen.wait(5)]
    assert sorted(found) == sorted([Beside.FULL] * 3 + [Beside.DONE] * 2)


def test_a_candidate_that_hangs_for_ever_keeps_its_place_and_no_other(
    tmp_path: Path, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codeagent.rollout.shadow._GRACE", 0.0)
    bench = Bench(tmp_path, bridge, limit=1, timeout=0.01)
    release = threading.Event()

    async def quick() -> int:
        return 1

    pair = Pair(ANY, lambda: release.wait(20), quick)
    with bench.at(Stage.LIVE):
        assert bench.switch.call(pair) == 1
        assert bench.seen.wait(1)[0].shadow is Beside.TIMEOUT
        assert bench.switch.call(pair) == 1
        assert bench.seen.wait(2)[1].shadow is Beside.FULL
    release.set()


@pytest.mark.parametrize(("share", "most"), [(0.0, 0), (0.3, 200), (1.0, 400)])
def test_a_share_of_the_operations_gets_a_candidate(
    tmp_path: Path, bridge: Bridge, share: float, most: int
) -> None:
    bench = Bench(tmp_path, bridge, share=share, seed=1, limit=400)
    pair = Recorder().pair()
    with bench.at(Stage.SHADOW):
        for number in range(400):
            bench.switch.call(pair, number)
    found = [seen.shadow for seen in bench.seen.wait(400)]
    assert found.count(Beside.DONE) <= most
    assert found.count(Beside.DONE) >= most * 0.5
    assert bench.shadow.drain(20)


async def test_a_cancelled_caller_abandons_the_comparison(bench: Bench) -> None:
    begun = asyncio.Event()

    async def wait(number: int) -> int:
        begun.set()
        await asyncio.Event().wait()
        return number

    with bench.at(Stage.LIVE):
        task = asyncio.create_task(bench.switch.acall(Pair(ANY, Recorder().sync, wait), 1))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    (seen,) = await asyncio.to_thread(bench.seen.wait, 1)
    assert (seen.shadow, seen.errors, seen.cancelled) == (Beside.ABANDONED, {}, False)


@pytest.mark.parametrize("caller", CALLERS)
def test_a_cancellation_that_nobody_asked_for_is_told(bench: Bench, caller: str) -> None:
    with bench.at(Stage.COMPLETE), pytest.raises(asyncio.CancelledError):
        perform(bench, caller, Pair(ANY, Recorder().sync, cancelled), 1)
    seen = bench.one()
    assert seen.cancelled
    assert seen.errors == {Colour.ASYNC: "CancelledError"}


def test_arguments_with_any_name_arrive(bench: Bench) -> None:
    def get(url: str, *, timeout: int, within: int, loop: str) -> tuple[Any, ...]:
        return url, timeout, within, loop

    async def aget(url: str, *, timeout: int, within: int, loop: str) -> tuple[Any, ...]:  # noqa: ASYNC109
        return url, timeout, within, loop

    with bench.at(Stage.LIVE):
        found = bench.switch.call(Pair(ANY, get, aget), "u", timeout=1, within=2, loop="l")
    assert found == ("u", 1, 2, "l")
    assert bench.one().match is True


def test_outside_of_any_task_the_synchronous_path_answers(bench: Bench) -> None:
    both = Recorder()
    assert bench.switch.call(both.pair(), 1) == 2
    assert both.ran == ["sync"]
    assert bench.one().decision.source == "default"


def test_a_closing_bridge_costs_no_answer(tmp_path: Path) -> None:
    bridge = Bridge()
    bench = Bench(tmp_path, bridge)
    bridge.close()
    both = Recorder()
    with bench.at(Stage.COMPLETE):
        assert bench.switch.call(both.pair(), 1) == 2
    assert both.ran == ["sync"]
    assert bench.one().decision.reason == "the bridge is closed"


async def test_a_synchronous_call_on_an_event_loop_stays_synchronous(bench: Bench) -> None:
    both = Recorder()
    with bench.at(Stage.COMPLETE):
        assert bench.switch.call(both.pair(), 1) == 2
    assert both.ran == ["sync"]
    assert bench.seen[0].decision.source == "error"


def test_evidence_is_cut_redacted_and_kept_once(tmp_path: Path) -> None:
    kept = Evidence(
        tmp_path / "e", redact=lambda text: text.replace("secret", "***"), largest=200, most=2
    )
    name = kept.keep("files-read", {}, {"sync": b"secret\xff" + b"x" * 1000, "async": "secret"})
    assert (
        kept.keep("files-read", {}, {"sync": b"secret\xff" + b"x" * 1000, "async": "secret"})
        == name
    )
    text = (tmp_path / "e" / name).read_text()
    assert "secret" not in text
    assert len(text) < 1000
    assert json.loads(text)["results"]["sync"]["cut"]
    assert (tmp_path / "e" / name).stat().st_mode & 0o777 == 0o600
    assert kept.keep("files-read", {}, {"sync": "1", "async": "2"})
    assert kept.keep("files-read", {}, {"sync": "3", "async": "4"}) == ""
    assert len(list((tmp_path / "e").iterdir())) == 2


@pytest.mark.parametrize("how", [{"limit": 0}, {"share": 1.1}, {"share": -0.1}, {"timeout": 0}])
def test_settings_that_make_no_sense_are_refused(bridge: Bridge, how: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="limit must be"):
        Shadow(bridge, **how)
