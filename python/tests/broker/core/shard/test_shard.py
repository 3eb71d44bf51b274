"""Subscriptions that end, and work that is stranded."""

from __future__ import annotations

from broker.core.harness import Core, done, failed, request
from parley_broker.core.ids import TopicId
from parley_broker.core.messages import (
    AgentMode,
    Delivery,
    Publish,
    Published,
    Request,
    SubscriptionKey,
    UnregisterAgentType,
    Unsubscribe,
)
from parley_broker.errors import Reason


class TestSubscriptions:
    def test_one_that_is_not_durable_ends_with_the_last_host(self, core: Core) -> None:
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

    def test_a_durable_one_stays(self, core: Core) -> None:
        worker, publisher = core.client(), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        core.disconnect(worker)
        assert publisher.publish("t/k") == Published(1)
        assert Core(store=core.store).tables["subscriptions"] == 1

    def test_one_of_a_type_that_nobody_ever_hosted_ends_with_its_session(self, core: Core) -> None:
        client = core.client()
        client.subscribe("t", "w", durable=False)
        core.disconnect(client)
        assert core.tables["subscriptions"] == 0

    def test_a_refused_one_leaves_nothing_behind(self, core: Core) -> None:
        client = core.client()
        failed(client.subscribe("t t", "w", durable=False), Reason.INVALID_ARGUMENT)
        failed(client.subscribe("t", "w" * 256, durable=False), Reason.INVALID_ARGUMENT)
        assert core.tables["subscribers"] == 0

    def test_who_subscribed_is_forgotten_with_the_last_of_the_type(self, core: Core) -> None:
        client, other = core.client(), core.client()
        for topic in ("t", "u"):
            client.subscribe(topic, "w", durable=False)
        other.subscribe("t", "w", durable=False)
        assert core.tables["subscribers"] == 2
        assert done(other.ask(Unsubscribe(SubscriptionKey("t", 1, "w"))))
        assert core.tables["subscribers"] == 2, "one is left that ends with the sessions"
        client.subscribe("u", "w", durable=True)
        assert core.tables["subscribers"] == 0

    def test_changing_durability_is_stored(self, core: Core) -> None:
        client = core.client()
        client.subscribe("t", "w", durable=True)
        client.subscribe("t", "w", durable=False)
        assert core.store.load(core.opened.term).summary.subscriptions == ()
        client.subscribe("t", "w", durable=True)
        assert len(core.store.load(core.opened.term).summary.subscriptions) == 1


class TestBacklogs:
    def test_what_waits_for_credit_goes_elsewhere_when_the_type_is_unregistered(self, core: Core) -> None:
        worker, other, caller = core.client(credit=1), core.client(), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        caller.command(request("w/k", b"a"))
        waiting = caller.command(request("w/k", b"b"))
        caller.publish("t/e")
        other.host("w")
        assert done(worker.ask(UnregisterAgentType("w")))
        assert [b.envelope for _, b in other.take(Request)] == [b"b"]
        assert len(other.take(Delivery)) == 1
        assert caller.answer(waiting) is None

    def test_a_session_s_call_to_itself_ends_with_it(self, core: Core) -> None:
        worker = core.client()
        worker.host("w")
        worker.command(request("w/k"))
        core.disconnect(worker)
        assert core.tables["calls"] == core.tables["connections"] == 0

    def test_a_delivery_held_for_its_commit_is_not_sent_to_who_left(self, core: Core) -> None:
        worker = core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        core.hold = True
        worker.command(Publish(TopicId("t", "k"), b"x"))
        worker.command(UnregisterAgentType("w"))
        core.hold = False
        core.settle()
        assert worker.take(Delivery) == []
        assert core.tables["deliveries"] == 0

    def test_a_stateless_recipient_s_delivery_is_left_with_its_session(self, core: Core) -> None:
        worker = core.client()
        worker.host("w", AgentMode.STATELESS)
        worker.subscribe("t", "w")
        worker.publish("t/k")
        core.disconnect(worker)
        assert core.tables["deliveries"] == 0
        assert core.tables["events"] == 1
