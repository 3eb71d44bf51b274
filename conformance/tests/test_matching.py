from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_conformance.matching import differences, matches, nearest

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)


@given(PLAIN)
def test_everything_matches_itself(value: Any) -> None:
    assert matches(value, value)


@given(st.dictionaries(st.sampled_from("abc"), PLAIN), PLAIN)
def test_more_members_than_expected_match(value: dict[str, Any], extra: Any) -> None:
    assert matches(value, {**value, "more": extra})


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {}),
        ({"a": 1}, None),
        ({"done": {}}, {}),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}),
        ([1, 2], [1, 2, 3]),
        ([1, 2], [2, 1]),
        (True, 1),
        (0, False),
        ("a", "b"),
        ({"$contains": "xyz"}, "xy"),
        ({"$at_least": 3}, 2),
        ({"$at_most": 3}, 4),
        ({"$one_of": [1, {"a": 1}]}, {"a": 2}),
        ({"$length": 2}, [1]),
        ({"a": {"$any": True}}, {}),
        ({"a": {"$any": False}}, {"a": 0}),
    ],
)
def test_differences_are_found(expected: Any, actual: Any) -> None:
    assert differences(expected, actual)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 0, "b": "", "c": False, "d": [], "e": None}, {}),
        ({"$contains": "b"}, "abc"),
        ({"$at_least": 3}, 3),
        ({"$at_most": 3}, 3.0),
        ({"$one_of": [1, {"a": 1}]}, {"a": 1, "b": 2}),
        ({"$length": 2}, "ab"),
        ({"a": {"$any": True}}, {"a": 0}),
        ({"a": {"$any": False}}, {}),
    ],
)
def test_what_fits_has_no_difference(expected: Any, actual: Any) -> None:
    assert differences(expected, actual) == []


def test_a_difference_says_where_and_what() -> None:
    (text,) = differences({"error": {"details": {"limit": "1"}}}, {"error": {"details": {"limit": "2"}}})
    assert text == "error.details.limit: expected '1', got '2'"


def test_an_unknown_matcher_names_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"\$nope.*\$contains"):
        differences({"$nope": 1}, 1)


def test_a_text_contains_each_of_several() -> None:
    assert matches({"$contains": ["17", "4"]}, "number 17 came, 4 was due")
    assert not matches({"$contains": ["17", "4"]}, "number 17 came")


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ({"re": 2, "reply": {"a": 1, "b": 2}}, "; the nearest reply differs in reply.b: expected 2, got 3"),
        ({"hello": {}}, ""),
        ({"re": 2}, ""),
    ],
)
def test_the_nearest_of_the_same_kind(expected: dict[str, Any], told: str) -> None:
    there = [{"re": 2, "done": {}}, {"re": 2, "reply": {"a": 1, "b": 3}}, {"re": 1, "reply": {"a": 4, "b": 3}}]
    assert nearest(expected, there) == told


def test_of_those_that_are_as_near_the_last_one_counts() -> None:
    there = [{"hello": {"received": at}} for at in (1, 2)]
    assert nearest({"hello": {"received": 9}}, there).endswith("got 2")


def test_what_came_instead_is_said() -> None:
    refused = {"label": "c1", "error": {"reason": "TIMEOUT"}}
    (text,) = differences({"label": "c1", "reply": {"value": 1}}, refused)
    assert text == "reply: expected an object, got nothing; there is error {'reason': 'TIMEOUT'}"
    assert differences({"reply": {"value": 1}}, {"label": "c1"}) == ["reply: expected an object, got nothing"]
