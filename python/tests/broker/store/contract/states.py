"""What agents have saved."""

from __future__ import annotations

from parley_broker.core.ids import AgentId
from parley_broker.core.records import StateSaved
from parley_broker.store.base import Store

from .base import ANN, BEN


class StateContract:
    """The last state of each agent is kept, with its version."""

    def test_an_agent_that_never_saved_has_none(self, store: Store) -> None:
        store.open()
        assert store.read_state(ANN) is None

    def test_a_state_comes_back_whole(self, store: Store) -> None:
        term = store.open().term
        saved = StateSaved(AgentId("worker", "ключ/1"), 1, "application/json", bytes(range(256)))
        empty = StateSaved(BEN, 1, "", b"")
        store.commit([saved, empty], term)
        assert store.read_state(saved.agent) == saved
        assert store.read_state(BEN) == empty
        assert store.read_state(ANN) is None

    def test_the_last_one_counts(self, store: Store) -> None:
        term = store.open().term
        store.commit([StateSaved(ANN, 1, "a", b"1"), StateSaved(ANN, 2, "b", b"2")], term)
        store.commit([StateSaved(ANN, 3, "c", b"3")], term)
        assert store.read_state(ANN) == StateSaved(ANN, 3, "c", b"3")

    def test_the_epoch_of_the_last_commit_is_known_without_the_state(self, store: Store) -> None:
        term = store.open().term
        assert store.read_epochs([ANN, BEN]) == (0, 0)
        store.commit([StateSaved(BEN, 1, "b", b"2", epoch=7)], term)
        assert store.read_epochs([ANN, BEN]) == (0, 7)
        store.commit([StateSaved(BEN, 2, epoch=(5 << 32) + 1), StateSaved(ANN, 1, epoch=9)], term)
        assert store.read_epochs([BEN, ANN, BEN]) == ((5 << 32) + 1, 9, (5 << 32) + 1)
        assert store.read_state(BEN) == StateSaved(BEN, 2, "b", b"2", (5 << 32) + 1)
        assert store.read_epochs([]) == ()

    def test_a_version_without_a_state_leaves_the_state(self, store: Store) -> None:
        term = store.open().term
        store.commit([StateSaved(ANN, 1, "a", b"1"), StateSaved(ANN, 2), StateSaved(BEN, 1)], term)
        assert store.read_state(ANN) == StateSaved(ANN, 2, "a", b"1")
        assert store.read_state(BEN) == StateSaved(BEN, 1)
        store.commit([StateSaved(BEN, 2, "b", b"2")], term)
        assert store.read_state(BEN) == StateSaved(BEN, 2, "b", b"2")
