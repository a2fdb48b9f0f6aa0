"""Operations in this process, as commands, and in workers."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codeagent.ab.measure import Clock, MeasureError, Sample
from codeagent.ab.sides import Command, InProcess, Side, operation
from codeagent.ab.worker import Worker

from . import scenarios

ROOT = Path(__file__).parents[2]
HERE = "tests.ab.scenarios"


class Ticking:
    """A clock that goes on by one second whenever something ticks it."""

    def __init__(self) -> None:
        self.now = 0.0

    def tick(self) -> None:
        self.now += 1

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, lambda: self.now / 2)


@pytest.fixture
def open_side(request: pytest.FixtureRequest) -> Iterator[Any]:
    sides: list[Side] = []

    def opened(side: Side) -> Side:
        sides.append(side)
        side.open()
        return side

    yield opened
    for side in sides:
        side.close()


def test_a_function_is_called_as_often_as_asked_and_timed(open_side: Any) -> None:
    time = Ticking()
    side = open_side(operation("f", time.tick, clock=time.clock))
    assert side.run(7) == Sample(7.0, 3.5)


def test_a_coroutine_function_is_awaited_on_one_warm_loop(open_side: Any) -> None:
    time, loops = Ticking(), []

    async def work() -> None:
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())
        time.tick()

    side = open_side(operation("f", work, clock=time.clock))
    assert [side.run(2), side.run(3)] == [Sample(2.0, 1.0), Sample(3.0, 1.5)]
    assert len(set(map(id, loops))) == 1


def test_bound_coroutines_and_objects_with_an_async_call_are_awaited_too(open_side: Any) -> None:
    calls = []

    class Work:
        async def __call__(self, what: str = "object") -> None:
            await asyncio.sleep(0)
            calls.append(what)

    open_side(operation("object", Work())).run(1)
    open_side(operation("partial", functools.partial(Work().__call__, "partial"))).run(1)
    assert calls == ["object", "partial"]


def test_a_coroutine_that_nobody_would_await_is_refused(open_side: Any) -> None:
    async def work() -> None: ...

    side = open_side(operation("hidden", lambda: work()))
    with pytest.raises(MeasureError, match="hidden: the operation gave a coroutine"):
        side.run(1)


def test_an_operation_may_measure_itself(open_side: Any) -> None:
    side = open_side(InProcess("warm", scenarios.warm))
    assert side.run(3) == Sample(6.0, 1.5)


def test_a_scenario_is_closed_with_its_side(tmp_path: Path) -> None:
    place = tmp_path / "state"
    side = InProcess("opened", scenarios.opened, arguments={"place": str(place)})
    side.open()
    assert place.read_text("utf-8") == "opened"
    side.close()
    side.close()
    assert place.read_text("utf-8") == "closed"
    with pytest.raises(MeasureError, match="not open"):
        side.run(1)


def test_a_scenario_that_gives_no_operation_is_refused() -> None:
    with pytest.raises(MeasureError, match="gave int, not an operation"):
        InProcess("number", lambda: 1).open()


def test_settling_freezes_once_and_closing_thaws(open_side: Any) -> None:
    side = open_side(operation("f", lambda: None))
    side.settle()
    frozen = gc.get_freeze_count()
    assert frozen > 0
    side.settle()
    assert gc.get_freeze_count() <= frozen
    side.close()
    assert gc.get_freeze_count() == 0


def test_a_command_runs_fresh_each_time(open_side: Any, tmp_path: Path) -> None:
    program = "open('runs', 'a').write('x'); b = bytearray(30_000_000)"
    side = open_side(Command("c", [sys.executable, "-ISc", program], cwd=tmp_path))
    sample = side.run(2)
    assert (tmp_path / "runs").read_text("utf-8") == "xx"
    assert 30e6 < (sample.peak_rss or 0) < 60e6
    assert sample.cpu > 0


def worker(name: str, **more: Any) -> Worker:
    return Worker(name, f"{HERE}:{name}", cwd=ROOT, **more)


def test_a_worker_measures_in_its_own_process(open_side: Any) -> None:
    side = open_side(worker("warm", loop_factory="asyncio:new_event_loop"))
    assert side.pid != os.getpid()
    side.settle()
    assert side.run(3) == Sample(6.0, 1.5)
    seen = side.inspect()
    assert seen["threads"] >= 1
    assert seen["peak_rss"] is None or seen["peak_rss"] >= seen["rss"] > 1e6


def test_arguments_reach_the_scenario_and_closing_ends_it(tmp_path: Path) -> None:
    place = tmp_path / "state"
    side = worker("opened", arguments={"place": str(place)})
    side.open()
    side.close()
    side.close()
    assert place.read_text("utf-8") == "closed"
    assert side.pid is None


def test_what_a_scenario_prints_does_not_disturb_the_worker(open_side: Any) -> None:
    side = open_side(worker("chatty"))
    assert side.run(2).wall > 0


def test_an_error_in_a_worker_is_told_and_the_worker_goes_on(open_side: Any) -> None:
    side = open_side(worker("failing"))
    for _ in range(2):
        with pytest.raises(MeasureError, match="failing: RuntimeError: no luck"):
            side.run(1)
    assert side.inspect()


def test_the_end_of_a_worker_comes_with_its_last_words(open_side: Any) -> None:
    side = open_side(worker("ending"))
    with pytest.raises(MeasureError, match="ended with 3: last words"):
        side.run(1)


def test_a_worker_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codeagent.ab.worker._LEAVE", 0.1)
    side = worker("stuck", timeout=20)
    side.open()
    monkeypatch.setattr(side, "_timeout", 0.1)
    pid = side.pid
    with pytest.raises(MeasureError, match="no answer within"):
        side.run(1)
    side.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        ("no colon", "not written as"),
        ("tests.ab.nowhere:x", "ModuleNotFoundError"),
        (f"{HERE}:nothing", "AttributeError"),
    ],
)
def test_a_scenario_that_is_not_there_is_told(scenario: str, message: str) -> None:
    side = Worker("w", scenario, cwd=ROOT)
    with pytest.raises(MeasureError, match=message):
        side.open()
    assert side.pid is None


def test_a_worker_without_its_interpreter_is_told() -> None:
    with pytest.raises(MeasureError, match="cannot start /nowhere/python"):
        worker("plain", python=["/nowhere/python"]).open()
    with pytest.raises(MeasureError, match="not open"):
        worker("plain").run(1)
