"""What was seen of producers, and event ids."""

from __future__ import annotations

from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.records import EventIdSeen, EventIdsForgotten, ProducerSeen, ProducersForgotten
from parley_broker.store.base import Store

LARGE = 2**64 - 1


class ProducerContract:
    """What is known of producers and event ids is kept until it is forgotten."""

    def test_what_was_seen_of_a_producer_last_is_kept(self, store: Store) -> None:
        term = store.open().term
        store.commit([ProducerSeen("p", ((1, 3),), 10.5), ProducerSeen("q", ((LARGE, LARGE),), 9.0)], term)
        store.commit([ProducerSeen("p", ((1, 4), (6, 9)), 11.0)], term)
        assert store.load(term).summary.producers == (
            ProducerSeen("q", ((LARGE, LARGE),), 9.0),
            ProducerSeen("p", ((1, 4), (6, 9)), 11.0),
        )
        store.commit([ProducersForgotten(("p", "nobody"))], term)
        assert [record.producer for record in store.load(term).summary.producers] == ["q"]

    def test_event_ids_are_kept_in_order(self, store: Store) -> None:
        term = store.open().term
        topic = TopicId("orders", "ключ")
        seen = [
            EventIdSeen(n, AgentId("", "p") if n % 2 else AgentId("a", "k"), topic, f"e{n}", n + 0.5)
            for n in range(1, 6)
        ]
        store.commit(list(seen), term)
        assert store.load(term).summary.event_ids == tuple(seen)
        store.commit([EventIdsForgotten(3)], term)
        assert store.load(term).summary.event_ids == tuple(seen[3:])
