"""Channels."""

from __future__ import annotations

import pytest

from codeagent._runtime import async_runtime as rt

from .helpers import until, until_waiting


async def test_items_come_in_the_order_of_putting() -> None:
    channel: rt.Channel[int] = rt.Channel()
    for number in range(5):
        await channel.put(number)
    assert len(channel) == 5
    await channel.aclose()
    assert [number async for number in channel] == [0, 1, 2, 3, 4]
    assert len(channel) == 0


async def test_who_gets_waits_for_who_puts() -> None:
    channel: rt.Channel[str] = rt.Channel()
    async with rt.TaskGroup() as group:
        task = group.start_soon(channel.get)
        await until_waiting(channel, 1)
        await channel.put("item")
    assert await task.wait() == "item"


async def test_a_full_channel_holds_the_putter_up() -> None:
    channel: rt.Channel[int] = rt.Channel(maxsize=2)
    done = []

    async def produce() -> None:
        for number in range(6):
            await channel.put(number)
            done.append(number)
        await channel.aclose()

    async with rt.TaskGroup() as group:
        group.start_soon(produce)
        await until_waiting(channel, 1)
        assert done == [0, 1]
        assert await channel.get() == 0
        await until_waiting(channel, 1)
        assert done == [0, 1, 2]
        assert [number async for number in channel] == [1, 2, 3, 4, 5]


async def test_the_smallest_key_comes_first_and_equals_keep_their_order() -> None:
    channel: rt.Channel[tuple[int, str]] = rt.Channel(rt.Prioritised(lambda item: item[0]))
    for item in [(2, "a"), (1, "b"), (2, "c"), (0, "d"), (1, "e")]:
        await channel.put(item)
    await channel.aclose()
    assert [name async for _, name in channel] == ["d", "b", "e", "a", "c"]


async def test_a_closed_channel_takes_nothing_and_gives_what_it_has() -> None:
    channel: rt.Channel[int] = rt.Channel()
    await channel.put(1)
    await channel.aclose()
    await channel.aclose()
    with pytest.raises(rt.ChannelClosed):
        await channel.put(2)
    assert await channel.get() == 1
    with pytest.raises(rt.ChannelClosed):
        await channel.get()


async def test_closing_wakes_everybody_who_waits() -> None:
    empty: rt.Channel[int] = rt.Channel()
    full: rt.Channel[int] = rt.Channel(maxsize=1)
    await full.put(0)
    ended: list[str] = []

    async def get() -> None:
        with pytest.raises(rt.ChannelClosed):
            await empty.get()
        ended.append("get")

    async def put() -> None:
        with pytest.raises(rt.ChannelClosed):
            await full.put(1)
        ended.append("put")

    async with rt.TaskGroup() as group:
        for _ in range(3):
            group.start_soon(get)
            group.start_soon(put)
        await until_waiting(empty, 3)
        await until_waiting(full, 3)
        await empty.aclose()
        await full.aclose()
    assert sorted(ended) == ["get"] * 3 + ["put"] * 3
    assert await full.get() == 0


async def test_every_item_is_delivered_once_to_one_of_many() -> None:
    channel: rt.Channel[int] = rt.Channel(maxsize=3)
    state = rt.StateLock()
    got: list[int] = []

    async def consume() -> None:
        async for number in channel:
            with state:
                got.append(number)

    async def produce(first: int) -> None:
        for number in range(first, first + 50):
            await channel.put(number)

    async with rt.TaskGroup() as consumers:
        for _ in range(4):
            consumers.start_soon(consume)
        async with rt.TaskGroup() as producers:
            for first in range(0, 200, 50):
                producers.start_soon(produce, first)
        await channel.aclose()
    assert sorted(got) == list(range(200))


async def test_a_wait_that_runs_out_loses_no_item() -> None:
    channel: rt.Channel[int] = rt.Channel(maxsize=4)
    got: list[int] = []

    async def produce() -> None:
        for number in range(60):
            await channel.put(number)
            await rt.checkpoint()
        await channel.aclose()

    async with rt.TaskGroup() as group:
        group.start_soon(produce)
        ended = False
        while not ended:
            async with rt.CancelScope(0.0005):
                try:
                    while True:
                        number = await channel.get()
                        got.append(number)
                except rt.ChannelClosed:
                    ended = True
    assert got == list(range(60))


async def test_an_item_for_a_getter_who_is_cancelled_goes_to_the_next() -> None:
    for _ in range(20):
        channel: rt.Channel[int] = rt.Channel()
        async with rt.TaskGroup() as group:
            first = group.start_soon(channel.get)
            await until_waiting(channel, 1)
            second = group.start_soon(channel.get)
            await until_waiting(channel, 2)
            await channel.put(1)
            first.cancel()
            await until(first.done)
            try:
                assert await first.wait() == 1
                await channel.put(2)
                assert await second.wait() == 2
            except rt.TaskCancelled:
                assert await second.wait() == 1


async def test_room_for_a_putter_who_is_cancelled_goes_to_the_next() -> None:
    for _ in range(20):
        channel: rt.Channel[int] = rt.Channel(maxsize=1)
        await channel.put(0)
        async with rt.TaskGroup() as group:
            first = group.start_soon(channel.put, 1)
            await until_waiting(channel, 1)
            second = group.start_soon(channel.put, 2)
            await until_waiting(channel, 2)
            assert await channel.get() == 0
            first.cancel()
            await until(first.done)
            try:
                await first.wait()
                assert await channel.get() == 1
            except rt.TaskCancelled:
                pass
            await second.wait()
            assert await channel.get() == 2
