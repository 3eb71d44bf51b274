"""What a worker says in a new session, and which agents it keeps."""

from __future__ import annotations

import asyncio
from typing import Any

from parley import TypeSubscription
from parley._distributed import rejoining
from parley_wire.v1 import agent_pb2, envelope_pb2, errors_pb2

from .conftest import Connected, close, connect
from .scripted import ALL_KINDS, Message, Peer, ScriptedBroker
from .wire import AGENT, EPOCH, Ponger, delivery, request


async def hosting(scripted: ScriptedBroker, keys: int = 1, **options: Any) -> tuple[Connected, list[Ponger]]:
    connected = await connect(scripted, **options)
    made: list[Ponger] = []

    def factory() -> Ponger:
        made.append(Ponger())
        return made[-1]

    await Ponger.register(connected.runtime, "a", factory, skip_direct_message_subscription=True)
    await connected.runtime.add_subscription(TypeSubscription("t", "a"))
    starting = asyncio.ensure_future(connected.runtime.start())
    connected.peer.done(await connected.peer.expect("register_agent_type"))
    connected.peer.done(await connected.peer.expect("subscribe"))
    await starting
    for number in range(keys):
        agent = envelope_pb2.AgentId(type="a", key=f"k{number}" if number else "k")
        connected.peer.send(Message(id=number + 1, activate=agent_pb2.Activate(agent=agent, epoch=EPOCH + number)))
        await connected.peer.expect("done")
    return connected, made


async def rejoined(scripted: ScriptedBroker, *refused: envelope_pb2.AgentId, **welcome: Any) -> tuple[Peer, Message]:
    peer = await scripted.accept()
    peer.welcome(**{"session_id": "s-2", **welcome})
    peer.done(await peer.expect("register_agent_type"))
    peer.done(await peer.expect("subscribe"))
    claim = await peer.expect("claim")
    peer.send(Message(re=claim.id, claim_result=agent_pb2.ClaimResult(refused=refused)))
    return peer, claim


async def test_agents_are_claimed_with_their_epochs_and_go_on(scripted: ScriptedBroker) -> None:
    connected, agents = await hosting(scripted, 2)
    connected.peer.end()
    peer, claim = await rejoined(scripted)
    assert [(held.agent.key, held.epoch) for held in claim.claim.agents] == [("k", EPOCH), ("k1", EPOCH + 1)]
    assert peer.hello.hello.resume.agents == 2, "the broker waits for so many claims"
    peer.send(request(5))
    assert (await peer.expect("reply")).re == 5
    assert agents[0].calls == 1
    await close(Connected(connected.runtime, peer))


async def test_refused_agents_are_dropped_and_their_handlers_cancelled(scripted: ScriptedBroker) -> None:
    connected, agents = await hosting(scripted, 2)
    for agent in agents:
        agent.gate.clear()
    connected.peer.send(request(1), delivery(7))
    await connected.peer.fence()
    connected.peer.end()
    peer, _ = await rejoined(scripted, AGENT)
    peer.send(Message(id=9, activate=agent_pb2.Activate(agent=AGENT, epoch=EPOCH + 9)))
    assert (await peer.expect("done")).re == 9
    assert agents[0].tokens[0].is_cancelled()
    assert [slot.id.key for slot in connected.runtime._host.slots.values()] == ["k1", "k"]
    assert await peer.silent()  # what the dropped one came to is told to nobody
    assert len(agents) == 3
    await close(Connected(connected.runtime, peer))


async def test_many_agents_are_claimed_in_several_messages(scripted: ScriptedBroker, monkeypatch: Any) -> None:
    monkeypatch.setattr(rejoining, "CLAIM_SIZE", 2)
    connected, _ = await hosting(scripted, 3)
    connected.peer.end()
    peer, claim = await rejoined(scripted)
    assert len(claim.claim.agents) == 2
    second = await peer.expect("claim")
    assert [held.agent.key for held in second.claim.agents] == ["k2"]
    error = errors_pb2.Error(reason=errors_pb2.ERROR_REASON_INVALID_ARGUMENT, message="no")
    peer.send(Message(re=second.id, error=error))
    await peer.fence()
    assert [slot.id.key for slot in connected.runtime._host.slots.values()] == ["k", "k1"]
    await close(Connected(connected.runtime, peer))


async def test_a_broker_that_knows_no_claims_has_placed_nothing_here(scripted: ScriptedBroker) -> None:
    connected, _ = await hosting(scripted)
    connected.peer.end()
    peer = await scripted.accept()
    kinds = [kind for kind in ALL_KINDS if kind != Message.DESCRIPTOR.fields_by_name["claim"].number]
    peer.welcome(session_id="s-2", kinds=kinds)
    peer.done(await peer.expect("register_agent_type"))
    peer.done(await peer.expect("subscribe"))
    await peer.fence()
    assert not connected.runtime._host.slots
    await close(Connected(connected.runtime, peer))


async def test_what_may_succeed_later_is_said_again(scripted: ScriptedBroker, monkeypatch: Any) -> None:
    monkeypatch.setattr(rejoining, "RETRY_PAUSE", 0.01)
    connected = await connect(scripted)
    await connected.runtime.add_subscription(TypeSubscription("t", "a"))
    starting = asyncio.ensure_future(connected.runtime.start())
    connected.peer.done(await connected.peer.expect("subscribe"))
    await starting
    connected.peer.end()
    peer = await scripted.accept()
    peer.welcome(session_id="s-2")
    error = errors_pb2.Error(reason=errors_pb2.ERROR_REASON_UNAVAILABLE, message="the disk is full", retryable=True)
    peer.send(Message(re=(await peer.expect("subscribe")).id, error=error))
    peer.done(await peer.expect("subscribe"))
    while connected.runtime.state != "connected":  # noqa: ASYNC110 - told by watchers
        await asyncio.sleep(0.002)
    await close(Connected(connected.runtime, peer))


