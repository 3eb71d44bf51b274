"""Which agent types want which events."""

from __future__ import annotations

from collections.abc import Iterable

from parley_broker.core.ids import check_agent_type, check_topic_type
from parley_broker.core.messages import Subscription, SubscriptionKey, TopicMatch
from parley_broker.errors import CommandError, Reason

MAX_EXPIRY_MS = 100 * 365 * 24 * 3600 * 1000
"""The longest expiry of a subscription: a hundred years."""


class Catalogue:
    """The subscriptions, each known by its triple (SUB-2)."""

    def __init__(self, limit: int, subscriptions: Iterable[Subscription] = ()) -> None:
        self._limit = limit
        self._all: dict[SubscriptionKey, Subscription] = {}
        self._exact: dict[str, dict[str, None]] = {}
        self._prefixes: dict[int, dict[str, dict[str, None]]] = {}
        self._of_type: dict[str, dict[SubscriptionKey, None]] = {}
        for subscription in subscriptions:
            self._insert(subscription)

    def __len__(self) -> int:
        return len(self._all)

    def get(self, key: SubscriptionKey) -> Subscription | None:
        """The subscription of this triple, if it is there."""
        return self._all.get(key)

    def add(self, subscription: Subscription) -> bool:
        """The subscription is there from now on; true if this changed anything.

        Raises:
            CommandError: INVALID_ARGUMENT or RESOURCE_EXHAUSTED (SUB-5).
        """
        check_subscription(subscription.key)
        if subscription.expiry_ms > MAX_EXPIRY_MS:
            raise CommandError(
                Reason.INVALID_ARGUMENT,
                f"subscription.expiry_ms is {subscription.expiry_ms}; at most {MAX_EXPIRY_MS} are allowed",
                field="subscription.expiry_ms",
            )
        known = self._all.get(subscription.key)
        if known is None and len(self._all) >= self._limit:
            raise CommandError(
                Reason.RESOURCE_EXHAUSTED,
                f"there are {self._limit} subscriptions, which is the limit",
                limit=self._limit,
            )
        if known == subscription:
            return False
        self._insert(subscription)
        return True

    def remove(self, key: SubscriptionKey) -> Subscription:
        """Removes the subscription.

        Raises:
            CommandError: NOT_FOUND.
        """
        subscription = self._all.pop(key, None)
        if subscription is None:
            raise CommandError(Reason.NOT_FOUND, f"no such subscription: {_show(key)}")
        _discard(self._of_type, key.agent_type, key)
        if key.match == TopicMatch.EXACT:
            _discard(self._exact, key.topic_type, key.agent_type)
        else:
            length = len(key.topic_type)
            _discard(self._prefixes[length], key.topic_type, key.agent_type)
            if not self._prefixes[length]:
                del self._prefixes[length]
        return subscription

    def match(self, topic_type: str) -> list[str]:
        """The agent types that want events of this topic type, each once (PUB-3)."""
        types = dict(self._exact.get(topic_type, {}))
        for length, prefixes in self._prefixes.items():
            types.update(prefixes.get(topic_type[:length], {}))
        return list(types)

    def find(self, agent_type: str, topic_type: str) -> Subscription | None:
        """A subscription by which agents of the type get events of the topic type, if there is one."""
        for key in self._of_type.get(agent_type, {}):
            if key.topic_type == topic_type or (
                key.match == TopicMatch.PREFIX and topic_type.startswith(key.topic_type)
            ):
                return self._all[key]
        return None

    def of_type(self, agent_type: str) -> list[Subscription]:
        """The subscriptions of one agent type."""
        return [self._all[key] for key in self._of_type.get(agent_type, {})]

    def list(self) -> list[Subscription]:
        """All subscriptions in the order of their triples."""
        return [self._all[key] for key in sorted(self._all)]

    def _insert(self, subscription: Subscription) -> None:
        key = subscription.key
        self._all[key] = subscription
        self._of_type.setdefault(key.agent_type, {})[key] = None
        if key.match == TopicMatch.EXACT:
            self._exact.setdefault(key.topic_type, {})[key.agent_type] = None
        else:
            prefixes = self._prefixes.setdefault(len(key.topic_type), {})
            prefixes.setdefault(key.topic_type, {})[key.agent_type] = None


def check_subscription(key: SubscriptionKey) -> None:
    """Raises INVALID_ARGUMENT naming the field that is malformed (SUB-5)."""
    check_topic_type(key.topic_type, "subscription.topic_type")
    check_agent_type(key.agent_type, "subscription.agent_type")
    if key.match not in (TopicMatch.EXACT, TopicMatch.PREFIX):
        raise CommandError(
            Reason.INVALID_ARGUMENT,
            f"subscription.match is {key.match}: it is EXACT (1) or PREFIX (2)",
            field="subscription.match",
        )


def _show(key: SubscriptionKey) -> str:
    star = "*" if key.match == TopicMatch.PREFIX else ""
    return f"{key.topic_type}{star} to {key.agent_type}"


def _discard(table: dict[str, dict], outer: str, inner: object) -> None:  # type: ignore[type-arg]
    entries = table[outer]
    del entries[inner]
    if not entries:
        del table[outer]
