"""Calls that come home from other threads."""

from __future__ import annotations

import asyncio
import threading

import pytest

from codeagent._runtime import async_runtime as rt


async def test_a_call_from_another_thread_runs_on_the_loop_and_its_result_comes_back() -> None:
    home = threading.get_ident()
    ran: list[int] = []

    def where(number: int) -> int:
        ran.append(threading.get_ident())
        return number + 1

    call = rt.from_any_thread(where)
    assert call(1) == 2
    assert await asyncio.to_thread(call, 2) == 3
    assert ran == [home, home]


async def test_its_error_comes_back_as_well() -> None:
    def fail() -> None:
        raise ValueError("as it is")

    with pytest.raises(ValueError, match="as it is"):
        await asyncio.to_thread(rt.from_any_thread(fail))
