"""Events through a real broker, on the raw wire."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from broker.peer import Peer, connected, message, topic
from broker.process import running
from parley_broker.core.shard import pace
from parley_wire.v1 import broker_service_pb2 as wire

OpenPeer = Callable[[], Peer]


async def subscriber(open_peer: OpenPeer, agent_type: str, topic_type: str, **fields: object) -> Peer:
    """A worker that hosts the type and subscribed it to the topic type."""
    peer = open_peer()
    await peer.hello()
    await peer.register(agent_type)
    await subscribe(peer, agent_type, topic_type, **fields)
    return peer


async def subscribe(peer: Peer, agent_type: str, topic_type: str, match: int = 1, **fields: object) -> None:
    """Adds a subscription."""
    subscription = {"topic_type": topic_type, "match": match, "agent_type": agent_type} | fields
    answer = await peer.command(subscribe={"subscription": subscription})
    assert answer.WhichOneof("kind") == "done", answer


async def publish(peer: Peer, to: str, envelope: bytes = b"event", **fields: object) -> int:
    """Publishes and returns how many recipients there are."""
    answer = await peer.command(publish={"topic": topic(to), "envelope": envelope} | fields)
    assert answer.WhichOneof("kind") == "published", answer
    return answer.published.recipients


def settle(kind: str, delivery: wire.Message, **fields: object) -> dict[str, object]:
    """The Ack or Nack of a delivery."""
    d = delivery.delivery
    return {kind: {"recipient": d.recipient, "epoch": d.epoch, "position": d.position, "round": d.round} | fields}


async def ack(peer: Peer, delivery: wire.Message) -> None:
    """Acknowledges, and waits for the answer."""
    answer = await peer.command(**settle("ack", delivery))
    assert answer.WhichOneof("kind") == "done", answer


async def test_every_subscriber_gets_an_event_once(open_peer: OpenPeer) -> None:
    first = await subscriber(open_peer, "one", "orders")
    await subscribe(first, "one", "ord", match=2)
    second = await subscriber(open_peer, "two", "orders")
    publisher = open_peer()
    await publisher.hello()
    assert await publish(publisher, "orders/k", b"\x00x", event_id="e1") == 2
    for peer, name in ((first, "one"), (second, "two")):
        delivery = await peer.hear_kind("delivery")
        d = delivery.delivery
        assert (d.recipient.type, d.recipient.key) == (name, "k")
        assert (d.topic.type, d.topic.source, d.envelope, d.event_id) == ("orders", "k", b"\x00x", "e1")
        assert (d.attempt, d.round) == (1, 1)
        assert d.position > 0
        assert d.epoch > 1 << 32
        await ack(peer, delivery)
    assert await publish(publisher, "others/k") == 0
    assert not any(m.HasField("delivery") for m in first.inbox + second.inbox)


async def test_events_of_one_recipient_come_in_order_and_no_more_ahead_than_were_quick(open_peer: OpenPeer) -> None:
    worker = await subscriber(open_peer, "ordered", "numbers")
    publisher = open_peer()
    await publisher.hello()
    count = 300
    await publisher.say(
        *(message(n, publish={"topic": topic("numbers/k"), "envelope": b"%d" % n}) for n in range(1, count + 1))
    )
    last = 0
    for n in range(1, count + 1):
        delivery = await worker.hear_kind("delivery")
        assert delivery.delivery.envelope == b"%d" % n
        assert delivery.delivery.position > last
        last = delivery.delivery.position
        in_flight = 1 + sum(m.HasField("delivery") for m in worker.inbox)
        assert in_flight <= min(n, 1 + pace.MAX_AHEAD)
        await worker.say(message(10_000 + n, **settle("ack", delivery)))


async def test_a_nacked_event_comes_again_until_it_is_a_dead_letter(open_peer: OpenPeer) -> None:
    worker = await subscriber(open_peer, "nacker", "maybe")
    publisher = open_peer()
    await publisher.hello()
    await publish(publisher, "maybe/k", b"bad")
    await publish(publisher, "maybe/k", b"good")
    bad = await worker.hear_kind("delivery")
    answer = await worker.command(**settle("nack", bad, error={"reason": 15, "message": "no"}))
    assert answer.HasField("done")
    again = await worker.hear_kind("delivery")
    assert (again.delivery.envelope, again.delivery.attempt) == (b"bad", 2)
    answer = await worker.command(**settle("nack", again, error={"reason": 12, "message": "not readable"}))
    assert answer.HasField("done")
    good = await worker.hear_kind("delivery")
    assert good.delivery.envelope == b"good"
    await ack(worker, good)
    again = await worker.command(**settle("ack", good))
    assert again.error.reason == 6, "NOT_FOUND"


async def test_an_ephemeral_event_is_handed_on_unsettled(open_peer: OpenPeer) -> None:
    worker = await subscriber(open_peer, "passing", "news")
    publisher = open_peer()
    await publisher.hello()
    assert await publish(publisher, "news/k", ephemeral=True) == 1
    assert (await worker.hear_kind("delivery")).delivery.position == 0


async def test_events_wait_on_disk_for_a_worker_and_a_broker(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    count = 150
    with running(tmp_path / "first", "--data", data) as broker:
        async with connected(broker.address) as open_peer:
            worker = await subscriber(open_peer, "late", "orders")
            await worker.close()
            publisher = open_peer()
            await publisher.hello()
            for n in range(count):
                assert await publish(publisher, "orders/k", b"%d" % n) == 1
            broker.process.kill()
    with running(tmp_path / "second", "--data", data) as broker:
        async with connected(broker.address) as open_peer:
            worker = open_peer()
            await worker.hello()
            await worker.register("late")
            for n in range(count):
                delivery = await worker.hear_kind("delivery")
                assert delivery.delivery.envelope == b"%d" % n
                await ack(worker, delivery)
            broker.process.kill()
    with running(tmp_path / "third", "--data", data) as broker:
        async with connected(broker.address) as open_peer:
            worker = open_peer()
            await worker.hello()
            await worker.register("late")
            assert await publish(worker, "orders/k", b"new") == 1
            assert (await worker.hear_kind("delivery")).delivery.envelope == b"new", "acknowledged ones never return"
