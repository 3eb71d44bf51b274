"""When what is to be written waits, with a clock that the test moves."""

from __future__ import annotations

import asyncio

from parley_broker.frontends.grpc_v1.crowd import LONGEST, NEXT, Crowd


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.asked = 0

    def __call__(self) -> float:
        self.asked += 1
        return self.now

    async def go(self, seconds: float) -> None:
        self.now += seconds
        await turns()


async def turns(number: int = 10) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_nothing_waits_where_frames_come_alone() -> None:
    crowd = Crowd(Clock())
    waiting = asyncio.ensure_future(crowd.passed())
    await asyncio.sleep(0)
    assert waiting.done()


async def test_it_waits_until_the_next_frame_is_overdue() -> None:
    crowd = Crowd(clock := Clock())
    crowd.grow()
    waiting = asyncio.ensure_future(crowd.passed())
    await clock.go(NEXT * 0.9)
    assert not waiting.done()
    await clock.go(NEXT * 0.2)
    assert waiting.done()
    await crowd.passed()


async def test_each_frame_prolongs_it_to_the_longest() -> None:
    crowd = Crowd(clock := Clock())
    crowd.grow()
    waiting = asyncio.ensure_future(crowd.passed())
    await turns()
    waited = 0.0
    while waited + NEXT / 2 < LONGEST:
        crowd.grow()
        waited += NEXT / 2
        await clock.go(NEXT / 2)
        assert not waiting.done()
    crowd.grow()
    await clock.go(NEXT / 2)
    assert waiting.done()
    # Who begins to wait now waits for the same crowd.
    another = asyncio.ensure_future(crowd.passed())
    await turns()
    assert not another.done()
    await clock.go(NEXT)
    assert another.done()


async def test_who_gives_up_leaves_the_others_waiting() -> None:
    crowd = Crowd(clock := Clock())
    crowd.grow()
    first, second = (asyncio.ensure_future(crowd.passed()) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    assert (first.cancelled(), second.done()) == (True, False)
    await clock.go(NEXT)
    assert second.done()


async def test_many_that_wait_cost_a_turn_no_more_than_one() -> None:
    crowd = Crowd(clock := Clock())
    crowd.grow()
    waiting = [asyncio.ensure_future(crowd.passed()) for _ in range(100)]
    await turns()
    before = clock.asked
    await turns(10)
    assert clock.asked - before <= 11
    await clock.go(NEXT)
    assert all(one.done() for one in waiting)
