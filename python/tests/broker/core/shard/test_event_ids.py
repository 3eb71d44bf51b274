"""Event ids against duplicates: scope, window, restart."""

from __future__ import annotations

from dataclasses import replace

from broker.core.harness import HELLO, WALL_OFFSET, Client, Core, agent, failed
from parley_broker.core.messages import Delivery, Published
from parley_broker.core.policy import Policy
from parley_broker.errors import Reason

DUPLICATE = Published(1, duplicate=True)


def publisher_of(core: Core, producer: str = "p") -> Client:
    publisher = core.client(hello=replace(HELLO, producer_id=producer))
    publisher.subscribe("t", "w")
    return publisher


def test_the_scope_is_the_sender_or_the_producer_and_the_topic(core: Core) -> None:
    publisher, other = publisher_of(core), publisher_of(core, "q")
    for client in (publisher, other):
        client.host("s", mode=2)
    assert publisher.publish("t/k", event_id="e") == Published(1)
    assert publisher.publish("t/k", event_id="e") == DUPLICATE
    assert publisher.publish("t/k2", event_id="e") == Published(1)
    assert publisher.publish("t/k", event_id="f") == Published(1)
    assert other.publish("t/k", event_id="e") == Published(1)
    assert publisher.publish("t/k", event_id="e", sender=agent("s/1")) == Published(1)
    assert other.publish("t/k", event_id="e", sender=agent("s/1")) == DUPLICATE, "whichever process it is in"


def test_the_window_is_two_minutes_and_outlives_a_restart(core: Core) -> None:
    publisher_of(core).publish("t/k", event_id="e")
    core.advance(60)
    core = Core(store=core.store, now=7.0, wall=core.now + WALL_OFFSET)
    assert publisher_of(core).publish("t/k", event_id="e") == DUPLICATE
    core.advance(59.9)
    assert publisher_of(core).publish("t/k", event_id="e") == DUPLICATE, "a duplicate does not make it longer"
    core.advance(0.2)
    assert publisher_of(core).publish("t/k", event_id="e") == Published(1)
    core = Core(store=core.store, wall=core.now + WALL_OFFSET)
    assert publisher_of(core).publish("t/k", event_id="e") == DUPLICATE


def test_what_is_out_of_the_window_goes(core: Core) -> None:
    publisher = publisher_of(core)
    for n in range(5):
        publisher.publish("t/k", event_id=f"e{n}")
        publisher.frame()
        core.advance(10)
    core.advance(200)
    assert core.tables["event_ids"] == 0
    assert core.store.load(core.opened.term).summary.event_ids == ()


def test_the_oldest_go_when_there_are_too_many() -> None:
    core = Core(Policy(max_event_ids=2))
    publisher = publisher_of(core)
    for name in ("a", "b", "c"):
        publisher.publish("t/k", event_id=name)
    assert [record.event_id for record in core.store.load(core.opened.term).summary.event_ids] == ["b", "c"]
    assert publisher.publish("t/k", event_id="a") == Published(1)
    assert publisher.publish("t/k", event_id="c") == DUPLICATE


def test_a_duplicate_waits_for_the_first(core: Core) -> None:
    publisher = publisher_of(core)
    core.hold = True
    first = publisher.command_publish("t/k", event_id="e")
    second = publisher.command_publish("t/k", event_id="e")
    assert publisher.answer(second) is None
    core.commit()
    assert (publisher.answer(first), publisher.answer(second)) == (Published(1), DUPLICATE)


def test_a_duplicate_uses_its_number_up(core: Core) -> None:
    publisher = publisher_of(core)
    publisher.publish("t/k", event_id="e", producer_seq=1)
    assert publisher.publish("t/k", event_id="e", producer_seq=2) == DUPLICATE
    assert publisher.publish("t/k", event_id="f", producer_seq=2) == DUPLICATE


def test_a_refused_event_has_no_id() -> None:
    core = Core(Policy(max_queue_events=1))
    publisher = publisher_of(core)
    publisher.host("w")
    publisher.publish("t/k")
    failed(publisher.publish("t/k", event_id="e"), Reason.RESOURCE_EXHAUSTED)
    publisher.ack(publisher.take(Delivery)[0][1])
    assert publisher.publish("t/k", event_id="e") == Published(1)


def test_an_ephemeral_event_has_one_too(core: Core) -> None:
    publisher = publisher_of(core)
    publisher.host("w")
    assert publisher.publish("t/k", event_id="e", ephemeral=True) == Published(1)
    assert publisher.publish("t/k", event_id="e", ephemeral=True) == DUPLICATE
    assert len(publisher.take(Delivery)) == 1
