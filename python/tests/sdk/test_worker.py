"""The worker's side: what the broker dispatches and what goes back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from parley import AgentId
from parley._distributed.uplink import WINDOW_MESSAGES
from parley_wire.v1 import agent_pb2, call_pb2, delivery_pb2, envelope_pb2, errors_pb2

from .conftest import close, connect
from .scripted import Message, ScriptedBroker
from .wire import AGENT, EPOCH, Ponger, delivery, envelope, ready, reason, request

# ---- calls


async def test_cancel_fires_the_token(scripted: ScriptedBroker) -> None:
    connected, agent = await ready(scripted)
    agent.gate.clear()
    connected.peer.send(request(1), request(2))
    await connected.peer.fence()
    connected.peer.send(Message(cancel=call_pb2.Cancel(request_id=1)))
    connected.peer.send(Message(cancel=call_pb2.Cancel(request_id=77)))
    await connected.peer.fence()
    assert [token.is_cancelled() for token in agent.tokens] == [True, False]
    agent.gate.set()
    assert {(await connected.peer.expect("reply")).re for _ in range(2)} == {1, 2}
    await close(connected)


async def test_requests_wait_for_max_concurrency_and_nested_ones_do_not(scripted: ScriptedBroker) -> None:
    connected, agent = await ready(scripted, max_concurrency=1)
    agent.gate.clear()
    chain = [envelope_pb2.AgentId(type="x", key="k")]
    connected.peer.send(request(1), request(2), request(3, call_chain=chain))
    await connected.peer.fence()
    assert agent.calls == 2
    connected.peer.send(Message(cancel=call_pb2.Cancel(request_id=2)))
    await connected.peer.fence()
    agent.gate.set()
    answers = {(m := await connected.peer.next()).re: m for _ in range(3)}
    assert reason(answers[2]) == "CANCELLED"
    assert not answers[2].error.may_have_run
    assert agent.calls == 2
    await close(connected)


async def test_credit_is_given_back_when_handlers_start(scripted: ScriptedBroker) -> None:
    connected, agent = await ready(scripted)
    agent.gate.clear()
    size = len(request(1).request.envelope)
    connected.peer.send(*(request(number) for number in range(1, 51)))
    await connected.peer.fence()
    messages, bytes = connected.peer.credit
    assert messages == WINDOW_MESSAGES + 50
    assert bytes == 16 * 2**20 + 50 * size
    chain = [envelope_pb2.AgentId(type="x", key="k")]
    connected.peer.send(*(request(100 + number, call_chain=chain) for number in range(50)))
    await connected.peer.fence()
    assert connected.peer.credit[0] == WINDOW_MESSAGES + 50  # nested requests are not covered
    agent.gate.set()
    await close(connected)


async def test_credit_comes_back_for_what_never_starts(scripted: ScriptedBroker) -> None:
    connected, _ = await ready(scripted)
    bad = {"recipient": envelope_pb2.AgentId(type="a", key="elsewhere")}
    connected.peer.send(*(delivery(number, **bad) for number in range(1, 101)))
    await connected.peer.fence()
    assert connected.peer.credit[0] == WINDOW_MESSAGES + 100
    await close(connected)


# ---- activation


async def test_an_activation_that_fails_fails_what_follows(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)

    def factory() -> Ponger:
        raise ValueError("no luck")

    await Ponger.register(connected.runtime, "a", factory, skip_direct_message_subscription=True)
    starting = asyncio.ensure_future(connected.runtime.start())
    connected.peer.done(await connected.peer.expect("register_agent_type"))
    await starting
    activate = Message(id=1, activate=agent_pb2.Activate(agent=AGENT, epoch=EPOCH))
    connected.peer.send(activate, request(2), delivery(1))
    answers = [await connected.peer.next() for _ in range(3)]
    assert {(m.WhichOneof("kind"), m.re) for m in answers} == {("error", 1), ("error", 2), ("nack", 0)}
    assert {reason(m) for m in answers if m.re} == {"ACTIVATION_FAILED"}
    assert all(m.error.details["agent"] == "a/k" for m in answers if m.re)
    connected.peer.send(request(3))
    assert reason(await connected.peer.expect("error")) == "ACTIVATION_FAILED"
    await close(connected)


async def test_activating_what_is_not_hosted(scripted: ScriptedBroker) -> None:
    connected, _ = await ready(scripted)
    for agent in (envelope_pb2.AgentId(type="b", key="k"), envelope_pb2.AgentId(type="", key="k")):
        connected.peer.send(Message(id=1, activate=agent_pb2.Activate(agent=agent, epoch=EPOCH)))
        assert (await connected.peer.expect("error")).re == 1
    await close(connected)


async def test_a_newer_placement_makes_a_new_agent(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    made: list[Ponger] = []

    def factory() -> Ponger:
        made.append(Ponger())
        return made[-1]

    await Ponger.register(connected.runtime, "a", factory, skip_direct_message_subscription=True)
    starting = asyncio.ensure_future(connected.runtime.start())
    connected.peer.done(await connected.peer.expect("register_agent_type"))
    await starting
    for number, epoch in enumerate((EPOCH, EPOCH + 1), 1):
        activate = Message(id=number, activate=agent_pb2.Activate(agent=AGENT, epoch=epoch))
        connected.peer.send(activate, request(100 + number, epoch=epoch))
        assert {(await connected.peer.next()).re for _ in range(2)} == {number, 100 + number}
    assert [agent.calls for agent in made] == [1, 1]
    await close(connected)


async def test_stateless_agents_need_no_activation(scripted: ScriptedBroker) -> None:
    class Free(Ponger, mode="stateless"):
        pass

    connected = await connect(scripted)
    await Free.register(connected.runtime, "a", Free, skip_direct_message_subscription=True)
    starting = asyncio.ensure_future(connected.runtime.start())
    registration = await connected.peer.expect("register_agent_type")
    assert registration.register_agent_type.mode == agent_pb2.AGENT_MODE_STATELESS
    assert registration.register_agent_type.concurrency == 1000
    connected.peer.done(registration)
    await starting
    connected.peer.send(request(1, epoch=0))
    assert (await connected.peer.expect("reply")).re == 1
    await close(connected)


# ---- events


def settled(message: Message) -> tuple[int, int, int]:
    part = message.ack if message.HasField("ack") else message.nack
    assert part.recipient == AGENT
    return part.epoch, part.position, part.round


async def test_events_are_acknowledged_in_order(scripted: ScriptedBroker) -> None:
    connected, agent = await ready(scripted)
    connected.peer.send(*(delivery(position, position) for position in (3, 5, 8)))
    for position in (3, 5, 8):
        ack = await connected.peer.expect("ack")
        assert ack.id > 0
        assert not ack.ack.ignored
        assert settled(ack) == (EPOCH, position, 1)
        connected.peer.done(ack)
    assert agent.told == [3, 5, 8]
    await close(connected)


async def test_a_handler_that_raises_is_a_nack_and_the_next_event_goes_on(scripted: ScriptedBroker) -> None:
    connected, agent = await ready(scripted)
    connected.peer.send(delivery(1, -1), delivery(2, 7))
    nack = await connected.peer.expect("nack")
    assert nack.id > 0
    assert settled(nack) == (EPOCH, 1, 1)
    assert nack.nack.error.reason == errors_pb2.ERROR_REASON_HANDLER_FAILED
    assert nack.nack.error.details["exception_message"] == "negative"
    connected.peer.done(nack)
    assert await connected.peer.silent()  # the event that waited belongs to the round that is over
    connected.peer.send(delivery(1, 1, round=2, attempt=2), delivery(2, 2, round=2))
    assert settled(await connected.peer.expect("ack")) == (EPOCH, 1, 2)
    assert settled(await connected.peer.expect("ack")) == (EPOCH, 2, 2)
    assert agent.told == [-1, 1, 2]
    await close(connected)


@pytest.mark.parametrize("data", [envelope("Nobody", b"{}"), envelope("Pong", b'{"n":1}')])
async def test_unknown_and_unhandled_events_are_ignored(scripted: ScriptedBroker, data: bytes) -> None:
    connected, agent = await ready(scripted)
    connected.peer.send(delivery(1, envelope=data))
    ack = await connected.peer.expect("ack")
    assert ack.ack.ignored
    assert agent.told == []
    assert connected.runtime._host.ignored_events == 1
    await close(connected)


async def test_a_malformed_event_is_a_nack(scripted: ScriptedBroker) -> None:
    connected, _ = await ready(scripted)
    connected.peer.send(delivery(1, envelope=envelope("Ping", b"{}")))
    nack = await connected.peer.expect("nack")
    assert nack.nack.error.reason == errors_pb2.ERROR_REASON_MALFORMED_PAYLOAD
    await close(connected)


async def test_ephemeral_events_are_not_settled(scripted: ScriptedBroker) -> None:
    connected, agent = await ready(scripted)
    connected.peer.send(delivery(0, 4), delivery(0, 5, envelope=envelope("Nobody", b"{}")))
    assert await connected.peer.silent()
    assert agent.told == [4]
    await close(connected)


async def test_an_event_in_hand_is_not_started_again(scripted: ScriptedBroker) -> None:
    connected, agent = await ready(scripted)
    agent.gate.clear()
    connected.peer.send(delivery(1), delivery(1))
    await connected.peer.fence()
    agent.gate.set()
    ack = await connected.peer.expect("ack")
    connected.peer.done(ack)
    await connected.peer.fence()
    connected.peer.send(delivery(1, round=2), delivery(2, round=1), delivery(3, round=2))
    assert settled(await connected.peer.expect("ack")) == (EPOCH, 1, 2)
    assert settled(await connected.peer.expect("ack")) == (EPOCH, 3, 2)
    assert len(agent.told) == 3
    await close(connected)


async def test_a_refused_ack_is_logged(scripted: ScriptedBroker, caplog: pytest.LogCaptureFixture) -> None:
    connected, _ = await ready(scripted)
    connected.peer.send(delivery(1))
    ack = await connected.peer.expect("ack")
    error = errors_pb2.Error(reason=errors_pb2.ERROR_REASON_STALE_EPOCH, message="moved away")
    connected.peer.send(Message(re=ack.id, error=error))
    await connected.peer.fence()
    assert "the broker refused to settle an event of a/k: STALE_EPOCH: moved away" in caplog.text
    assert not connected.runtime._host.slots  # the agent is elsewhere now
    await close(connected)


async def test_a_delivery_that_cannot_be_read_is_dropped(scripted: ScriptedBroker) -> None:
    connected, agent = await ready(scripted)
    connected.peer.send(delivery(1, topic=envelope_pb2.TopicId(type="t t", source="k")), delivery(2))
    assert settled(await connected.peer.expect("ack"))[1] == 2
    assert len(agent.told) == 1
    await close(connected)


async def test_deliveries_for_an_agent_elsewhere_are_refused(scripted: ScriptedBroker) -> None:
    connected, _ = await ready(scripted)
    elsewhere = envelope_pb2.AgentId(type="a", key="elsewhere")
    connected.peer.send(Message(delivery=delivery_pb2.Delivery(**{**_fields(delivery(1)), "recipient": elsewhere})))
    nack = await connected.peer.expect("nack")
    assert nack.nack.error.reason == errors_pb2.ERROR_REASON_ACTIVATION_FAILED
    assert AgentId(nack.nack.recipient.type, nack.nack.recipient.key) == AgentId("a", "elsewhere")
    await close(connected)


def _fields(message: Message) -> dict[str, Any]:
    return {field.name: value for field, value in message.delivery.ListFields()}
