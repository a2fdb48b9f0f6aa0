# Generated from tests/_async/test_runtime_signals.py. Do not edit.
"""Signals."""

from __future__ import annotations

import os
import signal

import pytest

from codeagent._runtime import sync_runtime as rt

from .helpers import forever


def test_a_signal_is_delivered_to_who_waits() -> None:
    with rt.Signals(signal.SIGUSR1, signal.SIGUSR2) as signals:
        os.kill(os.getpid(), signal.SIGUSR2)
        assert signals.wait() == signal.SIGUSR2


def test_a_second_signal_is_delivered_too_in_order() -> None:
    with rt.Signals(signal.SIGUSR1, signal.SIGTERM) as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.wait() == signal.SIGTERM
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.wait() == signal.SIGTERM


def test_a_signal_wakes_a_task_beside_other_waits() -> None:
    def stop(signals: rt.Signals, scope: rt.CancelScope) -> int:
        number = signals.wait()
        scope.cancel()
        return number

    scope = rt.CancelScope()
    with rt.Signals(signal.SIGINT) as signals, rt.TaskGroup() as group, scope:
        task = group.start_soon(stop, signals, scope)
        os.kill(os.getpid(), signal.SIGINT)
        forever()
    assert task.wait() == signal.SIGINT


def test_the_handlers_of_before_are_restored() -> None:
    def handler(number: int, frame: object) -> None:
        pytest.fail("not expected")

    before = signal.signal(signal.SIGUSR1, handler)
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        with rt.Signals(signal.SIGUSR1, signal.SIGINT, signal.SIGTERM):
            assert signal.getsignal(signal.SIGUSR1) is not handler
        assert signal.getsignal(signal.SIGUSR1) is handler
        assert signal.getsignal(signal.SIGINT) is interrupt
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_wait_that_was_given_up_loses_no_signal() -> None:
    with rt.Signals(signal.SIGUSR1) as signals:
        with rt.CancelScope(0.005) as scope:
            signals.wait()
        assert scope.ended_early
        os.kill(os.getpid(), signal.SIGUSR1)
        assert signals.wait() == signal.SIGUSR1


def test_a_signal_that_nobody_took_has_its_usual_effect_afterwards() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    try:
        with rt.Signals(signal.SIGUSR1):
            os.kill(os.getpid(), signal.SIGUSR1)
        assert seen == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, before)
