"""What every store must do before it keeps anything, and what its tests use."""

from __future__ import annotations

import pytest

from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.records import Event, EventStored
from parley_broker.errors import StaleTermError
from parley_broker.store.base import Store

ANN = AgentId("worker", "ann")
BEN = AgentId("worker", "ben")
LOG = AgentId("logger", "ann")
NO_LIMIT = 1 << 40


def event(position: int, envelope: bytes = b"event") -> Event:
    """An event with nothing but the necessary."""
    return Event(position, TopicId("orders", "ann"), envelope)


class OpeningContract:
    """Opening, terms, commits."""

    def test_a_new_store_is_empty(self, store: Store) -> None:
        opened = store.open()
        assert opened.term > 0
        assert opened.summary.subscriptions == ()
        assert opened.summary.backlogs == ()
        assert opened.summary.last_position == 0
        assert store.read(ANN, 0, 10, NO_LIMIT) == []

    def test_only_the_first_opening_is_fresh(self, store: Store) -> None:
        first = store.open()
        assert first.fresh
        assert not store.load(first.term).fresh
        store.close()
        assert not store.open().fresh

    def test_each_opening_begins_a_higher_term(self, store: Store) -> None:
        first = store.open().term
        store.close()
        assert store.open().term > first

    def test_a_commit_of_an_older_term_is_refused_and_stores_nothing(self, store: Store) -> None:
        old = store.open().term
        store.close()
        new = store.open().term
        with pytest.raises(StaleTermError):
            store.commit([EventStored(event(1), (ANN,))], old)
        assert store.load(new).summary.backlogs == ()

    def test_it_has_a_name(self, store: Store) -> None:
        assert store.name
