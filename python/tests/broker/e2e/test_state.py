"""State, commits and idempotency keys through a real broker on disk that is killed and started again."""

from __future__ import annotations

import signal
from pathlib import Path

from broker.peer import Peer, agent, connected, message, request, topic
from broker.process import running
from parley_wire.v1 import broker_service_pb2 as wire
from parley_wire.v1 import envelope_pb2, state_pb2

ONCE = 3
FAST = ("--claim-window-ms", "50", "--redelivery-backoff-ms", "10")


def envelope(data: bytes) -> bytes:
    """An Envelope with this payload."""
    payload = envelope_pb2.Payload(type_name="t", content_type="application/json", data=data)
    return envelope_pb2.Envelope(message_id="m", payload=payload).SerializeToString()


def commit(epoch: int, expected: int, data: bytes, *publishes: bytes) -> state_pb2.Commit:
    """What `w/k` commits: its state, and these events to `out/k`."""
    made = state_pb2.Commit(agent=agent("w/k"), epoch=epoch, expected_version=expected)
    made.state.data, made.state.content_type = data, "text/plain"
    for event in publishes:
        made.publishes.add(topic=topic("out/k"), sender=agent("w/k"), sender_epoch=epoch, envelope=event)
    return made


async def worker_of(peer: Peer) -> Peer:
    """The client hosts `w`, effectively once, and gets the events of `in`."""
    await peer.hello()
    await peer.register("w", mode=ONCE)
    subscription = {"topic_type": "in", "match": 1, "agent_type": "w"}
    answer = await peer.command(subscribe={"subscription": subscription})
    assert answer.WhichOneof("kind") == "done", answer
    return peer


async def listener_of(peer: Peer) -> Peer:
    """The client hosts `l` and gets the events of `out`."""
    await peer.hello()
    await peer.register("l")
    await peer.command(subscribe={"subscription": {"topic_type": "out", "match": 1, "agent_type": "l"}})
    return peer


async def activated(peer: Peer) -> wire.Message:
    """The next Activate, answered."""
    activate = await peer.hear_kind("activate")
    await peer.say(message(re=activate.id, done={}))
    return activate


async def test_what_was_committed_is_there_after_a_kill(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"), *FAST)
    with running(tmp_path, *data) as broker:
        async with connected(broker.address) as opener:
            worker, listener = await worker_of(opener()), await listener_of(opener())
            await listener.command(publish={"topic": topic("in/k"), "envelope": b"event"})
            activate = await activated(worker)
            assert not activate.activate.HasField("state")
            d = (await worker.hear_kind("delivery")).delivery
            ack = {"recipient": d.recipient, "epoch": d.epoch, "position": d.position, "round": d.round}
            answer = await worker.command(ack=ack | {"commit": commit(d.epoch, 0, b"one", b"effect")})
            assert answer.WhichOneof("kind") == "done", answer
            broker.stop(signal.SIGKILL)
    with running(tmp_path, *data) as broker:
        async with connected(broker.address) as opener:
            worker, listener = await worker_of(opener()), await listener_of(opener())
            await listener.say(message(9, request=request("w/k", timeout_ms=9000, wait_for_ready=True)))
            activate = await activated(worker)
            state = activate.activate.state
            assert (state.data, state.content_type, state.version) == (b"one", "text/plain", 1)
            assert activate.activate.epoch > d.epoch
            assert (await listener.hear_kind("delivery")).delivery.envelope == b"effect"
            assert (await worker.hear_kind("request")).request.attempt == 1, "the event was settled"
            await worker.say(wire.Message(save={"agent": agent("w/k"), "epoch": d.epoch, "state": {}}, id=50))
            stale = (await worker.hear(lambda m: m.re == 50)).error
            assert (stale.reason, stale.details["current"]) == (20 + 1, str(activate.activate.epoch))


async def test_a_kept_reply_is_there_after_a_kill(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"), *FAST)
    with running(tmp_path, *data) as broker:
        async with connected(broker.address) as opener:
            worker, caller = await worker_of(opener()), opener()
            await caller.hello()
            await caller.say(message(9, request=request("w/k", envelope(b"1"), idempotency_key="key")))
            activate = await activated(worker)
            call = await worker.hear_kind("request")
            assert call.request.idempotency_key == "key"
            reply = {"envelope": b"result", "commit": commit(activate.activate.epoch, 0, b"one")}
            await worker.say(message(60, re=call.id, reply=reply))
            assert (await caller.hear(lambda m: m.re == 9)).reply.envelope == b"result"
            assert (await worker.hear(lambda m: m.re == 60)).WhichOneof("kind") == "done"
            broker.stop(signal.SIGKILL)
    with running(tmp_path, *data) as broker:
        async with connected(broker.address) as opener:
            caller = opener()
            await caller.hello()
            again = await caller.command(request=request("w/k", envelope(b"1"), idempotency_key="key"))
            assert again.reply.envelope == b"result", "nobody hosts the type"
            other = await caller.command(request=request("w/k", envelope(b"2"), idempotency_key="key"))
            assert (other.error.reason, other.error.details["field"]) == (1, "idempotency_key")


async def test_a_drained_worker_s_agent_moves_with_its_state(tmp_path: Path) -> None:
    with running(tmp_path, "--memory") as broker:
        async with connected(broker.address) as opener:
            first, second, caller = await worker_of(opener()), opener(), opener()
            await caller.hello()
            await caller.say(message(9, request=request("w/k")))
            epoch = (await activated(first)).activate.epoch
            call = await first.hear_kind("request")
            await second.hello()
            await second.register("w", mode=ONCE)
            await first.say(message(70, drain={"timeout_ms": 9000}))
            asked = await first.hear_kind("deactivate")
            await caller.say(message(10, request=request("w/k")))
            reply = {"envelope": b"1", "commit": commit(epoch, 0, b"moved")}
            await first.say(message(71, re=call.id, reply=reply), message(re=asked.id, done={}))
            assert (await caller.hear(lambda m: m.re == 9)).reply.envelope == b"1"
            assert (await first.hear(lambda m: m.re == 70)).WhichOneof("kind") == "done"
            assert (await activated(second)).activate.state.data == b"moved"
            call = await second.hear_kind("request")
            await second.say(message(re=call.id, reply={"envelope": b"2"}))
            assert (await caller.hear(lambda m: m.re == 10)).reply.envelope == b"2"
