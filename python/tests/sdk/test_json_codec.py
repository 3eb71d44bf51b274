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
