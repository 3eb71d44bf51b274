"""DistributedRuntime: what it sends, its settings and its end."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass
from typing import Any

import pytest

from parley import AgentId, MessageContext, RoutedAgent, TopicId, TypeSubscription, rpc
from parley.exceptions import (
    DeadlineExceededError,
    InvalidArgumentError,
    OutcomeUnknownError,
    ParleyError,
    PayloadTooLargeError,
    UnavailableError,
)
from parley_wire.v1 import call_pb2, envelope_pb2, errors_pb2, publish_pb2, session_pb2

from .conftest import close, connect
from .scripted import PATIENCE, Message, ScriptedBroker
from .wire import AGENT, EPOCH, PONG, Ping, Pong, Ponger, host_agent, request

TARGET = AgentId("b", "k")


async def test_a_call_on_the_wire(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    calling = asyncio.ensure_future(
        connected.runtime.send_message(Ping(3), TARGET, timeout=2, message_id="mine", wait_for_ready=True)
    )
    message = await connected.peer.expect("request")
    wire = message.request
    assert message.id > 0
    assert (wire.target.type, wire.target.key) == ("b", "k")
    assert not wire.HasField("sender")
    assert wire.sender_epoch == 0
    assert list(wire.call_chain) == []
    assert 1900 < wire.timeout_ms <= 2000
    assert wire.wait_for_ready
    sent = envelope_pb2.Envelope.FromString(wire.envelope)
    assert sent.message_id == "mine"
    assert sent.payload == envelope_pb2.Payload(type_name="Ping", content_type="application/json", data=b'{"n":3}')
    connected.peer.send(Message(re=message.id, reply=PONG))
    assert await calling == Pong(1)
    await close(connected)


async def test_a_null_reply(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    calling = asyncio.ensure_future(connected.runtime.send_message(Ping(3), TARGET))
    message = await connected.peer.expect("request")
    connected.peer.send(Message(re=message.id, reply=call_pb2.Reply()))
    assert await calling is None
    await close(connected)


async def test_nested_calls_carry_sender_epoch_chain_and_less_time(scripted: ScriptedBroker) -> None:
    class Outer(Ponger):
        @rpc
        async def ping(self, message: Ping, ctx: MessageContext) -> Pong:
            await self.publish_message(message, TopicId("t", "k"))
            return await self.send_message(message, TARGET, response_type=Pong)

    connected = await connect(scripted)
    await host_agent(connected, Outer)
    chain = [envelope_pb2.AgentId(type="root", key="r")]
    connected.peer.send(request(1, timeout_ms=1000, call_chain=chain))
    publish = await connected.peer.expect("publish")
    assert (publish.publish.sender, publish.publish.sender_epoch) == (AGENT, EPOCH)
    connected.peer.send(Message(re=publish.id, published=publish_pb2.Published(recipients=1)))
    nested = await connected.peer.expect("request")
    assert (nested.request.sender, nested.request.sender_epoch) == (AGENT, EPOCH)
    assert list(nested.request.call_chain) == [*chain, AGENT]
    assert nested.request.timeout_ms <= 1000
    connected.peer.send(Message(re=nested.id, reply=PONG))
    assert (await connected.peer.expect("reply")).re == 1
    await close(connected)


async def test_the_limit_of_the_broker_is_kept_by_the_sender(scripted: ScriptedBroker) -> None:
    limits = session_pb2.Limits(max_envelope_bytes=100, max_call_timeout_ms=3000)
    connected = await connect(scripted, welcome={"limits": limits})

    @dataclass
    class Big:
        text: str

    for sending in (
        connected.runtime.send_message(Big("x" * 100), TARGET),
        connected.runtime.publish_message(Big("x" * 100), TopicId("t", "k")),
    ):
        with pytest.raises(PayloadTooLargeError, match=r"the message has \d+ bytes .* limit is 100") as caught:
            await sending
        assert caught.value.details["limit"] == "100"
    calling = asyncio.ensure_future(connected.runtime.send_message(Big(""), TARGET))
    assert (await connected.peer.expect("request")).request.timeout_ms <= 3000
    calling.cancel()
    await close(connected)


@pytest.mark.parametrize("reason", [1, 6, 8, 13, 16, 19, 20, 24, 25, 99])
async def test_errors_of_the_broker(scripted: ScriptedBroker, reason: Any) -> None:
    connected = await connect(scripted)
    calling = asyncio.ensure_future(connected.runtime.send_message(Ping(1), TARGET))
    message = await connected.peer.expect("request")
    error = errors_pb2.Error(reason=reason, message="text", retryable=True, details={"a": "b"})
    connected.peer.send(Message(re=message.id, error=error))
    with pytest.raises(ParleyError) as caught:
        await calling
    assert (caught.value.message, caught.value.retryable, caught.value.details) == ("text", True, {"a": "b"})
    await close(connected)


async def test_the_brokers_deadline_is_told_as_ones_own(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    calling = asyncio.ensure_future(connected.runtime.send_message(Ping(1), TARGET, timeout=3))
    message = await connected.peer.expect("request")
    error = errors_pb2.Error(reason=errors_pb2.ERROR_REASON_DEADLINE_EXCEEDED, message="text")
    connected.peer.send(Message(re=message.id, error=error))
    with pytest.raises(DeadlineExceededError, match="the timeout of this call") as caught:
        await calling
    assert not caught.value.may_have_run
    await close(connected)


async def test_a_publish_on_the_wire(scripted: ScriptedBroker, caplog: pytest.LogCaptureFixture) -> None:
    """covers: PUB-2"""
    connected = await connect(scripted)
    for number in range(3):
        publishing = asyncio.ensure_future(
            connected.runtime.publish_message(Ping(number), TopicId("t", "k"), ephemeral=True)
        )
        message = await connected.peer.expect("publish")
        assert message.publish.ephemeral
        assert (message.publish.topic.type, message.publish.topic.source) == ("t", "k")
        connected.peer.send(Message(re=message.id, published=publish_pb2.Published()))
        await publishing
    warnings = [record for record in caplog.records if "has no recipient" in record.getMessage()]
    assert len(warnings) == 1  # of three: rate-limited
    await close(connected)


async def test_registrations_become_visible_at_the_start(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    await Ponger.register(connected.runtime, "a", Ponger)
    await connected.runtime.add_subscription(TypeSubscription("t", "a"))
    assert await connected.peer.silent()
    starting = asyncio.ensure_future(connected.runtime.start())
    commands = [await connected.peer.next() for _ in range(3)]
    assert not starting.done()
    assert [command.WhichOneof("kind") for command in commands] == ["register_agent_type", "subscribe", "subscribe"]
    assert [command.subscribe.subscription.durable for command in commands[1:]] == [False, True]
    for command in commands:
        connected.peer.done(command)
    await starting
    with pytest.raises(RuntimeError, match="already"):
        await connected.runtime.start()
    removing = asyncio.ensure_future(connected.runtime.remove_subscription(TypeSubscription("t", "a").id))
    command = await connected.peer.expect("unsubscribe")
    assert command.unsubscribe.subscription.topic_type == "t"
    connected.peer.done(command)
    await removing
    await close(connected)


async def test_a_refused_registration_fails_the_start(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    await Ponger.register(connected.runtime, "a", Ponger, skip_direct_message_subscription=True)
    starting = asyncio.ensure_future(connected.runtime.start())
    command = await connected.peer.expect("register_agent_type")
    error = errors_pb2.Error(reason=errors_pb2.ERROR_REASON_INVALID_ARGUMENT, message="another mode")
    connected.peer.send(Message(re=command.id, error=error))
    with pytest.raises(InvalidArgumentError, match="another mode"):
        await starting
    await close(connected)


# ---- the end


async def test_stopping_drains(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    states: list[str] = []
    remove = connected.runtime.state_changed(lambda state, reason: states.append(state))
    connected.runtime.state_changed(lambda state, reason: 1 / 0)  # a watcher that raises harms nobody
    agent = await host_agent(connected, Ponger)
    agent.gate.clear()
    connected.peer.send(request(1))
    await connected.peer.fence()
    stopping = asyncio.ensure_future(connected.runtime.stop())
    drain = await connected.peer.expect("drain")
    assert drain.id > 0
    assert drain.drain.timeout_ms == 25000
    assert states == ["draining"]
    agent.gate.set()
    assert (await connected.peer.expect("reply")).re == 1
    connected.peer.done(drain)
    await connected.peer.expect("goodbye")
    await stopping
    await connected.runtime.wait_until_stopped()
    await connected.runtime.stop()
    assert states == ["draining", "closed"]
    remove()
    remove()
    with pytest.raises(UnavailableError, match="has been stopped"):
        await connected.runtime.send_message(Ping(1), TARGET)
    await asyncio.wait_for(connected.peer.closed.wait(), PATIENCE)


async def test_draining_ends_after_its_time(scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parley._distributed.runtime.DRAIN_TIMEOUT", 0.05)
    connected = await connect(scripted)
    agent = await host_agent(connected, Ponger)
    agent.gate.clear()
    connected.peer.send(request(1))
    await connected.peer.fence()
    calling = asyncio.ensure_future(connected.runtime.send_message(Ping(1), TARGET))
    await connected.peer.expect("request")
    await connected.runtime.stop()
    assert agent.tokens[0].is_cancelled()
    with pytest.raises(OutcomeUnknownError, match="the runtime has stopped"):
        await calling


async def test_the_connection_is_lost_while_draining(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    stopping = asyncio.ensure_future(connected.runtime.stop())
    await connected.peer.expect("drain")
    connected.peer.end()
    await asyncio.wait_for(stopping, PATIENCE)


async def test_a_lost_connection_fires_the_tokens_of_what_runs(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    agent = await host_agent(connected, Ponger)
    agent.gate.clear()
    connected.peer.send(request(1))
    await connected.peer.fence()
    await close(connected)
    assert agent.tokens[0].is_cancelled()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signals_stop_it(scripted: ScriptedBroker, number: signal.Signals) -> None:
    connected = await connect(scripted)
    before = signal.getsignal(number)
    waiting = asyncio.ensure_future(connected.runtime.wait_until_stopped())
    await asyncio.sleep(0)
    os.kill(os.getpid(), number)
    connected.peer.done(await connected.peer.expect("drain"))
    await connected.peer.expect("goodbye")
    await waiting
    assert signal.getsignal(number) is before


async def test_as_a_context_manager(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    async with connected.runtime as runtime:
        await connected.peer.fence()
        stopping = asyncio.ensure_future(runtime.stop())
        connected.peer.done(await connected.peer.expect("drain"))
        await stopping


async def test_a_start_that_is_refused_in_a_context_manager_leaves_nothing_open(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    await Ponger.register(connected.runtime, "a", Ponger, skip_direct_message_subscription=True)
    entering = asyncio.ensure_future(connected.runtime.__aenter__())
    command = await connected.peer.expect("register_agent_type")
    error = errors_pb2.Error(reason=errors_pb2.ERROR_REASON_INVALID_ARGUMENT, message="another mode")
    connected.peer.send(Message(re=command.id, error=error))
    connected.peer.done(await connected.peer.expect("drain"))
    with pytest.raises(InvalidArgumentError, match="another mode"):
        await asyncio.wait_for(entering, PATIENCE)
    assert connected.runtime.state == "closed"
    await asyncio.wait_for(connected.peer.closed.wait(), PATIENCE)


async def test_entering_a_runtime_that_was_started_leaves_it_running(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    await connected.runtime.start()
    with pytest.raises(RuntimeError, match="already"):
        await connected.runtime.__aenter__()
    assert connected.runtime.state == "connected"
    await close(connected)


async def test_what_is_sent_after_the_end_is_refused(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    await close(connected)
    for use in (
        connected.runtime.send_message(Ping(1), TARGET),
        connected.runtime.publish_message(Ping(1), TopicId("t", "k")),
        connected.runtime.add_subscription(TypeSubscription("t", "a")),
        RoutedAgent.register(connected.runtime, "x", RoutedAgent),
    ):
        with pytest.raises(UnavailableError, match="has been stopped"):
            await use


async def test_a_broker_that_refuses_the_drain_does_not_keep_the_runtime(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    stopping = asyncio.ensure_future(connected.runtime.stop())
    drain = await connected.peer.expect("drain")
    error = errors_pb2.Error(reason=errors_pb2.ERROR_REASON_INTERNAL, message="no")
    connected.peer.send(Message(re=drain.id, error=error))
    await asyncio.wait_for(stopping, PATIENCE)
    await asyncio.wait_for(connected.runtime.wait_until_stopped(), PATIENCE)


async def test_a_broker_that_does_not_know_drain_is_left_without(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome={"kinds": [10, 11, 12, 13]})
    stopping = asyncio.ensure_future(connected.runtime.stop())
    await connected.peer.expect("goodbye")
    await stopping
