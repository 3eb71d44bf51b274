"""Agent and topic ids; the vectors have the cases, these are the Python side of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley import AgentId, AgentType, DefaultTopicId, MessageHandlerContext, TopicId
from parley.exceptions import InvalidArgumentError

types = st.from_regex(r"[A-Za-z0-9_.\-]{1,255}", fullmatch=True)
keys = st.text(min_size=1, max_size=200).filter(lambda key: not re.search("[\x00-\x1f\x7f-\x9f]", key))


@given(types, keys)
def test_parse_and_print_are_inverse(type: str, key: str) -> None:
    assert AgentId.from_str(str(AgentId(type, key))) == AgentId(type, key)
    assert TopicId.from_str(str(TopicId(type, key))) == TopicId(type, key)


def test_equality_and_hash() -> None:
    assert AgentId("a", "b") == AgentId(AgentType("a"), "b")
    assert len({AgentId("a", "b"), AgentId("a", "b"), AgentId("a", "c")}) == 2
    assert AgentId("a", "b") != "a/b"
    assert DefaultTopicId("t", "s") == TopicId("t", "s")
    assert hash(DefaultTopicId("t", "s")) == hash(TopicId("t", "s"))
    assert repr(AgentId("a", "b")) == "AgentId('a', 'b')"


@pytest.mark.parametrize("bad", [None, 1, b"a"])
def test_other_types_are_refused(bad: object) -> None:
    for make in (lambda: AgentId(bad, "k"), lambda: AgentId("a", bad), lambda: AgentId.from_str(bad)):  # type: ignore[arg-type]
        with pytest.raises(InvalidArgumentError):
            make()


def test_errors_name_what_is_wrong_and_allowed() -> None:
    with pytest.raises(InvalidArgumentError, match=r"agent type 'a b' is not allowed: it must be 1 to 255"):
        AgentId("a b", "k")
    with pytest.raises(InvalidArgumentError, match=r"U\+0007 at index 1"):
        AgentId("a", "k\x07")
    with pytest.raises(InvalidArgumentError, match="has 1025 bytes of UTF-8: at most 1024"):
        AgentId("a", "k" * 1025)
    with pytest.raises(InvalidArgumentError, match="must look like type/key"):
        TopicId.from_str("none")


def test_the_default_topic_takes_the_key_of_the_running_agent() -> None:
    assert DefaultTopicId() == TopicId("default", "default")
    with MessageHandlerContext.populate_context(AgentId("a", "mine")):
        assert DefaultTopicId() == TopicId("default", "mine")
        assert DefaultTopicId(source="other") == TopicId("default", "other")
