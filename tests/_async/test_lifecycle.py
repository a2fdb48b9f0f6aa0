"""Services and the work among them."""

from __future__ import annotations

import os
import signal
from functools import partial

import pytest

from codeagent._async import monitoring
from codeagent._async.lifecycle import AsyncLifecycleManager
from codeagent._async.monitoring import AsyncHealthMonitor
from codeagent._runtime import async_runtime as rt
from codeagent.core.health import Health
from codeagent.core.supervise import LONGEST, PATIENCE, ServiceFailed
from tests.support.world import Clock, Recorder

from .helpers import forever, until


class Rig:
    def __init__(self) -> None:
        self.sink = Recorder()
        self.hurried = 0
        self.manager = AsyncLifecycleManager(
            grace=7, sink=self.sink, hurry=self._hurry, clock=Clock()
        )

    def _hurry(self) -> None:
        self.hurried += 1


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that are made, without making them."""
    made: list[float] = []

    async def pause(seconds: float) -> None:
        made.append(seconds)
        await rt.checkpoint()

    monkeypatch.setattr(rt, "sleep", pause)
    return made


async def nothing() -> None:
    await rt.checkpoint()


async def test_when_the_work_has_ended_the_services_end(rig: Rig) -> None:
    ended: list[str] = []

    async def service() -> None:
        try:
            await forever()
        finally:
            ended.append("service")

    async def work() -> None:
        await until(lambda: True)
        ended.append("work")

    rig.manager.add("watch", service)
    await rig.manager.run(work)
    assert ended in (["work", "service"], ["work"])  # it may not even have begun
    assert (rig.sink.events, rig.manager.stopped_by) == ([], None)


async def test_a_service_that_fails_is_started_again_and_one_that_ends_is_not(
    rig: Rig, pauses: list[float]
) -> None:
    runs: list[int] = []
    going = rt.Event()

    async def service() -> None:
        runs.append(1)
        if len(runs) < 4:
            raise ExceptionGroup("group", [OSError("no watch left")])
        going.set()
        await nothing()

    async def work() -> None:
        await going.wait()

    rig.manager.add("watch", service)
    await rig.manager.run(work)
    assert len(runs) == 4
    assert pauses == [0.1, 0.2, 0.4]
    assert rig.sink.named("service.failed") == [
        {"service": "watch", "error": "no watch left", "restart_in": pause} for pause in pauses
    ]


async def test_a_service_that_fails_for_ever_is_given_up_and_ends_the_work(
    rig: Rig, pauses: list[float]
) -> None:
    ended: list[str] = []

    async def service() -> None:
        await nothing()
        raise OSError("no watch left")

    async def work() -> None:
        try:
            await forever()
        finally:
            ended.append("work")

    rig.manager.add("watch", service)
    with pytest.raises(ExceptionGroup) as caught:
        await rig.manager.run(work)
    assert caught.group_contains(ServiceFailed, match="watch failed too often: no watch left")
    assert (len(pauses), max(pauses), ended) == (PATIENCE, LONGEST, ["work"])
    assert [data["restart_in"] for data in rig.sink.named("service.failed")] == [*pauses, None]


async def test_an_error_of_the_work_is_raised(rig: Rig) -> None:
    async def work() -> None:
        await nothing()
        raise OSError("no disk")

    rig.manager.add("watch", forever)
    with pytest.raises(ExceptionGroup) as caught:
        await rig.manager.run(work)
    assert caught.group_contains(OSError, match="no disk")


async def test_to_stop_is_to_end_the_work_and_to_say_so(rig: Rig) -> None:
    async def work() -> None:
        rig.manager.stop("enough")
        await forever()

    await rig.manager.run(work)
    assert rig.sink.named("server.stopping") == [{"reason": "enough", "grace": 7}]
    assert (rig.manager.stopped_by, rig.hurried) == ("enough", 0)


async def test_a_stop_before_the_beginning_counts(rig: Rig) -> None:
    rig.manager.stop("early")
    await rig.manager.run(forever)
    assert rig.manager.stopped_by == "early"


async def test_the_second_stop_hurries_and_only_the_first_is_told(rig: Rig) -> None:
    cleaned = rt.Event()

    async def work() -> None:
        rig.manager.stop("first")
        try:
            await forever()
        finally:
            rig.manager.stop("second")
            rig.manager.stop("third")
            await rt.shielded(nothing)
            cleaned.set()

    await rig.manager.run(work)
    assert (rig.manager.stopped_by, rig.hurried) == ("first", 2)
    assert (len(rig.sink.events), cleaned.is_set()) == (1, True)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_and_the_second_one_hurries(
    signum: signal.Signals, rig: Rig, request: pytest.FixtureRequest
) -> None:
    if signal.getsignal(signum) is signal.SIG_IGN:  # the tests were started by nohup
        request.addfinalizer(partial(signal.signal, signum, signal.SIG_IGN))
        signal.signal(signum, signal.SIG_DFL)
    before = signal.getsignal(signum)

    async def hurried() -> None:
        await until(lambda: rig.hurried)

    async def work() -> None:
        os.kill(os.getpid(), signum)
        try:
            await forever()
        finally:
            os.kill(os.getpid(), signum)
            await rt.shielded(hurried)

    await rig.manager.run(work)
    assert (rig.manager.stopped_by, rig.hurried) == (signum.name, 1)
    assert signal.getsignal(signum) == before


async def test_after_nohup_the_end_of_the_terminal_stops_nothing(rig: Rig) -> None:
    async def work() -> None:
        os.kill(os.getpid(), signal.SIGHUP)

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        await rig.manager.run(work)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert rig.manager.stopped_by is None


async def test_the_health_is_measured_again_and_again_and_what_is_wrong_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Health] = []

    def judge(health: Health) -> list[str]:
        seen.append(health)
        return ["the machine is overloaded"]

    monkeypatch.setattr(monitoring, "judge", judge)
    monitor = AsyncHealthMonitor(0.001)
    assert monitor.latest() is None
    async with rt.TaskGroup() as group:
        group.start_soon(monitor.run)
        await until(lambda: len(seen) >= 3)
        group.cancel()
    latest = monitor.latest()
    assert latest is not None
    assert latest.lag >= 0
    assert latest.cpu >= 0
    assert latest.memory > 1_000_000
    assert latest.files > 2
    assert "the machine is overloaded" in caplog.messages
