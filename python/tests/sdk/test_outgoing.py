"""One outcome, however it comes."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref

import pytest

from parley import AgentId, CancellationToken
from parley._deadlines import Deadlines
from parley._outgoing import Outgoing
from parley._patience import Patience
from parley.exceptions import CallCancelledError, DeadlineExceededError, HandlerFailedError


class Case:
    def __init__(self, seconds: float = 5.0) -> None:
        self.abandoned = 0
        patience = Patience(time.monotonic() + seconds, seconds, "call")
        self.outgoing = Outgoing("the call to", AgentId("a", "k"), patience, self.abandon)

    def abandon(self) -> None:
        self.abandoned += 1

    def wait(self, token: CancellationToken | None = None) -> asyncio.Future[object]:
        return asyncio.ensure_future(self.outgoing.wait(Deadlines(), token))


async def test_a_value() -> None:
    case = Case()
    waiting = case.wait()
    case.outgoing.settle(1)
    case.outgoing.settle(2)
    assert await waiting == 1
    assert case.outgoing.done
    assert case.abandoned == 0


@pytest.mark.parametrize("how", ["value", "deadline", "cancelled"])
async def test_nothing_is_left_for_the_garbage_collector(how: str) -> None:
    case = Case(0.01 if how == "deadline" else 5.0)
    gone = weakref.ref(case)
    waiting = case.wait()
    await asyncio.sleep(0)
    if how == "value":
        case.outgoing.settle(1)
    elif how == "cancelled":
        waiting.cancel()
    await asyncio.wait({waiting})
    assert case.abandoned == (how != "value")
    waiting.cancelled() or waiting.exception()
    del waiting
    gc.disable()
    try:
        del case
        assert gone() is None
    finally:
        gc.enable()


async def test_an_error() -> None:
    case = Case()
    case.outgoing.settle(HandlerFailedError("x"))
    with pytest.raises(HandlerFailedError):
        await case.wait()


async def test_the_deadline() -> None:
    case = Case(0.01)
    with pytest.raises(DeadlineExceededError, match="the call to a/k had no outcome within"):
        await case.wait()
    assert case.abandoned == 1


async def test_the_token() -> None:
    case = Case()
    token = CancellationToken()
    waiting = case.wait(token)
    await asyncio.sleep(0)
    token.cancel()
    with pytest.raises(CallCancelledError, match="the call to a/k was cancelled by its token"):
        await waiting
    assert case.abandoned == 1


async def test_the_token_from_another_thread() -> None:
    case = Case()
    token = CancellationToken()
    waiting = case.wait(token)
    await asyncio.sleep(0)
    threading.Thread(target=token.cancel).start()
    with pytest.raises(CallCancelledError):
        await waiting
    assert case.abandoned == 1


async def test_the_waiting_task() -> None:
    case = Case()
    waiting = case.wait()
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await waiting
    assert not isinstance(caught.value, CallCancelledError)
    assert case.abandoned == 1


async def test_a_token_forgets_what_has_ended() -> None:
    case = Case()
    token = CancellationToken()
    case.outgoing.settle(None)
    assert await case.wait(token) is None
    token.cancel()
    assert case.abandoned == 0
