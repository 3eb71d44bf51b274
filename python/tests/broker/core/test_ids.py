"""What is a name and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_broker.core import ids
from parley_broker.core.ids import AgentId, TopicId
from parley_broker.errors import CommandError, Reason

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"


def refused(check: object, *arguments: object) -> str:
    """Which field the check refuses."""
    with pytest.raises(CommandError) as caught:
        check(*arguments)  # type: ignore[operator]
    assert caught.value.reason is Reason.INVALID_ARGUMENT
    return caught.value.details["field"]


@given(st.text(LETTERS, min_size=1, max_size=255))
def test_agent_types(value: str) -> None:
    ids.check_agent_type(value, "type")
    ids.check_topic_type(value, "type")


@pytest.mark.parametrize("value", ["", "a b", "a/b", "ä", "a" * 256, "a\n", "a:b", "١"])
def test_no_agent_types(value: str) -> None:
    assert refused(ids.check_agent_type, value, "here") == "here"


def test_topic_types_have_colon_and_equals_sign() -> None:
    ids.check_topic_type("a:b=c", "type")


@given(st.text(st.characters(blacklist_categories=("Cc", "Cs")), min_size=1, max_size=256))
def test_keys(value: str) -> None:
    ids.check_key(value, "key")


@pytest.mark.parametrize(
    "value", ["", "\x00", "a\x1f", "\x7f", "\x80", "\x9f", "\ud800", "x" * 1025, "ä" * 513, "€" * 342]
)
def test_no_keys(value: str) -> None:
    assert refused(ids.check_key, value, "here") == "here"


def test_the_longest_keys() -> None:
    ids.check_key("ä" * 512, "key")
    ids.check_key("x" * 1024, "key")


def test_the_malformed_part_is_named() -> None:
    assert refused(ids.check_agent_id, AgentId("a b", "k"), "target") == "target.type"
    assert refused(ids.check_agent_id, AgentId("a", ""), "target") == "target.key"
    assert refused(ids.check_topic_id, TopicId("a b", "k"), "topic") == "topic.type"
    assert refused(ids.check_topic_id, TopicId("a", ""), "topic") == "topic.source"


def test_printing() -> None:
    assert str(AgentId("a", "b/c")) == "a/b/c"
    assert str(TopicId("t:x", "s")) == "t:x/s"
