"""Deadlines: never early, removed ones never."""

from __future__ import annotations

import asyncio
import time

from parley._deadlines import Deadlines


class Item:
    def __init__(self) -> None:
        self.expired: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def expire(self) -> None:
        self.expired.set_result(time.monotonic())


async def test_they_fire_at_their_time_and_not_before() -> None:
    deadlines = Deadlines()
    start = time.monotonic()
    items = [(start + after, Item()) for after in (0.05, 0.0, 0.051, -1.0)]
    for deadline, item in items:
        deadlines.add(deadline, item)
    for deadline, item in items:
        assert await item.expired >= deadline
    assert time.monotonic() - start < 0.5
    assert deadlines._buckets == {}


async def test_removed_ones_do_not_fire() -> None:
    deadlines = Deadlines()
    removed, kept = Item(), Item()
    due = time.monotonic() + 0.02
    deadlines.remove(deadlines.add(due, removed), removed)
    handle = deadlines.add(due, kept)
    await kept.expired
    deadlines.remove(handle, kept)
    assert not removed.expired.done()


async def test_far_ones_share_few_timers() -> None:
    deadlines = Deadlines()
    for number in range(1000):
        deadlines.add(time.monotonic() + 100 + number / 10000, Item())
    assert len(deadlines._buckets) <= 3
