"""Events and what waits for whom."""

from __future__ import annotations

from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.messages import Trace
from parley_broker.core.records import (
    Backlog,
    BacklogDropped,
    DeliveryFailed,
    DeliverySettled,
    Event,
    EventStored,
    StateSaved,
    Waiting,
)
from parley_broker.store.base import Store

from .base import ANN, BEN, LOG, NO_LIMIT, event


class EventContract:
    """Events are kept whole and in order until each recipient is done with them."""

    def test_events_are_read_per_recipient_in_order(self, store: Store) -> None:
        term = store.open().term
        store.commit([EventStored(event(3), (ANN, BEN)), EventStored(event(5), (ANN,))], term)
        store.commit([EventStored(event(9), (LOG, ANN))], term)
        assert [w.event.position for w in store.read(ANN, 0, 10, NO_LIMIT)] == [3, 5, 9]
        assert [w.event.position for w in store.read(ANN, 3, 10, NO_LIMIT)] == [5, 9]
        assert [w.event.position for w in store.read(BEN, 0, 10, NO_LIMIT)] == [3]
        assert [w.event.position for w in store.read(LOG, 0, 10, NO_LIMIT)] == [9]

    def test_an_event_comes_back_whole(self, store: Store) -> None:
        term = store.open().term
        whole = Event(
            1, TopicId("orders:eu", "ключ"), bytes(range(256)), AgentId("a", "b/c"), "id-1", Trace("00-ab-cd-01", "k=v")
        )
        bare = Event(2, TopicId("orders", "x"), b"")
        store.commit([EventStored(whole, (ANN,)), EventStored(bare, (ANN,))], term)
        assert store.read(ANN, 0, 10, NO_LIMIT) == [Waiting(whole), Waiting(bare)]

    def test_a_page_is_bounded_in_count_and_bytes(self, store: Store) -> None:
        term = store.open().term
        store.commit([EventStored(event(n, b"x" * 100), (ANN,)) for n in range(1, 11)], term)
        assert [w.event.position for w in store.read(ANN, 2, 3, NO_LIMIT)] == [3, 4, 5]
        assert [w.event.position for w in store.read(ANN, 0, 10, 250)] == [1, 2, 3]
        assert [w.event.position for w in store.read(ANN, 0, 10, 1)] == [1], "one event is read however large it is"

    def test_a_settled_event_is_gone_for_that_recipient_alone(self, store: Store) -> None:
        term = store.open().term
        store.commit([EventStored(event(1), (ANN, BEN)), EventStored(event(2), (ANN,))], term)
        store.commit([DeliverySettled(ANN, 1)], term)
        assert [w.event.position for w in store.read(ANN, 0, 10, NO_LIMIT)] == [2]
        assert [w.event.position for w in store.read(BEN, 0, 10, NO_LIMIT)] == [1]

    def test_settling_what_is_not_there_changes_nothing(self, store: Store) -> None:
        term = store.open().term
        store.commit([DeliverySettled(ANN, 1), EventStored(event(1), (ANN,)), DeliverySettled(BEN, 1)], term)
        assert [w.event.position for w in store.read(ANN, 0, 10, NO_LIMIT)] == [1]

    def test_events_are_stored_and_settled_in_turns_in_one_commit(self, store: Store) -> None:
        term = store.open().term
        store.commit([EventStored(event(1), (ANN, BEN))], term)
        store.commit(
            [
                StateSaved(ANN, 1, "a", b"1"),
                EventStored(event(2), (BEN,)),
                DeliverySettled(ANN, 1),
                StateSaved(ANN, 2),
                DeliverySettled(BEN, 3),
                EventStored(event(3), (ANN, BEN)),
                DeliverySettled(BEN, 1),
                DeliverySettled(BEN, 2),
                BacklogDropped(LOG.type),
                EventStored(event(4), (LOG,)),
                StateSaved(ANN, 3, "c", b"3"),
                DeliverySettled(ANN, 3),
            ],
            term,
        )
        assert store.read(ANN, 0, 10, NO_LIMIT) == []
        assert [w.event.position for w in store.read(BEN, 0, 10, NO_LIMIT)] == [3]
        assert [w.event.position for w in store.read(LOG, 0, 10, NO_LIMIT)] == [4]
        assert store.read_state(ANN) == StateSaved(ANN, 3, "c", b"3")

    def test_the_summary_counts_what_waits(self, store: Store) -> None:
        term = store.open().term
        store.commit(
            [
                EventStored(event(1, b"12345"), (ANN, BEN)),
                EventStored(event(2, b"123"), (ANN,)),
                DeliverySettled(BEN, 1),
            ],
            term,
        )
        assert store.load(term).summary.backlogs == (Backlog(ANN, 2, 8),)

    def test_the_last_position_outlives_its_event(self, store: Store) -> None:
        term = store.open().term
        store.commit([EventStored(event(7), (ANN,)), DeliverySettled(ANN, 7)], term)
        summary = store.load(term).summary
        assert summary.last_position == 7
        assert summary.backlogs == ()

    def test_a_dropped_backlog_is_gone_for_that_type_alone(self, store: Store) -> None:
        term = store.open().term
        store.commit([EventStored(event(1), (ANN, LOG)), EventStored(event(2), (BEN,)), BacklogDropped("worker")], term)
        assert store.read(ANN, 0, 10, NO_LIMIT) == []
        assert store.read(BEN, 0, 10, NO_LIMIT) == []
        assert [w.event.position for w in store.read(LOG, 0, 10, NO_LIMIT)] == [1]
        assert [b.recipient for b in store.load(term).summary.backlogs] == [LOG]

    def test_failures_are_counted_per_recipient(self, store: Store) -> None:
        term = store.open().term
        store.commit([EventStored(event(1), (ANN, BEN)), DeliveryFailed(ANN, 1, 2, 1)], term)
        store.commit([DeliveryFailed(ANN, 1, 3, 1), DeliveryFailed(LOG, 1, 9, 9)], term)
        assert store.read(ANN, 0, 10, NO_LIMIT) == [Waiting(event(1), failures=3, losses=1)]
        assert store.read(BEN, 0, 10, NO_LIMIT) == [Waiting(event(1))]
        assert store.read(LOG, 0, 10, NO_LIMIT) == []
