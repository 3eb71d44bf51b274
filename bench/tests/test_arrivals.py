import asyncio

from arrivals import Tally


async def test_who_waits_is_told_when_the_key_has_so_many() -> None:
    tally = Tally()
    waiting = asyncio.create_task(tally.reached("a", 2))
    tally.add("a")
    tally.add("b")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    tally.add("a")
    assert await waiting == 2


async def test_who_asks_late_is_told_at_once() -> None:
    tally = Tally()
    tally.add("a")
    assert await tally.reached("a", 1) == 1
    assert await tally.reached("never", 0) == 0
