"""Calls and publishes on the wire: how each ends, and what is said of those that nobody waits for."""

from __future__ import annotations

import asyncio

import pytest

from parley import AgentId, CancellationToken, MessageContext, TopicId, rpc
from parley.exceptions import (
    CallCancelledError,
    DeadlineExceededError,
    OutcomeUnknownError,
)

from .conftest import close, connect
from .scripted import Message, ScriptedBroker
from .wire import PONG, Ping, Pong, Ponger, host_agent, request

TARGET = AgentId("b", "k")


async def test_covered_commands_wait_for_credit_and_nested_calls_do_not(scripted: ScriptedBroker) -> None:
    class Outer(Ponger):
        @rpc
        async def ping(self, message: Ping, ctx: MessageContext) -> Pong:
            return await self.send_message(message, TARGET, response_type=Pong)

    connected = await connect(scripted, welcome={"credit": (1, 1000)})
    await host_agent(connected, Outer)
    calls = [asyncio.ensure_future(connected.runtime.send_message(Ping(n), TARGET)) for n in range(3)]
    first = await connected.peer.expect("request")
    assert await connected.peer.silent()
    connected.peer.send(request(1))
    nested = await connected.peer.expect("request")
    assert nested.request.call_chain
    connected.peer.send(Message(re=nested.id, reply=PONG), Message(re=first.id, reply=PONG), credit=(3, 1000))
    messages = [await connected.peer.next() for _ in range(3)]
    for message in messages:
        if message.HasField("request"):
            connected.peer.send(Message(re=message.id, reply=PONG))
    assert await asyncio.gather(*calls) == [Pong(1)] * 3
    await close(connected)


async def test_a_call_without_an_answer_ends_by_the_callers_own_timer(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    with pytest.raises(DeadlineExceededError):
        await connected.runtime.send_message(Ping(1), TARGET, timeout=0.05)
    message = await connected.peer.expect("request")
    assert (await connected.peer.expect("cancel")).cancel.request_id == message.id
    connected.peer.send(Message(re=message.id, reply=PONG))
    assert await connected.peer.silent()
    assert connected.runtime._uplink.session._answers == {}
    await close(connected)


async def test_cancel_on_the_wire(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    token = CancellationToken()
    calling = asyncio.ensure_future(connected.runtime.send_message(Ping(1), TARGET, cancellation_token=token))
    message = await connected.peer.expect("request")
    token.cancel()
    with pytest.raises(CallCancelledError):
        await calling
    assert (await connected.peer.expect("cancel")).cancel.request_id == message.id
    await close(connected)


async def test_what_was_not_written_is_cancelled_without_a_word(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome={"credit": (1, 1000)})
    first = asyncio.ensure_future(connected.runtime.send_message(Ping(1), TARGET))
    second = asyncio.ensure_future(connected.runtime.send_message(Ping(2), TARGET))
    message = await connected.peer.expect("request")
    second.cancel()
    connected.peer.send(Message(re=message.id, reply=PONG), credit=(9, 9000))
    assert await first == Pong(1)
    assert await connected.peer.silent()
    await close(connected)


async def test_a_publish_without_an_answer_is_unknown(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, default_timeout=0.05)
    with pytest.raises(OutcomeUnknownError, match="the publish to t/k had no outcome"):
        await connected.runtime.publish_message(Ping(1), TopicId("t", "k"))
    await connected.peer.expect("publish")
    assert await connected.peer.silent()  # there is no Cancel for publishes
    await close(connected)
