"""The durable subscriptions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parley_broker.core.messages import Subscription, SubscriptionKey
from parley_broker.core.records import SubscriptionAdded, SubscriptionRemoved


class Subscriptions:
    """The durable subscriptions by their triples."""

    def __init__(self) -> None:
        self._by_key: dict[SubscriptionKey, Subscription] = {}

    @property
    def appliers(self) -> Mapping[type[object], Callable[[Any], None]]:
        """What each record does."""
        return {SubscriptionAdded: self._add, SubscriptionRemoved: self._remove}

    def all(self) -> tuple[Subscription, ...]:
        """All of them."""
        return tuple(self._by_key.values())

    def _add(self, record: SubscriptionAdded) -> None:
        self._by_key[record.subscription.key] = record.subscription

    def _remove(self, record: SubscriptionRemoved) -> None:
        self._by_key.pop(record.key, None)
