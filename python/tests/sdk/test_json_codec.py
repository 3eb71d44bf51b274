"""Canonical JSON beside the vectors: Python's own types and annotations."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley._json_codec import codec_of, is_record
from parley._json_values import BadValue


@dataclass
class Rich:
    pair: tuple[int, ...]
    words: Sequence[str]
    table: Mapping[str, float]
    old: Optional[int] = None  # noqa: UP045
    bare: dict = field(default_factory=dict)  # type: ignore[type-arg]
    plain: list = field(default_factory=list)  # type: ignore[type-arg]
    bounded: Annotated[int, "anything"] = 0
    computed: int = field(init=False, default=1)


@dataclass
class Leaf:
    label: str
    count: int


@dataclass
class Branch:
    inner: Leaf
    items: list[Leaf]
    by_name: dict[str, Leaf]
    maybe: Leaf | None = None


def test_annotations() -> None:
    codec = codec_of(Rich)
    value = Rich((1, 2), ["a"], {"x": 2}, bare={"a": [None, 1.5]})
    encoded = codec.encode(value)
    assert encoded == {
        "pair": [1, 2],
        "words": ["a"],
        "table": {"x": 2.0},
        "old": None,
        "bare": {"a": [None, 1.5]},
        "plain": [],
        "bounded": 0,
    }
    assert codec.decode(encoded) == value


@pytest.mark.parametrize(
    "annotation", [complex, set[int], dict[int, str], int | str, tuple[int, str], typing.Literal[1], "unresolved"]
)
def test_types_that_are_not_listed(annotation: Any) -> None:
    with pytest.raises(BadValue, match="is no type of canonical JSON"):
        codec_of(annotation)


def test_names_that_collide() -> None:
    @dataclass
    class Twice:
        dataPoint: int  # noqa: N815
        data_point: int

    with pytest.raises(BadValue, match="dataPoint and data_point would both be data_point"):
        codec_of(Twice).encode(Twice(1, 2))


def test_paths() -> None:
    codec = codec_of(Branch)
    good = {"label": "a", "count": 1}
    with pytest.raises(BadValue) as caught:
        codec.decode({"inner": good, "items": [good, {"label": "a", "count": "x"}], "by_name": {}})
    assert caught.value.member == "items[1].count"
    with pytest.raises(BadValue) as caught:
        codec.decode({"inner": good, "items": [], "by_name": {"secret": {"label": 1, "count": 1}}})
    assert caught.value.member == "by_name.*.label"


def test_records() -> None:
    assert is_record(Leaf)
    assert not is_record(Leaf("a", 1))
    assert not is_record(int)


leaves = st.builds(Leaf, st.text(), st.integers(-(2**63), 2**64 - 1))


@given(st.builds(Branch, leaves, st.lists(leaves), st.dictionaries(st.text("ab"), leaves), st.none() | leaves))
def test_round_trip(value: Branch) -> None:
    codec = codec_of(Branch)
    assert codec.decode(codec.encode(value)) == value


@dataclass
class Lists:
    integers: list[int]
    floats: list[float]
    texts: list[str]
    flags: list[bool]


class Count(int):
    """An integer that is no plain one."""


LARGE = 1.7e308  # two of them have no finite sum


def test_lists_that_need_a_look_come_through_as_well() -> None:
    codec = codec_of(Lists)
    value = Lists([Count(3), 2**64 - 1], [LARGE, LARGE, 2], ["é", "\U0001f600"], [True])
    encoded = codec.encode(value)
    assert [type(item) for item in encoded["integers"]] == [int, int]
    assert [type(item) for item in encoded["floats"]] == [float] * 3
    assert codec.decode(encoded) == value
    assert codec.decode(codec.encode(Lists([], [], [], []))) == Lists([], [], [], [])


@pytest.mark.parametrize(
    ("member", "bad", "where"),
    [
        ("integers", [1, True], "integers[1]"),
        ("integers", [1, 2**64], "integers[1]"),
        ("integers", [-(2**63) - 1], "integers[0]"),
        ("integers", [1, 2.0], "integers[1]"),
        ("floats", [1.0, float("nan")], "floats[1]"),
        ("floats", [float("inf"), float("-inf")], "floats[0]"),
        ("floats", [1.0, True], "floats[1]"),
        ("texts", ["a", "\ud800"], "texts[1]"),
        ("texts", ["a", 1], "texts[1]"),
        ("flags", [True, 1], "flags[1]"),
    ],
)
def test_lists_are_refused_where_they_are_wrong(member: str, bad: list[Any], where: str) -> None:
    codec = codec_of(Lists)
    good: dict[str, Any] = {"integers": [1], "floats": [1.0], "texts": ["a"], "flags": [True]}
    with pytest.raises(BadValue) as written:
        codec.encode(Lists(**good | {member: bad}))
    assert written.value.member == where
    if member != "texts" or bad[1] == 1:  # read_json has refused surrogates before
        with pytest.raises(BadValue) as read:
            codec.decode(good | {member: bad})
        assert read.value.member == where


def test_the_first_of_two_faults_is_named() -> None:
    with pytest.raises(BadValue, match="integers: the member is missing"):
        codec_of(Lists).decode({"floats": ["no"], "texts": [], "flags": []})
