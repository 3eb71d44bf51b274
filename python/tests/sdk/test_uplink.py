"""How a runtime stays with its broker: resumed and new sessions, and what becomes of what it had asked."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from parley import AgentId, TopicId
from parley._distributed.uplink import WINDOW_MESSAGES
from parley.distributed import DistributedRuntime
from parley.exceptions import DeadlineExceededError, OutcomeUnknownError, UnavailableError
from parley_wire.v1 import agent_pb2, broker_service_pb2, errors_pb2, publish_pb2, session_pb2

from .conftest import Connected, close, connect
from .scripted import PATIENCE, Message, Peer, ScriptedBroker
from .test_hello import free_address
from .wire import PONG, Ping, Pong, Ponger, host_agent

TARGET = AgentId("b", "k")
TOPIC = TopicId("t", "k")
GRACE = {"session_grace_ms": 60_000}


def watch(runtime: DistributedRuntime) -> list[str]:
    states: list[str] = []
    runtime.state_changed(lambda state, reason: states.append(state))
    return states


async def until(states: list[str], *expected: str) -> None:
    while len(states) < len(expected):  # noqa: ASYNC110 - a watcher appends
        await asyncio.sleep(0.002)
    assert states == list(expected)


def calling(connected: Connected, n: int = 1, **options: Any) -> asyncio.Future[Any]:
    return asyncio.ensure_future(connected.runtime.send_message(Ping(n), TARGET, **options))


def publishing(connected: Connected, n: int = 1, **options: Any) -> asyncio.Future[Any]:
    return asyncio.ensure_future(connected.runtime.publish_message(Ping(n), TOPIC, **options))


def published(publish: Message, recipients: int = 1) -> Message:
    return Message(re=publish.id, published=publish_pb2.Published(recipients=recipients))


def draining(message: Message) -> Message:
    error = errors_pb2.Error(reason=errors_pb2.ERROR_REASON_DRAINING, message="about to go", retryable=True)
    return Message(re=message.id, error=error)


async def resumed(scripted: ScriptedBroker, before: Peer, received: int | None = None) -> Peer:
    peer = await scripted.accept()
    assert peer.hello.hello.resume.session_id == "s-1"
    assert peer.hello.hello.resume.resume_token == b"secret"
    peer.take_over(before, received)
    return peer


# ---- the same session


@pytest.mark.parametrize("how", ["end", "status", "gap", "garbage"])
async def test_a_broken_connection_is_resumed(scripted: ScriptedBroker, how: str) -> None:
    connected = await connect(scripted, welcome=GRACE)
    states = watch(connected.runtime)
    asked = calling(connected)
    request = await connected.peer.expect("request")
    ends = {
        "end": lambda: connected.peer.end(),
        "status": lambda: connected.peer.end(grpc.StatusCode.UNAVAILABLE, "broken"),
        "gap": lambda: connected.peer.send_raw(
            broker_service_pb2.Frame(first_seq=99, messages=[Message()]).SerializeToString()
        ),
        "garbage": lambda: connected.peer.send_raw(b"\xff\xff"),
    }
    ends[how]()
    peer = await resumed(scripted, connected.peer)
    peer.send(Message(re=request.id, reply=PONG))
    assert await asked == Pong(1)
    await until(states, "reconnecting", "resumed")
    assert connected.runtime.state == "resumed"
    assert peer.hello.hello.producer_id == connected.peer.hello.hello.producer_id
    await close(Connected(connected.runtime, peer))


async def test_what_the_broker_lacks_is_sent_again_under_its_numbers(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome=GRACE)
    asked = [calling(connected, n, timeout=50) for n in (1, 2, 3)]
    before = [await connected.peer.expect("request") for _ in asked]
    assert connected.peer.numbers == [1, 2, 3]
    connected.peer.end()
    late = calling(connected, 4)
    peer = await resumed(scripted, connected.peer, received=1)
    again = [await peer.expect("request") for _ in range(3)]
    assert peer.numbers == [2, 3, 4]
    assert [m.id for m in again[:2]] == [m.id for m in before[1:]]
    assert again[0].request.envelope == before[1].request.envelope
    assert again[0].request.timeout_ms < before[1].request.timeout_ms <= 50_000
    peer.send(*(Message(re=m.id, reply=PONG) for m in (before[0], *again)))
    assert await asyncio.gather(*asked, late) == [Pong(1)] * 4
    await close(Connected(connected.runtime, peer))


async def test_what_came_is_not_taken_twice(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome=GRACE)
    agent = await host_agent(connected, Ponger)
    connected.peer.end()
    peer = await resumed(scripted, connected.peer)
    assert peer.hello.hello.resume.received == 2  # the registration's Done and Activate
    repeated = broker_service_pb2.Frame(first_seq=1, messages=peer.sent)
    peer.send_raw(repeated.SerializeToString())
    assert await peer.silent()
    assert agent.calls == 0
    await close(Connected(connected.runtime, peer))


async def test_what_is_asked_while_there_is_no_connection_goes_out_later(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome=GRACE)
    states = watch(connected.runtime)
    connected.peer.end()
    await until(states, "reconnecting")
    asked = calling(connected)
    told = publishing(connected)
    peer = await resumed(scripted, connected.peer)
    request, publish = await peer.expect("request"), await peer.expect("publish")
    peer.send(Message(re=request.id, reply=PONG), published(publish))
    await asyncio.gather(asked, told)
    await close(Connected(connected.runtime, peer))


async def test_credit_is_said_again(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome=GRACE)
    connected.runtime._uplink.session.writer.grant(10)
    connected.peer.end()
    peer = await resumed(scripted, connected.peer)
    while peer.credit != (WINDOW_MESSAGES + 1, 16 * 2**20 + 10):  # noqa: ASYNC110 - comes with the first frame
        await asyncio.sleep(0.002)
    await close(Connected(connected.runtime, peer))


async def test_a_resume_that_makes_no_sense_is_followed_by_a_new_session(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome=GRACE)
    states = watch(connected.runtime)
    connected.peer.end()
    (await scripted.accept()).welcome(resumed=True, received=77)
    peer = await scripted.accept()
    assert not peer.hello.hello.HasField("resume")
    peer.welcome(session_id="s-2")
    await until(states, "reconnecting", "lost", "connected")
    await close(Connected(connected.runtime, peer))


async def test_a_defect_is_not_the_end(scripted: ScriptedBroker, caplog: pytest.LogCaptureFixture) -> None:
    connected = await connect(scripted)
    connected.runtime._worker.session_began = lambda: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    states = watch(connected.runtime)
    connected.peer.end()
    (await scripted.accept()).welcome(session_id="s-2")
    peer = await scripted.accept()
    assert "the session could not be taken up" in caplog.text
    del connected.runtime._worker.session_began
    peer.welcome(session_id="s-3")
    while "connected" not in states:  # noqa: ASYNC110 - a watcher appends
        await asyncio.sleep(0.002)
    await close(Connected(connected.runtime, peer))


async def test_all_addresses_are_tried(scripted: ScriptedBroker) -> None:
    making = asyncio.ensure_future(connect_to(f"{scripted.url},grpc://{free_address()}"))
    peer = await scripted.accept()
    peer.welcome(**GRACE)
    runtime = await making
    peer.end()
    (await scripted.accept()).end(grpc.StatusCode.UNAVAILABLE, "not yet")
    peer = await resumed(scripted, peer)
    await close(Connected(runtime, peer))


async def connect_to(url: str) -> DistributedRuntime:
    from parley.distributed import create_distributed_runtime

    return await create_distributed_runtime(url)


# ---- a new session


async def test_a_lost_session_is_followed_by_a_new_one(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    states = watch(connected.runtime)
    asked = calling(connected)
    await connected.peer.expect("request")
    told = publishing(connected)
    publish = await connected.peer.expect("publish")
    assert publish.publish.producer_seq == 1
    connected.peer.end(grpc.StatusCode.INTERNAL, "a defect")
    with pytest.raises(OutcomeUnknownError, match="the session was lost: INTERNAL: a defect"):
        await asked
    later = calling(connected, 2)
    peer = await scripted.accept()
    peer.welcome(session_id="s-2")
    again = await peer.expect("publish")
    assert (again.publish.producer_seq, again.publish.envelope) == (1, publish.publish.envelope)
    request = await peer.expect("request")
    peer.send(published(again, 0), Message(re=request.id, reply=PONG))
    await told
    assert await later == Pong(1)
    await until(states, "reconnecting", "lost", "connected")
    assert peer.numbers == [1, 2]
    assert publishing(connected)
    assert (await peer.expect("publish")).publish.producer_seq == 2
    await close(Connected(connected.runtime, peer))


async def test_goodbye_ends_the_session_and_the_runtime_goes_on(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome=GRACE)
    states = watch(connected.runtime)
    connected.peer.send(Message(goodbye=session_pb2.Goodbye(reason="enough")))
    peer = await scripted.accept()
    assert not peer.hello.hello.HasField("resume")
    peer.welcome(session_id="s-2")
    await until(states, "lost", "connected")
    asked = calling(connected)
    peer.send(Message(re=(await peer.expect("request")).id, reply=PONG))
    assert await asked == Pong(1)
    await close(Connected(connected.runtime, peer))


async def test_an_ephemeral_publish_is_not_sent_twice(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    told = publishing(connected, ephemeral=True)
    assert (await connected.peer.expect("publish")).publish.producer_seq == 0
    connected.peer.end()
    with pytest.raises(OutcomeUnknownError):
        await told
    await close(connected)


async def test_commands_go_on_in_the_next_session(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    await connected.runtime.start()
    registering = asyncio.ensure_future(
        Ponger.register(connected.runtime, "a", Ponger, skip_direct_message_subscription=True)
    )
    await connected.peer.expect("register_agent_type")
    connected.peer.end()
    peer = await scripted.accept()
    peer.welcome(session_id="s-2")
    for _ in range(2):  # what it hosts is said in every new session, then the command that had no answer
        peer.done(await peer.expect("register_agent_type"))
    await registering
    await close(Connected(connected.runtime, peer))


async def test_what_was_never_sent_ends_with_unavailable(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    states = watch(connected.runtime)
    connected.peer.end()
    await until(states, "reconnecting", "lost")
    with pytest.raises(UnavailableError, match=r"had no outcome within 0\.05 s, .*; it was never sent"):
        await calling(connected, timeout=0.05)
    await close(connected)


async def test_a_call_that_waits_for_credit_ends_as_any_other(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome={"credit": (0, 0)})
    with pytest.raises(DeadlineExceededError):
        await calling(connected, timeout=0.05)
    told = publishing(connected)
    await close(connected)
    with pytest.raises(UnavailableError):
        await told


async def test_the_grace_ends_while_nobody_answers_and_the_session_goes_on_after_all(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome={"session_grace_ms": 100})
    states = watch(connected.runtime)
    asked, told = calling(connected), publishing(connected)
    publish = [await connected.peer.next() for _ in range(2)][1]
    connected.peer.end()
    with pytest.raises(OutcomeUnknownError, match="the session's grace is over"):
        await asked
    peer = await resumed(scripted, connected.peer)
    peer.send(published(publish))
    await told
    later = calling(connected)
    peer.send(Message(re=(await peer.expect("request")).id, reply=PONG))
    assert await later == Pong(1)
    await until(states, "reconnecting", "lost", "resumed", "connected")
    await close(Connected(connected.runtime, peer))


@pytest.mark.parametrize("where", ["held", "session_began", "rejoin"])
async def test_a_defect_anywhere_is_followed_by_a_new_session(
    scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    connected = await connect(scripted)
    await host_agent(connected, Ponger)
    good = getattr(connected.runtime, where)

    def broken(*arguments: Any) -> Any:
        monkeypatch.setattr(connected.runtime, where, good)
        raise ValueError("a defect")

    monkeypatch.setattr(connected.runtime, where, broken)
    connected.peer.end()
    peer = await scripted.accept()
    peer.welcome(session_id="s-2")
    if where != "held":
        peer = await scripted.accept()
        assert not peer.hello.hello.resume.session_id
        peer.welcome(session_id="s-3")
    peer.done(await peer.expect("register_agent_type"))
    claim = await peer.expect("claim")
    peer.send(Message(re=claim.id, claim_result=agent_pb2.ClaimResult()))
    asked = calling(connected)
    peer.send(Message(re=(await peer.expect("request")).id, reply=PONG))
    assert await asked == Pong(1)
    await close(Connected(connected.runtime, peer))


async def test_a_session_that_ended_while_it_was_joined_takes_nothing(
    scripted: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = await connect(scripted)
    uplink = connected.runtime._uplink
    good = connected.runtime.rejoin

    async def rejoin(session: Any) -> None:
        monkeypatch.setattr(connected.runtime, "rejoin", good)
        await good(session)
        connected.peer.end()
        uplink._lose(connected.runtime, "the broker said goodbye")

    monkeypatch.setattr(connected.runtime, "rejoin", rejoin)
    connected.peer.end()
    connected.peer = await scripted.accept()
    connected.peer.welcome(session_id="s-2")
    peer = await scripted.accept()
    assert not uplink.is_ready
    peer.welcome(session_id="s-3")
    asked = calling(connected)
    peer.send(Message(re=(await peer.expect("request")).id, reply=PONG))
    assert await asked == Pong(1)
    await close(Connected(connected.runtime, peer))


# ---- a broker that drains


async def test_a_draining_broker_gets_nothing_new(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    states = watch(connected.runtime)
    before, refused = calling(connected, 1), publishing(connected, 2)
    request, publish = await connected.peer.expect("request"), await connected.peer.expect("publish")
    connected.peer.send(Message(drain=session_pb2.Drain(timeout_ms=10, reason="upgrade")), draining(publish))
    await connected.peer.fence()
    assert connected.runtime.state == "draining"
    waiting = [calling(connected, 3), publishing(connected, 4)]
    assert await connected.peer.silent()
    connected.peer.send(Message(re=request.id, reply=PONG))
    assert await before == Pong(1)
    connected.peer.send(Message(goodbye=session_pb2.Goodbye(reason="upgrade")))
    peer = await scripted.accept()
    peer.welcome(session_id="s-2")
    messages = [await peer.next() for _ in range(3)]
    assert [m.WhichOneof("kind") for m in messages] == ["publish", "request", "publish"]
    assert [m.publish.producer_seq for m in messages] == [2, 0, 3]  # a refusal consumes its number
    peer.send(published(messages[0]), Message(re=messages[1].id, reply=PONG), published(messages[2]))
    await asyncio.gather(refused, *waiting)
    await until(states, "draining", "lost", "connected")
    await close(Connected(connected.runtime, peer))


async def test_a_refusal_by_somebody_else_that_drains_is_the_callers(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    asked = calling(connected)
    connected.peer.send(draining(await connected.peer.expect("request")))
    with pytest.raises(Exception, match="DRAINING: about to go"):
        await asked
    await close(connected)


# ---- stopping


async def test_stopping_without_a_connection_is_prompt(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted, welcome=GRACE)
    states = watch(connected.runtime)
    agent = await host_agent(connected, Ponger)
    asked = calling(connected)
    await connected.peer.expect("request")
    connected.peer.end()
    await until(states, "reconnecting")
    waiting = asyncio.ensure_future(connected.runtime.wait_until_stopped())
    await asyncio.wait_for(connected.runtime.stop(), PATIENCE)
    await waiting
    with pytest.raises(OutcomeUnknownError, match="the runtime has stopped"):
        await asked
    with pytest.raises(UnavailableError, match="has been stopped"):
        await connected.runtime.send_message(Ping(1), TARGET)
    assert states == ["reconnecting", "closed"]
    assert agent.calls == 0


async def test_stopping_while_the_session_is_sought(scripted: ScriptedBroker) -> None:
    connected = await connect(scripted)
    await connected.runtime.start()
    connected.peer.end()
    await scripted.accept()  # and never answers
    registering = asyncio.ensure_future(Ponger.register(connected.runtime, "a", Ponger))
    await asyncio.sleep(0)
    await asyncio.wait_for(connected.runtime.stop(), PATIENCE)
    with pytest.raises(UnavailableError):
        await registering
