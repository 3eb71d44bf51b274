"""Subscriptions: which topics an agent type wants events of (SPEC SUB-1 to SUB-3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar, overload, runtime_checkable

from ._ids import AgentId, AgentType, TopicId, check_agent_type, check_topic_type
from ._scope import SubscriptionInstantiationContext
from .exceptions import CantHandleException

_AgentClass = TypeVar("_AgentClass", bound=type[Any])


@runtime_checkable
class Subscription(Protocol):
    """Maps topics to the agents that get their events.

    Every runtime takes TypeSubscription and TypePrefixSubscription; the in-process one takes any.
    """

    @property
    def id(self) -> str:
        """Names it for `remove_subscription`."""
        ...

    def __eq__(self, other: object) -> bool: ...

    def is_match(self, topic_id: TopicId) -> bool:
        """True if it wants the events of that topic."""
        ...

    def map_to_agent(self, topic_id: TopicId) -> AgentId:
        """The agent that gets the events of that topic. Raises CantHandleException if `is_match` is False."""
        ...


class _TypedSubscription(Subscription):
    """What both kinds have in common: an agent type gets the events, each agent those whose source is its key."""

    def __init__(self, kind: str, wanted: str, agent_type: str | AgentType, id: str | None, durable: bool) -> None:
        self._kind = kind
        self._wanted = wanted
        self._agent_type = agent_type.type if isinstance(agent_type, AgentType) else agent_type
        check_agent_type(self._agent_type)
        self._id = id or f"{kind} {wanted} {self._agent_type}"
        self._durable = durable

    @property
    def id(self) -> str:
        """Names it for `remove_subscription`."""
        return self._id

    @property
    def agent_type(self) -> str:
        """Who gets the events."""
        return self._agent_type

    @property
    def durable(self) -> bool:
        """Whether events wait for a worker."""
        return self._durable

    def map_to_agent(self, topic_id: TopicId) -> AgentId:
        """The agent of the subscribed type whose key is the topic's source (SPEC SUB-1). Raises CantHandleException."""
        if not self.is_match(topic_id):
            raise CantHandleException(f"the topic {topic_id} does not match the subscription {self.id!r}")
        return AgentId(self._agent_type, topic_id.source)

    def __eq__(self, other: object) -> bool:
        """Equal if kind, topic type or prefix, and agent type are: the identity that the broker knows (SPEC SUB-2)."""
        if not isinstance(other, _TypedSubscription):
            return NotImplemented
        return (self._kind, self._wanted, self._agent_type) == (other._kind, other._wanted, other._agent_type)

    def __hash__(self) -> int:
        return hash((self._kind, self._wanted, self._agent_type))


class TypeSubscription(_TypedSubscription):
    """Events of exactly one topic type.

    Args:
        topic_type: The topic type.
        agent_type: Who gets the events: the agent of this type whose key is the topic's source.
        id: Names it for `remove_subscription`; default: made of the two types.
        durable: True: events wait for a worker. False: it ends with the last session that hosts the type (SPEC SUB-3).

    Raises:
        InvalidArgumentError: A type breaks its rule (SPEC ID-1).
    """

    def __init__(
        self, topic_type: str, agent_type: str | AgentType, id: str | None = None, *, durable: bool = True
    ) -> None:
        check_topic_type(topic_type)
        super().__init__("exact", topic_type, agent_type, id, durable)

    @property
    def topic_type(self) -> str:
        """The topic type that it wants."""
        return self._wanted

    def is_match(self, topic_id: TopicId) -> bool:
        """True if the topic has this type."""
        return topic_id.type == self._wanted


class TypePrefixSubscription(_TypedSubscription):
    """Events of all topic types that begin alike. Arguments and errors as for TypeSubscription."""

    def __init__(
        self, topic_type_prefix: str, agent_type: str | AgentType, id: str | None = None, *, durable: bool = True
    ) -> None:
        check_topic_type(topic_type_prefix, "topic type prefix")
        super().__init__("prefix", topic_type_prefix, agent_type, id, durable)

    @property
    def topic_type_prefix(self) -> str:
        """How the topic types begin that it wants."""
        return self._wanted

    def is_match(self, topic_id: TopicId) -> bool:
        """True if the topic's type begins with the prefix."""
        return topic_id.type.startswith(self._wanted)


class DefaultSubscription(TypeSubscription):
    """Events of the topic type `default`; within a registration, for the agent type being registered."""

    def __init__(self, topic_type: str = "default", agent_type: str | AgentType | None = None) -> None:
        super().__init__(topic_type, agent_type or SubscriptionInstantiationContext.agent_type())


UnboundSubscription = Callable[[], list[Subscription] | Awaitable[list[Subscription]]]
"""Makes the subscriptions that a class declares, for the agent type of SubscriptionInstantiationContext."""


def subscription_factory(subscription: UnboundSubscription) -> Callable[[_AgentClass], _AgentClass]:
    """Class decorator: registering the class adds what `subscription` makes."""

    def decorate(cls: _AgentClass) -> _AgentClass:
        cls.declared_subscriptions = [*cls.declared_subscriptions, subscription]
        return cls

    return decorate


def type_subscription(topic_type: str) -> Callable[[_AgentClass], _AgentClass]:
    """Class decorator: every registered type of this class subscribes to `topic_type`."""
    return subscription_factory(
        lambda: [TypeSubscription(topic_type=topic_type, agent_type=SubscriptionInstantiationContext.agent_type())]
    )


@overload
def default_subscription() -> Callable[[_AgentClass], _AgentClass]: ...


@overload
def default_subscription(cls: _AgentClass) -> _AgentClass: ...


def default_subscription(cls: type[Any] | None = None) -> Any:
    """Class decorator, with or without parentheses: every registered type of this class subscribes to `default`."""
    decorate = subscription_factory(lambda: [DefaultSubscription()])
    return decorate if cls is None else decorate(cls)


def not_durable(subscription: Subscription) -> Subscription:
    """The same subscription, ending with the last session that hosts the type."""
    if isinstance(subscription, TypeSubscription):
        return TypeSubscription(subscription.topic_type, subscription.agent_type, id=subscription.id, durable=False)
    if isinstance(subscription, TypePrefixSubscription):
        return TypePrefixSubscription(
            subscription.topic_type_prefix, subscription.agent_type, id=subscription.id, durable=False
        )
    return subscription
