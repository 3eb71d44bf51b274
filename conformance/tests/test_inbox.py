from __future__ import annotations

import asyncio

import pytest

from parley_conformance.inbox import Inbox, first_of
from parley_conformance.model import Failed

EVENT = {"delivery": {"topic": "news/k"}}
REQUEST = {"request": {"target": "probe/k"}}


async def test_messages_are_taken_once_and_in_order() -> None:
    inbox = Inbox("a")
    for number in (1, 2):
        inbox.put({**EVENT, "id": number})
    inbox.put({"re": 7, "done": {}})
    assert await inbox.answer_to(7) == {"re": 7, "done": {}}
    assert inbox.count(EVENT) == 2
    assert [(await inbox.get(EVENT))["id"] for _ in range(2)] == [1, 2]
    assert not inbox.has(EVENT)
    assert inbox.take_now(EVENT) is None


async def test_a_wait_is_over_when_the_message_comes() -> None:
    inbox = Inbox("a")
    getting = asyncio.create_task(inbox.get(REQUEST))
    await asyncio.sleep(0)
    inbox.put(EVENT)
    await asyncio.sleep(0)
    assert not getting.done()
    inbox.put(REQUEST)
    assert await getting == REQUEST
    assert inbox.has(EVENT)


async def test_what_does_not_come() -> None:
    inbox = Inbox("a")
    assert await inbox.look(REQUEST, 10) is None
    with pytest.raises(Failed, match=r"a: expected .* within 10 ms; nothing was there"):
        await inbox.get(REQUEST, 10)
    inbox.put(EVENT)
    with pytest.raises(Failed, match=r"there were: \{'delivery'"):
        await inbox.get(REQUEST, 10)
    assert not await inbox.wait(lambda: False, 10)
    with pytest.raises(Failed, match="did not end the connection within 10 ms"):
        await inbox.ended(10)


async def test_the_end_of_the_connection_ends_every_wait() -> None:
    inbox = Inbox("a")
    getting = asyncio.create_task(inbox.get(REQUEST))
    waiting = asyncio.create_task(inbox.wait(lambda: False, 5_000))
    await asyncio.sleep(0)
    assert inbox.end("ABORTED", "enough") == ("ABORTED", "enough")
    assert inbox.end("UNKNOWN", "") == ("ABORTED", "enough")  # the first word counts
    async with asyncio.timeout(1):  # s; far less than they would wait by themselves
        with pytest.raises(Failed, match="the connection ended: ABORTED 'enough'"):
            await getting
        assert not await waiting
    assert not inbox.connected
    assert await inbox.ended() == ("ABORTED", "enough")


async def test_a_cancellation_is_not_lost_though_the_message_comes_too() -> None:
    inbox = Inbox("a")
    getting = asyncio.create_task(inbox.get(REQUEST))
    await asyncio.sleep(0)
    inbox.put(REQUEST)
    getting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await getting


async def test_the_first_of_several() -> None:
    inboxes = {"a": Inbox("a"), "b": Inbox("b")}
    finding = asyncio.create_task(first_of(inboxes, REQUEST))
    await asyncio.sleep(0)
    inboxes["a"].put(EVENT)
    inboxes["b"].put(REQUEST)
    assert await finding == ("b", REQUEST)
    with pytest.raises(Failed, match="at one of a, b within 10 ms; nobody got it"):
        await first_of(inboxes, REQUEST, within_ms=10)
