"""The replies to calls with an idempotency key."""

from __future__ import annotations

from parley_broker.core.messages import Trace
from parley_broker.core.records import ReplyDropped, ReplyEntry, ReplyStored
from parley_broker.store.base import Store

from .base import ANN, BEN


class ReplyContract:
    """Replies are kept by target and key until they are dropped."""

    def test_a_reply_comes_back_whole(self, store: Store) -> None:
        term = store.open().term
        whole = ReplyStored(ANN, "ключ", b"hash", 1.5, bytes(range(256)), Trace("00-ab-cd-01", "k=v"))
        bare = ReplyStored(ANN, "other", b"", 2.5, b"")
        store.commit([whole, bare], term)
        assert store.read_reply(ANN, "ключ") == whole
        assert store.read_reply(ANN, "other") == bare
        assert store.read_reply(BEN, "other") is None

    def test_the_summary_has_them_as_they_expire(self, store: Store) -> None:
        term = store.open().term
        store.commit([ReplyStored(ANN, "a", b"1", 5.0, b"12345"), ReplyStored(BEN, "a", b"2", 6.0, b"")], term)
        store.commit([ReplyStored(ANN, "b", b"3", 6.0, b"1")], term)
        assert store.load(term).summary.replies == (
            ReplyEntry(ANN, "a", b"1", 5.0, 5),
            ReplyEntry(BEN, "a", b"2", 6.0, 0),
            ReplyEntry(ANN, "b", b"3", 6.0, 1),
        )

    def test_a_dropped_reply_is_gone(self, store: Store) -> None:
        term = store.open().term
        store.commit([ReplyStored(ANN, "a", b"", 5.0, b""), ReplyStored(ANN, "b", b"", 6.0, b"")], term)
        store.commit([ReplyDropped(ANN, "a"), ReplyDropped(BEN, "b")], term)
        assert store.read_reply(ANN, "a") is None
        assert [entry.key for entry in store.load(term).summary.replies] == ["b"]

    def test_a_later_reply_takes_the_key(self, store: Store) -> None:
        term = store.open().term
        store.commit([ReplyStored(ANN, "a", b"", 5.0, b"old"), ReplyStored(BEN, "a", b"", 6.0, b"")], term)
        store.commit([ReplyStored(ANN, "a", b"", 7.0, b"new")], term)
        assert store.read_reply(ANN, "a") == ReplyStored(ANN, "a", b"", 7.0, b"new")
        assert [entry.target for entry in store.load(term).summary.replies] == [BEN, ANN]
