"""Which agent types want which events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_broker.core.messages import Subscription, SubscriptionKey, TopicMatch
from parley_broker.core.shard.catalogue import MAX_EXPIRY_MS, Catalogue
from parley_broker.errors import CommandError, Reason

keys = st.builds(
    SubscriptionKey,
    st.text("ab.", min_size=1, max_size=4),
    st.sampled_from([TopicMatch.EXACT, TopicMatch.PREFIX]),
    st.sampled_from(["w", "v"]),
)


@given(st.lists(keys), st.lists(keys), st.text("ab.", min_size=1, max_size=5))
def test_it_matches_what_the_rule_says(
    added: list[SubscriptionKey], removed: list[SubscriptionKey], topic: str
) -> None:
    catalogue = Catalogue(1000)
    for key in added:
        catalogue.add(Subscription(key))
    for key in removed:
        if catalogue.get(key) is not None:
            catalogue.remove(key)
    left = set(added) - set(removed)
    expected = {
        k.agent_type
        for k in left
        if (k.topic_type == topic if k.match == TopicMatch.EXACT else topic.startswith(k.topic_type))
    }
    assert sorted(catalogue.match(topic)) == sorted(expected), "each agent type once"
    assert [s.key for s in catalogue.list()] == sorted(left)
    assert {s.key for s in catalogue.of_type("w")} == {k for k in left if k.agent_type == "w"}
    assert len(catalogue) == len(left)


@given(st.lists(st.tuples(keys, st.booleans())), st.lists(keys))
def test_it_knows_whose_are_durable(added: list[tuple[SubscriptionKey, bool]], removed: list[SubscriptionKey]) -> None:
    catalogue = Catalogue(1000)
    for key, durable in added:
        catalogue.add(Subscription(key, durable))
    for key in removed:
        if catalogue.get(key) is not None:
            catalogue.remove(key)
    left = {key: durable for key, durable in added if key not in removed}
    for agent_type in ("w", "v"):
        of_type = [durable for key, durable in left.items() if key.agent_type == agent_type]
        assert catalogue.has_durable(agent_type) is any(of_type)
        assert catalogue.has_transient(agent_type) is not all(of_type)


def test_adding_again_changes_durability_and_expiry_only() -> None:
    catalogue = Catalogue(1)
    key = SubscriptionKey("t", TopicMatch.EXACT, "w")
    assert catalogue.add(Subscription(key))
    assert not catalogue.add(Subscription(key))
    assert catalogue.add(Subscription(key, durable=False, expiry_ms=5))
    assert catalogue.list() == [Subscription(key, False, 5)]


def test_the_limit() -> None:
    catalogue = Catalogue(1)
    catalogue.add(Subscription(SubscriptionKey("t", TopicMatch.EXACT, "w")))
    with pytest.raises(CommandError) as caught:
        catalogue.add(Subscription(SubscriptionKey("t", TopicMatch.PREFIX, "w")))
    assert (caught.value.reason, caught.value.details) == (Reason.RESOURCE_EXHAUSTED, {"limit": "1"})


@pytest.mark.parametrize(
    ("key", "field"),
    [
        (SubscriptionKey("", 1, "w"), "subscription.topic_type"),
        (SubscriptionKey("t", 1, "w:"), "subscription.agent_type"),
        (SubscriptionKey("t", 3, "w"), "subscription.match"),
    ],
)
def test_malformed_ones(key: SubscriptionKey, field: str) -> None:
    with pytest.raises(CommandError) as caught:
        Catalogue(5).add(Subscription(key))
    assert caught.value.details == {"field": field}


def test_removing_what_is_not_there() -> None:
    with pytest.raises(CommandError) as caught:
        Catalogue(5).remove(SubscriptionKey("t", TopicMatch.EXACT, "w"))
    assert caught.value.reason is Reason.NOT_FOUND


def test_finding_what_brings_a_topic_type_to_an_agent_type() -> None:
    exact = Subscription(SubscriptionKey("orders", TopicMatch.EXACT, "w"))
    prefix = Subscription(SubscriptionKey("inv", TopicMatch.PREFIX, "w"))
    catalogue = Catalogue(9, (exact, prefix))
    assert catalogue.find("w", "orders") == exact
    assert catalogue.find("w", "invoices") == prefix
    assert catalogue.find("w", "orders.eu") is None
    assert catalogue.find("x", "orders") is None


def test_an_expiry_that_no_store_keeps_is_refused() -> None:
    key = SubscriptionKey("t", TopicMatch.EXACT, "a")
    for wrong in (MAX_EXPIRY_MS + 1, 2**63, 2**64 - 1):
        with pytest.raises(CommandError) as refused:
            Catalogue(limit=1).add(Subscription(key, expiry_ms=wrong))
        assert (refused.value.reason, refused.value.details["field"]) == (
            Reason.INVALID_ARGUMENT,
            "subscription.expiry_ms",
        )
    assert Catalogue(limit=1).add(Subscription(key, expiry_ms=MAX_EXPIRY_MS))
