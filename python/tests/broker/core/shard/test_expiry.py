"""Durable subscriptions without a host, and what waits by them."""

from __future__ import annotations

import pytest

from broker.core.harness import WALL_OFFSET, Client, Core
from parley_broker.core.messages import (
    DeadLetterFilter,
    Delivery,
    Published,
    Subscribe,
    Subscription,
    SubscriptionKey,
    TopicMatch,
    Unsubscribe,
)
from parley_broker.core.policy import Policy
from parley_broker.core.shard.catalogue import Catalogue
from parley_broker.errors import Reason

POLICY = Policy(subscription_expiry=100, window_events=2, host_grace=1, session_grace=0.1)


def subscription(topic: str = "t", expiry_ms: int = 0) -> Subscription:
    return Subscription(SubscriptionKey(topic, TopicMatch.EXACT, "w"), True, expiry_ms)


def start(store: object = None, wall: float = WALL_OFFSET) -> Core:
    return Core(POLICY, store=store, now=10.0, wall=wall)  # type: ignore[arg-type]


def wall_of(core: Core) -> float:
    """By a core that `start` made at WALL_OFFSET."""
    return WALL_OFFSET + core.now - 10.0


def alone(core: Core) -> Client:
    """A client that hosts nothing."""
    return core.client()


class TestExpiry:
    def test_it_ends_and_its_backlog_goes_to_dead_letters(self) -> None:
        core = start()
        publisher = alone(core)
        publisher.ask(Subscribe(subscription()))
        for n in range(7):
            publisher.publish(f"t/{n % 2}", b"%d" % n)
        core.advance(99)
        assert (core.tables["subscriptions"], core.tables["events"]) == (1, 7)
        core.advance(5)
        assert (core.tables["subscriptions"], core.tables["events"], core.tables["recipients"]) == (0, 0, 0)
        found, _ = core.machine.dead_letters(DeadLetterFilter(), 0, 99, 1 << 30)
        letters = core.store.read_dead_letters(list(found))
        assert sorted(letter.event.envelope for letter in letters) == [b"%d" % n for n in range(7)]
        assert {(letter.error.reason, letter.attempts) for letter in letters} == {(Reason.NO_RESPONDERS, 0)}
        summary = core.store.load(core.opened.term).summary
        assert (summary.subscriptions, summary.unhosted, summary.backlogs) == ((), (), ())
        assert alone(core).publish("t/k") == Published(0)

    def test_a_host_keeps_it_and_the_time_counts_from_when_the_last_one_leaves(self) -> None:
        core = start()
        worker = core.client()
        worker.host("w")
        worker.ask(Subscribe(subscription()))
        for _ in range(30):
            worker.frame()
            core.advance(10)
        assert core.tables["subscriptions"] == 1
        core.disconnect(worker)
        core.advance(95)
        assert core.tables["subscriptions"] == 1
        core.advance(10)
        assert core.tables["subscriptions"] == 0

    def test_a_restart_does_not_begin_it_anew(self) -> None:
        core = start()
        alone(core).ask(Subscribe(subscription()))
        core.advance(60)
        core = start(core.store, wall_of(core))
        assert core.tables["subscriptions"] == 1
        core.advance(39)
        assert core.tables["subscriptions"] == 1
        core.advance(2)
        assert core.tables["subscriptions"] == 0

    def test_what_was_hosted_when_the_broker_died_counts_from_its_start(self) -> None:
        core = start()
        worker = core.client()
        worker.ask(Subscribe(subscription()))
        core.advance(50)
        worker.host("w")
        core = start(core.store, wall_of(core) + 1000)
        alone(core)
        core.advance(60)
        again = Core(POLICY, store=core.store, now=5.0, wall=WALL_OFFSET + 50 + 1000 + 60)
        again.advance(35)
        assert again.tables["subscriptions"] == 1
        again.advance(5)
        assert again.tables["subscriptions"] == 0, "the first start wrote it down"

    def test_each_subscription_has_its_own_expiry(self) -> None:
        core = start()
        publisher = alone(core)
        publisher.ask(Subscribe(subscription("t", expiry_ms=20_000)))
        publisher.ask(Subscribe(subscription("u", expiry_ms=50_000)))
        publisher.publish("t/k")
        core.advance(30)
        assert (core.tables["subscriptions"], core.tables["events"]) == (1, 1)
        core.advance(30)
        assert (core.tables["subscriptions"], core.tables["events"], core.tables["dead_letters"]) == (0, 0, 1)

    def test_the_shortest_one_may_be_gone_before_it_is_due(self) -> None:
        core = start()
        client = alone(core)
        client.ask(Subscribe(subscription("t", expiry_ms=20_000)))
        client.ask(Subscribe(subscription("u", expiry_ms=50_000)))
        client.ask(Unsubscribe(subscription("t").key))
        core.advance(45)
        assert core.tables["subscriptions"] == 1
        core.advance(10)
        assert core.tables["subscriptions"] == 0

    def test_many_for_one_type_cost_each_as_much_as_few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        looked = []
        of_type = Catalogue.of_type
        monkeypatch.setattr(Catalogue, "of_type", lambda *args: looked.append(args) or of_type(*args))
        client = alone(start())
        for number in range(20):
            client.ask(Subscribe(subscription(f"t{number}", expiry_ms=20_000 + number)))
            client.ask(Subscribe(Subscription(SubscriptionKey(f"u{number}", TopicMatch.EXACT, "w"), durable=False)))
        for number in range(20):
            client.ask(Unsubscribe(SubscriptionKey(f"u{number}", TopicMatch.EXACT, "w")))
        assert not looked, "nobody goes through all of them"

    def test_a_backlog_whose_subscription_was_removed_waits_as_long(self) -> None:
        core = start()
        publisher = alone(core)
        publisher.ask(Subscribe(subscription()))
        publisher.publish("t/k", b"kept")
        publisher.ask(Unsubscribe(subscription().key))
        core.advance(90)
        assert core.tables["events"] == 1
        worker = core.client()
        worker.host("w")
        assert [d.envelope for _, d in worker.take(Delivery)] == [b"kept"]
        core.disconnect(worker)
        core.advance(105)
        assert (core.tables["events"], core.tables["dead_letters"]) == (0, 1)

    def test_a_host_that_comes_while_it_is_given_up_gets_the_rest(self) -> None:
        core = start()
        publisher = alone(core)
        publisher.ask(Subscribe(subscription()))
        for n in range(6):
            publisher.publish("t/k", b"%d" % n)
        core.hold = True
        core.advance(101)
        worker = core.client()
        worker.host("w")
        core.hold = False
        core.settle()
        got = []
        while flying := worker.take(Delivery):
            for _, d in flying:
                got.append(d.envelope)
                worker.ack(d)
        assert len(got) + core.tables["dead_letters"] == 6
        assert got == sorted(got)
        assert core.tables["events"] == 0

    def test_a_start_half_way_through_goes_on(self) -> None:
        core = start()
        publisher = alone(core)
        publisher.ask(Subscribe(subscription()))
        for n in range(6):
            publisher.publish("t/k", b"%d" % n)
        core.hold = True
        core.advance(101)
        core.commit_once()
        core = start(core.store, wall_of(core))
        core.advance(5)
        assert (core.tables["events"], core.tables["dead_letters"]) == (0, 6)

    def test_a_replay_for_a_type_that_is_gone_waits_as_long(self) -> None:
        core = start()
        publisher = alone(core)
        publisher.ask(Subscribe(subscription()))
        publisher.publish("t/k")
        core.advance(105)
        core.machine.replay_dead_letters(1, DeadLetterFilter(), core.now)
        core.settle()
        assert core.tables["events"] == 1
        core.advance(105)
        assert (core.tables["events"], core.tables["dead_letters"]) == (0, 1)

    def test_a_failed_commit_forgets_nothing(self) -> None:
        core = start()
        alone(core).ask(Subscribe(subscription()))
        core.advance(60)
        core.hold = True
        core.fail_commit()
        core.hold = False
        assert not core.machine.effects.records, "nothing is written that might fail again"
        core.advance(39)
        assert core.tables["subscriptions"] == 1
        core.advance(2)
        assert core.tables["subscriptions"] == 0

    def test_a_shard_that_begins_anew_writes_nothing_for_what_was_hosted_all_the_time(self) -> None:
        core = start()
        worker = core.client()
        worker.host("w")
        worker.ask(Subscribe(subscription()))
        core.hold = True
        core.fail_commit()
        assert not core.machine.effects.records, "nothing is written that might fail again"

    def test_a_host_that_comes_after_a_failed_commit_is_written_if_its_absence_was(self) -> None:
        core = start()
        alone(core).ask(Subscribe(subscription()))
        core.fail_commit()
        assert core.store.load(core.opened.term).summary.unhosted
        core.client().host("w")
        assert core.store.load(core.opened.term).summary.unhosted == ()
