# Generated from tests/_async/test_runtime_channels.py. Do not edit.
"""Channels."""

from __future__ import annotations

import pytest

from codeagent._runtime import sync_runtime as rt

from .helpers import until, until_waiting


def test_items_come_in_the_order_of_putting() -> None:
    channel: rt.Channel[int] = rt.Channel()
    for number in range(5):
        channel.put(number)
    assert len(channel) == 5
    channel.close()
    assert [number for number in channel] == [0, 1, 2, 3, 4]
    assert len(channel) == 0


def test_who_gets_waits_for_who_puts() -> None:
    channel: rt.Channel[str] = rt.Channel()
    with rt.TaskGroup() as group:
        task = group.start_soon(channel.get)
        until_waiting(channel, 1)
        channel.put("item")
    assert task.wait() == "item"


def test_a_full_channel_holds_the_putter_up() -> None:
    channel: rt.Channel[int] = rt.Channel(maxsize=2)
    done = []

    def produce() -> None:
        for number in range(6):
            channel.put(number)
            done.append(number)
        channel.close()

    with rt.TaskGroup() as group:
        group.start_soon(produce)
        until_waiting(channel, 1)
        assert done == [0, 1]
        assert channel.get() == 0
        until_waiting(channel, 1)
        assert done == [0, 1, 2]
        assert [number for number in channel] == [1, 2, 3, 4, 5]


def test_the_smallest_key_comes_first_and_equals_keep_their_order() -> None:
    channel: rt.Channel[tuple[int, str]] = rt.Channel(rt.Prioritised(lambda item: item[0]))
    for item in [(2, "a"), (1, "b"), (2, "c"), (0, "d"), (1, "e")]:
        channel.put(item)
    channel.close()
    assert [name for _, name in channel] == ["d", "b", "e", "a", "c"]


def test_a_closed_channel_takes_nothing_and_gives_what_it_has() -> None:
    channel: rt.Channel[int] = rt.Channel()
    channel.put(1)
    channel.close()
    channel.close()
    with pytest.raises(rt.ChannelClosed):
        channel.put(2)
    assert channel.get() == 1
    with pytest.raises(rt.ChannelClosed):
        channel.get()


def test_closing_wakes_everybody_who_waits() -> None:
    empty: rt.Channel[int] = rt.Channel()
    full: rt.Channel[int] = rt.Channel(maxsize=1)
    full.put(0)
    ended: list[str] = []

    def get() -> None:
        with pytest.raises(rt.ChannelClosed):
            empty.get()
        ended.append("get")

    def put() -> None:
        with pytest.raises(rt.ChannelClosed):
            full.put(1)
        ended.append("put")

    with rt.TaskGroup() as group:
        for _ in range(3):
            group.start_soon(get)
            group.start_soon(put)
        until_waiting(empty, 3)
        until_waiting(full, 3)
        empty.close()
        full.close()
    assert sorted(ended) == ["get"] * 3 + ["put"] * 3
    assert full.get() == 0


def test_every_item_is_delivered_once_to_one_of_many() -> None:
    channel: rt.Channel[int] = rt.Channel(maxsize=3)
    state = rt.StateLock()
    got: list[int] = []

    def consume() -> None:
        for number in channel:
            with state:
                got.append(number)

    def produce(first: int) -> None:
        for number in range(first, first + 50):
            channel.put(number)

    with rt.TaskGroup() as consumers:
        for _ in range(4):
            consumers.start_soon(consume)
        with rt.TaskGroup() as producers:
            for first in range(0, 200, 50):
                producers.start_soon(produce, first)
        channel.close()
    assert sorted(got) == list(range(200))


def test_a_wait_that_runs_out_loses_no_item() -> None:
    channel: rt.Channel[int] = rt.Channel(maxsize=4)
    got: list[int] = []

    def produce() -> None:
        for number in range(60):
            channel.put(number)
            rt.checkpoint()
        channel.close()

    with rt.TaskGroup() as group:
        group.start_soon(produce)
        ended = False
        while not ended:
            with rt.CancelScope(0.0005):
                try:
                    while True:
                        number = channel.get()
                        got.append(number)
                except rt.ChannelClosed:
                    ended = True
    assert got == list(range(60))


def test_an_item_for_a_getter_who_is_cancelled_goes_to_the_next() -> None:
    for _ in range(20):
        channel: rt.Channel[int] = rt.Channel()
        with rt.TaskGroup() as group:
            first = group.start_soon(channel.get)
            until_waiting(channel, 1)
            second = group.start_soon(channel.get)
            until_waiting(channel, 2)
            channel.put(1)
            first.cancel()
            until(first.done)
            try:
                assert first.wait() == 1
                channel.put(2)
                assert second.wait() == 2
            except rt.TaskCancelled:
                assert second.wait() == 1


def test_room_for_a_putter_who_is_cancelled_goes_to_the_next() -> None:
    for _ in range(20):
        channel: rt.Channel[int] = rt.Channel(maxsize=1)
        channel.put(0)
        with rt.TaskGroup() as group:
            first = group.start_soon(channel.put, 1)
            until_waiting(channel, 1)
            second = group.start_soon(channel.put, 2)
            until_waiting(channel, 2)
            assert channel.get() == 0
            first.cancel()
            until(first.done)
            try:
                first.wait()
                assert channel.get() == 1
            except rt.TaskCancelled:
                pass
            second.wait()
            assert channel.get() == 2
