"""The durable subscriptions."""

from __future__ import annotations

from parley_broker.core.messages import Subscription, SubscriptionKey, TopicMatch
from parley_broker.core.records import SubscriptionAdded, SubscriptionRemoved, TypeHosted, TypeUnhosted
from parley_broker.store.base import Store


class SubscriptionContract:
    """Subscriptions are kept by their triples."""

    def test_subscriptions_are_kept_by_their_triple(self, store: Store) -> None:
        term = store.open().term
        exact = SubscriptionKey("orders", TopicMatch.EXACT, "worker")
        prefix = SubscriptionKey("orders", TopicMatch.PREFIX, "worker")
        store.commit([SubscriptionAdded(Subscription(exact, True, 5)), SubscriptionAdded(Subscription(prefix))], term)
        store.commit([SubscriptionAdded(Subscription(exact, True, 9))], term)
        found = {s.key: s for s in store.load(term).summary.subscriptions}
        assert found == {exact: Subscription(exact, True, 9), prefix: Subscription(prefix)}
        store.commit([SubscriptionRemoved(exact), SubscriptionRemoved(exact)], term)
        assert [s.key for s in store.load(term).summary.subscriptions] == [prefix]

    def test_types_without_a_host_are_kept_with_their_moment(self, store: Store) -> None:
        term = store.open().term
        store.commit([TypeUnhosted("a", 1_700_000_000.25), TypeUnhosted("b", 2.0)], term)
        store.commit([TypeUnhosted("b", 3.5), TypeHosted("nobody")], term)
        assert dict(store.load(term).summary.unhosted) == {"a": 1_700_000_000.25, "b": 3.5}
        store.commit([TypeHosted("a")], term)
        assert store.load(term).summary.unhosted == (("b", 3.5),)