async def test_a_running_event_is_settled_by_its_next_delivery(scripted: ScriptedBroker) -> None:
    connected, (agent,) = await hosting(scripted)
    agent.gate.clear()
    connected.peer.send(delivery(3), delivery(4))
    await connected.peer.fence()
    connected.peer.end()
    peer, _ = await rejoined(scripted)
    peer.send(delivery(3, round=2, attempt=1))
    await peer.fence()
    agent.gate.set()
    ack = await peer.expect("ack")
    assert (ack.ack.position, ack.ack.round) == (3, 2)
    assert await peer.silent()  # the one that waited is not started before it is delivered again
    peer.send(delivery(4, round=2))
    assert (await peer.expect("ack")).ack.position == 4
    assert len(agent.told) == 2
    await close(Connected(connected.runtime, peer))


async def test_a_result_that_nobody_confirmed_answers_the_next_delivery(scripted: ScriptedBroker) -> None:
    connected, (agent,) = await hosting(scripted)
    connected.peer.send(delivery(3, -1), delivery(5))
    await connected.peer.expect("nack")
    connected.peer.end()
    peer, _ = await rejoined(scripted)
    peer.send(delivery(3, -1, round=4))
    nack = await peer.expect("nack")
    assert (nack.nack.position, nack.nack.round) == (3, 4)
    peer.done(nack)
    peer.send(delivery(3, -1, round=5, attempt=2))
    await peer.expect("nack")
    assert agent.told == [-1, -1]
    await close(Connected(connected.runtime, peer))


async def test_a_call_with_a_key_is_joined_by_its_next_dispatch(scripted: ScriptedBroker) -> None:
    connected, (agent,) = await hosting(scripted)
    agent.gate.clear()
    connected.peer.send(request(1, idempotency_key="x"), request(2, idempotency_key="y"), request(3))
    await connected.peer.fence()
    connected.peer.end()
    peer, _ = await rejoined(scripted)
    peer.send(request(7, idempotency_key="x", attempt=2), request(8, idempotency_key="z"))
    await peer.fence()
    agent.gate.set()
    assert {(await peer.expect("reply")).re for _ in range(2)} == {7, 8}
    peer.send(request(9, idempotency_key="y", attempt=2))
    assert (await peer.expect("reply")).re == 9
    assert agent.calls == 4
    await close(Connected(connected.runtime, peer))


async def test_another_event_under_the_same_position_is_handled(scripted: ScriptedBroker) -> None:
    """A broker that kept nothing counts positions from 1 again. covers: DLV-4"""
    connected, (agent,) = await hosting(scripted)
    connected.peer.send(delivery(1, 11), delivery(2, 12))
    await connected.peer.expect("ack")  # never answered
    agent.gate.clear()
    await connected.peer.expect("ack")
    connected.peer.send(delivery(3, 13))
    await connected.peer.fence()
    connected.peer.end()
    peer, _ = await rejoined(scripted, incarnation="i-2")
    peer.send(delivery(1, 99), delivery(3, 98))
    await peer.fence()
    agent.gate.set()
    assert [(await peer.expect("ack")).ack.position for _ in range(2)] == [1, 3]
    assert agent.told == [11, 12, 13, 99, 98]
    await close(Connected(connected.runtime, peer))


async def test_an_agent_refused_and_activated_at_once_is_another_one(scripted: ScriptedBroker) -> None:
    """covers: SES-14"""
    connected, agents = await hosting(scripted)
    agents[0].gate.clear()
    connected.peer.send(request(1), delivery(1))
    await connected.peer.fence()
    connected.peer.end()
    peer = await scripted.accept()
    peer.welcome(session_id="s-2")
    peer.done(await peer.expect("register_agent_type"))
    peer.done(await peer.expect("subscribe"))
    claim = await peer.expect("claim")
    refused = Message(re=claim.id, claim_result=agent_pb2.ClaimResult(refused=[AGENT]))
    peer.send(refused, Message(id=9, activate=agent_pb2.Activate(agent=AGENT, epoch=EPOCH + 9)))
    assert (await peer.expect("done")).re == 9
    assert agents[0].tokens[0].is_cancelled()
    await peer.fence()
    assert not connected.runtime._host.running()
    peer.send(request(2, epoch=EPOCH + 9))
    assert (await peer.expect("reply")).re == 2
    await close(Connected(connected.runtime, peer))


async def test_what_a_stateless_agent_came_to_is_kept_for_one_session(scripted: ScriptedBroker) -> None:
    class Free(Ponger, mode="stateless"):
        pass

    connected = await connect(scripted)
    agent = Free()
    await Free.register(connected.runtime, "a", lambda: agent, skip_direct_message_subscription=True)
    starting = asyncio.ensure_future(connected.runtime.start())
    connected.peer.done(await connected.peer.expect("register_agent_type"))
    await starting
    connected.peer.send(delivery(1, epoch=0))
    await connected.peer.expect("ack")
    peer = connected.peer
    for number, again in ((2, True), (3, False), (4, False)):
        peer.end()
        peer = await scripted.accept()
        peer.welcome(session_id=f"s-{number}")
        peer.done(await peer.expect("register_agent_type"))
        if again:
            peer.send(delivery(1, epoch=0))
            await peer.expect("ack")
    assert len(agent.told) == 1
    assert not connected.runtime._worker._hands
    await close(Connected(connected.runtime, peer))
