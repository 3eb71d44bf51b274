"""Which agent types want which events."""

from __future__ import annotations

from collections.abc import Iterable

from parley_broker.core.ids import check_agent_type, check_topic_type
from parley_broker.core.messages import Subscription, SubscriptionKey, TopicMatch
from parley_broker.errors import CommandError, Reason

MAX_EXPIRY_MS = 100 * 365 * 24 * 3600 * 1000
"""The longest expiry of a subscription: a hundred years."""


class Catalogue:
    """The subscriptions, each known by its triple (SUB-2).

    There may be very many. So an event's match touches little memory: what most topics have in common, one agent type
    alone, is one value for all of them.
    """

    def __init__(self, limit: int, subscriptions: Iterable[Subscription] = ()) -> None:
        self._limit = limit
        self._count = 0
        self._by_type: dict[str, dict[SubscriptionKey, Subscription]] = {}
        self._transient: dict[str, int] = {}
        """How many of an agent type's are not durable; those that have any."""
        self._exact: dict[str, tuple[str, ...]] = {}
        self._prefixes: dict[int, dict[str, tuple[str, ...]]] = {}
        """By length."""
        self._alone: dict[str, tuple[str]] = {}
        for subscription in subscriptions:
            self._insert(subscription)

    def __len__(self) -> int:
        return self._count

    def get(self, key: SubscriptionKey) -> Subscription | None:
        """The subscription of this triple, if it is there."""
        return self._by_type.get(key.agent_type, {}).get(key)

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
        known = self.get(subscription.key)
        if known is None and self._count >= self._limit:
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
        of_type = self._by_type.get(key.agent_type, {})
        subscription = of_type.pop(key, None)
        if subscription is None:
            raise CommandError(Reason.NOT_FOUND, f"no such subscription: {_show(key)}")
        self._count -= 1
        self._count_transient(subscription, -1)
        if not of_type:
            del self._by_type[key.agent_type]
            self._alone.pop(key.agent_type, None)
        length = len(key.topic_type)
        table = self._exact if key.match == TopicMatch.EXACT else self._prefixes[length]
        others = tuple(agent_type for agent_type in table[key.topic_type] if agent_type != key.agent_type)
        if others:
            table[key.topic_type] = others
        else:
            del table[key.topic_type]
            if key.match == TopicMatch.PREFIX and not table:
                del self._prefixes[length]
        return subscription

    def match(self, topic_type: str) -> list[str]:
        """The agent types that want events of this topic type, each once (PUB-3)."""
        types = self._exact.get(topic_type, ())
        for length, prefixes in self._prefixes.items():
            found = prefixes.get(topic_type[:length])
            if found is not None:
                types += found
        return list(dict.fromkeys(types)) if len(types) > 1 else list(types)

    def find(self, agent_type: str, topic_type: str) -> Subscription | None:
        """A subscription by which agents of the type get events of the topic type, if there is one."""
        exact = SubscriptionKey(topic_type, TopicMatch.EXACT, agent_type)
        prefixes = (SubscriptionKey(topic_type[:length], TopicMatch.PREFIX, agent_type) for length in self._prefixes)
        return next((found for key in (exact, *prefixes) if (found := self.get(key)) is not None), None)

    def of_type(self, agent_type: str) -> list[Subscription]:
        """The subscriptions of one agent type."""
        return list(self._by_type.get(agent_type, {}).values())

    def has_durable(self, agent_type: str) -> bool:
        """Whether any of the agent type's is durable."""
        return len(self._by_type.get(agent_type, ())) > self._transient.get(agent_type, 0)

    def has_transient(self, agent_type: str) -> bool:
        """Whether any of the agent type's is not durable."""
        return agent_type in self._transient

    def list(self) -> list[Subscription]:
        """All subscriptions in the order of their triples."""
        everything = (subscription for of_type in self._by_type.values() for subscription in of_type.values())
        return sorted(everything, key=lambda subscription: subscription.key)

    def _insert(self, subscription: Subscription) -> None:
        key = subscription.key
        of_type = self._by_type.setdefault(key.agent_type, {})
        before = of_type.get(key)
        of_type[key] = subscription
        self._count_transient(subscription, 1)
        if before is not None:
            self._count_transient(before, -1)
            return
        self._count += 1
        exact = key.match == TopicMatch.EXACT
        table = self._exact if exact else self._prefixes.setdefault(len(key.topic_type), {})
        others = table.get(key.topic_type)
        alone = self._alone.setdefault(key.agent_type, (key.agent_type,))
        table[key.topic_type] = alone if others is None else (*others, key.agent_type)

    def _count_transient(self, subscription: Subscription, change: int) -> None:
        if subscription.durable:
            return
        agent_type = subscription.key.agent_type
        count = self._transient.get(agent_type, 0) + change
        if count:
            self._transient[agent_type] = count
        else:
            del self._transient[agent_type]


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
