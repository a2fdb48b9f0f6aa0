# Generated from tests/_async/test_runtime_blocking.py. Do not edit.
"""Blocking functions beside the others, and the start of it all."""

from __future__ import annotations

import pytest

from codeagent._runtime import sync_runtime as rt

from ..runtime_support import COLOUR, Gate
from .helpers import until


def test_a_blocking_function_gives_its_result() -> None:
    def add(one: int, *, other: int) -> int:
        return one + other

    assert rt.run_blocking(add, 1, other=2) == 3


def test_a_blocking_function_gives_its_error() -> None:
    def fail() -> None:
        raise OSError("no such thing")

    with pytest.raises(OSError, match="no such thing"):
        rt.run_blocking(fail)


def test_a_blocking_function_sees_the_context_of_its_caller() -> None:
    COLOUR.set("red")
    assert rt.run_blocking(COLOUR.get) == "red"


def test_a_cancelled_caller_hears_of_it_when_the_function_has_ended() -> None:
    gate = Gate()
    steps: list[str] = []

    def block() -> None:
        gate.pass_through()
        steps.append("function")

    def caller() -> None:
        try:
            rt.run_blocking(block)
        except rt.Cancelled:
            steps.append("caller")
            raise

    with rt.TaskGroup() as group:
        task = group.start_soon(caller)
        until(gate.reached)
        task.cancel()
        rt.checkpoint()
        assert steps == []
        gate.open()
        with pytest.raises(rt.TaskCancelled):
            task.wait()
    assert steps == ["function", "caller"]


def test_the_error_of_the_function_goes_before_the_cancellation() -> None:
    gate = Gate()

    def block() -> None:
        gate.pass_through()
        raise OSError("too late")

    with pytest.raises(ExceptionGroup) as caught:
        with rt.TaskGroup() as group:
            task = group.start_soon(rt.run_blocking, block)
            until(gate.reached)
            task.cancel()
            gate.open()
            until(task.done)
    assert [str(error) for error in caught.value.exceptions] == ["too late"]


def test_blocking_functions_run_side_by_side() -> None:
    gates = [Gate() for _ in range(4)]

    with rt.TaskGroup() as group:
        for gate in gates:
            group.start_soon(rt.run_blocking, gate.pass_through)
        until(lambda: all(gate.reached() for gate in gates))
        for gate in gates:
            gate.open()
