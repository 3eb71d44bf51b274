"""The replies to calls with an idempotency key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parley_broker.core.ids import AgentId
from parley_broker.core.records import ReplyDropped, ReplyEntry, ReplyStored


class Replies:
    """The stored replies by target and key, in the order in which they expire."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[AgentId, str], ReplyStored] = {}

    @property
    def appliers(self) -> Mapping[type[object], Callable[[Any], None]]:
        """What each record does."""
        return {ReplyStored: self._store, ReplyDropped: self._drop}

    def all(self) -> tuple[ReplyEntry, ...]:
        """All of them."""
        return tuple(
            ReplyEntry(reply.target, reply.key, reply.payload_hash, reply.expires, len(reply.envelope))
            for reply in self._by_key.values()
        )

    def get(self, target: AgentId, key: str) -> ReplyStored | None:
        """One of them, if it is there."""
        return self._by_key.get((target, key))

    def _store(self, record: ReplyStored) -> None:
        self._by_key.pop((record.target, record.key), None)
        self._by_key[record.target, record.key] = record

    def _drop(self, record: ReplyDropped) -> None:
        self._by_key.pop((record.target, record.key), None)
