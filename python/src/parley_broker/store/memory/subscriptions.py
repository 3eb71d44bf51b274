"""The durable subscriptions, and the types that nobody hosts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parley_broker.core.messages import Subscription, SubscriptionKey
from parley_broker.core.records import SubscriptionAdded, SubscriptionRemoved, TypeHosted, TypeUnhosted


class Subscriptions:
    """The durable subscriptions by their triples."""

    def __init__(self) -> None:
        self._by_key: dict[SubscriptionKey, Subscription] = {}
        self._unhosted: dict[str, float] = {}

    @property
    def appliers(self) -> Mapping[type[object], Callable[[Any], None]]:
        """What each record does."""
        return {
            SubscriptionAdded: self._add,
            SubscriptionRemoved: self._remove,
            TypeUnhosted: self._unhost,
            TypeHosted: self._host,
        }

    def all(self) -> tuple[Subscription, ...]:
        """All of them."""
        return tuple(self._by_key.values())

    def unhosted(self) -> tuple[tuple[str, float], ...]:
        """The agent types that nobody hosts, and since when."""
        return tuple(self._unhosted.items())

    def _add(self, record: SubscriptionAdded) -> None:
        self._by_key[record.subscription.key] = record.subscription

    def _remove(self, record: SubscriptionRemoved) -> None:
        self._by_key.pop(record.key, None)

    def _unhost(self, record: TypeUnhosted) -> None:
        self._unhosted[record.agent_type] = record.since

    def _host(self, record: TypeHosted) -> None:
        self._unhosted.pop(record.agent_type, None)
