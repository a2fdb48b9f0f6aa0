"""Loops that stand still."""

from __future__ import annotations

import asyncio
from typing import Any

from codeagent.rollout.stall import Heartbeats

from .support import Clock


class StillLoop:
    """What is asked of a loop; it takes a turn when it is told to."""

    def __init__(self) -> None:
        self.turns: list[Any] = []

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:
        self.turns.append(callback)

    def turn(self) -> None:
        while self.turns:
            self.turns.pop()()


def test_a_loop_that_stands_still_is_told_of_once() -> None:
    clock = Clock()
    loop: Any = StillLoop()
    hearts = Heartbeats(clock)
    hearts.add(loop, "core")
    clock.now += 0.9
    assert hearts.look(0.0) == []
    clock.now += 0.2
    ((seconds, names),) = hearts.look(0.0)
    assert (round(seconds, 3), names) == (1.1, ("core",))
    clock.now += 5
    assert hearts.look(0.0) == []
    loop.turn()
    assert hearts.look(0.0) == []
    clock.now += 1.1
    assert len(hearts.look(0.0)) == 1


def test_a_machine_that_was_asleep_is_no_stall() -> None:
    clock = Clock()
    loop: Any = StillLoop()
    hearts = Heartbeats(clock)
    hearts.add(loop, "core")
    clock.now += 3600.2
    assert hearts.look(3600.0) == []
    clock.now += 1.0
    assert len(hearts.look(0.0)) == 1


def test_a_loop_that_was_closed_or_taken_away_is_not_missed() -> None:
    clock = Clock()
    hearts = Heartbeats(clock)
    closed = asyncio.new_event_loop()
    removed: Any = StillLoop()
    closed.close()
    hearts.add(closed, "core")
    hearts.add(removed, "core")
    hearts.remove(removed)
    clock.now += 5
    assert hearts.look(0.0) == []
