"""Subscriptions that begin and end."""

from __future__ import annotations

from broker.core.harness import Core, done, failed
from parley_broker.core.messages import (
    Published,
    SubscriptionKey,
    Unsubscribe,
)
from parley_broker.errors import Reason


def test_one_that_is_not_durable_ends_with_the_last_host(core: Core) -> None:
    first, second, publisher = core.client(), core.client(), core.client()
    first.host("w")
    second.host("w")
    first.subscribe("t", "w", durable=False)
    core.disconnect(first)
    assert publisher.publish("t/k") == Published(1)
    core.disconnect(second)
    assert publisher.publish("t/k") == Published(0)
    assert core.tables["events"] == core.tables["recipients"] == core.tables["subscriptions"] == 0
    assert core.store.load(core.opened.term).summary.backlogs == ()


def test_a_durable_one_stays(core: Core) -> None:
    worker, publisher = core.client(), core.client()
    worker.host("w")
    worker.subscribe("t", "w")
    core.disconnect(worker)
    assert publisher.publish("t/k") == Published(1)
    assert Core(store=core.store).tables["subscriptions"] == 1


def test_one_of_a_type_that_nobody_ever_hosted_ends_with_its_session(core: Core) -> None:
    client = core.client()
    client.subscribe("t", "w", durable=False)
    core.disconnect(client)
    assert core.tables["subscriptions"] == 0


def test_a_refused_one_leaves_nothing_behind(core: Core) -> None:
    client = core.client()
    failed(client.subscribe("t t", "w", durable=False), Reason.INVALID_ARGUMENT)
    failed(client.subscribe("t", "w" * 256, durable=False), Reason.INVALID_ARGUMENT)
    assert core.tables["subscribers"] == 0


def test_who_subscribed_is_forgotten_with_the_last_of_the_type(core: Core) -> None:
    client, other = core.client(), core.client()
    for topic in ("t", "u"):
        client.subscribe(topic, "w", durable=False)
    other.subscribe("t", "w", durable=False)
    assert core.tables["subscribers"] == 2
    assert done(other.ask(Unsubscribe(SubscriptionKey("t", 1, "w"))))
    assert core.tables["subscribers"] == 2, "one is left that ends with the sessions"
    client.subscribe("u", "w", durable=True)
    assert core.tables["subscribers"] == 0


def test_changing_durability_is_stored(core: Core) -> None:
    client = core.client()
    client.subscribe("t", "w", durable=True)
    client.subscribe("t", "w", durable=False)
    assert core.store.load(core.opened.term).summary.subscriptions == ()
    client.subscribe("t", "w", durable=True)
    assert len(core.store.load(core.opened.term).summary.subscriptions) == 1
