from __future__ import annotations

from typing import Any

import pytest

from parley_conformance.workloads import vectors


def test_there_are_good_vectors_for_both_content_types() -> None:
    for content in ("json", "protobuf"):
        told = list(vectors.good(content))
        assert len(told) > 20
        assert all(vectors.same(vector["value"], vector["value"]) for vector in told)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 0.5, "b": [1, 2]}, {"b": [1.0, 2.0], "a": 0.5}),
        ({"$int": "9007199254740993"}, {"$int": "9007199254740993"}),
        ({"$int": "7"}, 7),
        ({"$float": "NaN"}, {"$float": "NaN"}),
        ({"$float": "1.5"}, 1.5),
        ({"$json": "[1, null]"}, {"$json": "[1,null]"}),
        ({"$time": "2026-11-22T16:40:05.5+00:00"}, {"$time": "2026-11-22T16:40:05.500000+00:00"}),
        ({"$map": [["a", 1]]}, {"$map": [["a", 1]]}),
        ({"$bytes": "AAE="}, {"$bytes": "AAE="}),
        (None, None),
    ],
)
def test_equal_values(expected: Any, actual: Any) -> None:
    assert vectors.same(expected, actual)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 1}, {"a": 1, "b": None}),
        ({"a": None}, {}),
        (True, 1),
        ("1", 1),
        ({"$int": "9007199254740993"}, {"$int": "9007199254740992"}),
        ({"$time": "2026-11-22T16:40:05+00:00"}, {"$time": "2026-11-22T17:40:05+01:00"}),
        ({"$json": "[1]"}, {"$json": "[2]"}),
        ([1, 2], [1]),
        (0.1, 0.10000000149011612),
    ],
)
def test_values_that_differ(expected: Any, actual: Any) -> None:
    assert not vectors.same(expected, actual)
