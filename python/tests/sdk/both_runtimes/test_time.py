"""Timeouts and cancellation, on both runtimes."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from parley import AgentId, CancellationToken, MessageContext, RoutedAgent, rpc
from parley.exceptions import (
    CallCancelledError,
    DeadlineExceededError,
    HandlerFailedError,
    InvalidArgumentError,
)

from .conftest import World
from .echo import Answer, Ask, Log, hosted


async def test_the_timeout_of_the_call(world: World) -> None:
    log = Log()
    await hosted(world, log)
    began = time.monotonic()
    with pytest.raises(TimeoutError) as caught:
        await world.caller.send_message(Ask("wait"), AgentId("echo", "k"), timeout=0.1)
    assert 0.1 <= time.monotonic() - began < 0.6
    assert isinstance(caught.value, DeadlineExceededError)
    assert "0.1 s, the timeout of this call" in caught.value.message
    entries = await log.at_least(2)
    assert entries[1] == ("token", True)  # it fired at the deadline


async def test_nested_calls_inherit_what_is_left(world: World) -> None:
    await hosted(world)
    began = time.monotonic()
    with pytest.raises((DeadlineExceededError, HandlerFailedError)):
        await world.caller.send_message(Ask("nest slow"), AgentId("echo", "k"), timeout=0.2)
    assert time.monotonic() - began < 1.0


async def test_the_error_says_that_the_outer_call_decided(world: World) -> None:
    log = Log()

    class Outer(RoutedAgent):
        @rpc
        async def ask(self, message: Ask, ctx: MessageContext) -> Answer:
            assert ctx.remaining is not None
            assert 0 < ctx.remaining <= 0.2
            try:
                await self.send_message(Ask("wait"), AgentId("echo", "k"), timeout=60)
            except DeadlineExceededError as error:
                log.add(error)
                raise
            return Answer("")

    await Outer.register(world.host, "outer", Outer)
    await hosted(world)
    with pytest.raises((DeadlineExceededError, HandlerFailedError)):
        await world.caller.send_message(Ask("a"), AgentId("outer", "k"), timeout=0.2)
    (error,) = await log.at_least(1)
    assert "what was left of the call that this handler serves" in error.message
    assert error.details["timeout_source"] == "outer_call"


async def test_no_time_at_all(world: World) -> None:
    log = Log()
    await hosted(world, log)
    with pytest.raises(DeadlineExceededError):
        await world.caller.send_message(Ask("a"), AgentId("echo", "k"), timeout=0)
    await world.caller.send_message(Ask("b"), AgentId("echo", "k"))
    assert [text for _, text, _ in log.entries] == ["b"]


@pytest.mark.parametrize("timeout", [-1, "1", float("nan")])
async def test_a_bad_timeout(world: World, timeout: Any) -> None:
    await hosted(world)
    with pytest.raises(InvalidArgumentError, match="timeout must be a number of seconds"):
        await world.caller.send_message(Ask("a"), AgentId("echo", "k"), timeout=timeout)


async def test_the_token_ends_the_call_at_both_ends(world: World) -> None:
    log = Log()
    await hosted(world, log)
    token = CancellationToken()
    calling = asyncio.ensure_future(
        world.caller.send_message(Ask("wait"), AgentId("echo", "k"), cancellation_token=token)
    )
    await log.at_least(1)
    token.cancel()
    with pytest.raises(CallCancelledError) as caught:
        await calling
    assert caught.value.reason == "CANCELLED"
    assert not isinstance(caught.value, Exception)
    assert (await log.at_least(2))[1] == ("token", True)


async def test_cancelling_the_task_ends_the_call_at_both_ends(world: World) -> None:
    log = Log()
    await hosted(world, log)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(world.caller.send_message(Ask("wait"), AgentId("echo", "k")), 0.1)
    assert (await log.at_least(2))[1] == ("token", True)


async def test_a_token_that_is_cancelled_already(world: World) -> None:
    log = Log()
    await hosted(world, log)
    token = CancellationToken()
    token.cancel()
    with pytest.raises(CallCancelledError) as caught:
        await world.caller.send_message(Ask("a"), AgentId("echo", "k"), cancellation_token=token)
    assert not caught.value.may_have_run
    assert log.entries == []


async def test_a_token_outlives_the_call(world: World) -> None:
    log = Log()
    await hosted(world, log)
    token = CancellationToken()
    for _ in range(3):
        await world.caller.send_message(Ask("a"), AgentId("echo", "k"), cancellation_token=token)
    assert not token._callbacks, "nothing is kept of calls that have ended"
    token.cancel()
    assert await world.caller.send_message(Ask("b"), AgentId("echo", "k")) == Answer("b 0")
    assert [ctx.cancellation_token.is_cancelled() for _, _, ctx in log.entries] == [False] * 4
