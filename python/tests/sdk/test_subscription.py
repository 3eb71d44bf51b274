"""Subscriptions."""

from __future__ import annotations

import pytest

from parley import (
    AgentId,
    AgentType,
    DefaultSubscription,
    RoutedAgent,
    SubscriptionInstantiationContext,
    TopicId,
    TypePrefixSubscription,
    TypeSubscription,
    default_subscription,
    type_subscription,
)
from parley._subscription import not_durable
from parley.exceptions import CantHandleException, InvalidArgumentError


def test_exact_and_prefix() -> None:
    exact, prefix = TypeSubscription("news", AgentType("a")), TypePrefixSubscription("news", "a")
    assert exact.is_match(TopicId("news", "s"))
    assert not exact.is_match(TopicId("news.sport", "s"))
    assert prefix.is_match(TopicId("news.sport", "s"))
    assert not prefix.is_match(TopicId("new", "s"))
    assert exact.map_to_agent(TopicId("news", "s")) == AgentId("a", "s")
    for subscription in (exact, prefix):
        with pytest.raises(CantHandleException):
            subscription.map_to_agent(TopicId("other", "s"))


def test_identity_is_the_triple() -> None:
    assert TypeSubscription("t", "a", id="x") == TypeSubscription("t", "a", durable=False)
    assert TypeSubscription("t", "a") != TypePrefixSubscription("t", "a")
    assert TypeSubscription("t", "a") != TypeSubscription("t", "b")
    assert TypeSubscription("t", "a").id == TypeSubscription("t", "a").id
    assert TypeSubscription("t", "a").id != TypePrefixSubscription("t", "a").id
    assert len({TypeSubscription("t", "a"), TypeSubscription("t", "a"), TypePrefixSubscription("t", "a")}) == 2


def test_durability() -> None:
    assert TypeSubscription("t", "a").durable
    for subscription in (TypeSubscription("t", "a", id="x"), TypePrefixSubscription("t", "a", id="x")):
        changed = not_durable(subscription)
        assert (changed, changed.id) == (subscription, "x")
        assert isinstance(changed, type(subscription))
        assert not changed.durable


@pytest.mark.parametrize(("topic_type", "agent_type"), [("", "a"), ("t t", "a"), ("t", ""), ("t", "a:b")])
def test_malformed_types(topic_type: str, agent_type: str) -> None:
    for cls in (TypeSubscription, TypePrefixSubscription):
        with pytest.raises(InvalidArgumentError):
            cls(topic_type, agent_type)


def test_the_default_subscription() -> None:
    with SubscriptionInstantiationContext.populate_context(AgentType("a")):
        assert DefaultSubscription() == TypeSubscription("default", "a")
    assert DefaultSubscription(agent_type="b") == TypeSubscription("default", "b")


def test_classes_declare_their_own() -> None:
    @type_subscription("t")
    class Base(RoutedAgent):
        pass

    @default_subscription()
    class Derived(Base):
        pass

    assert len(RoutedAgent.declared_subscriptions) == 0
    assert len(Base.declared_subscriptions) == 1
    assert len(Derived.declared_subscriptions) == 2
