"""The codecs of plain values, by properties."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley._json_values import BadValue, BytesCodec, FloatCodec, IntegerCodec, TextCodec, TimeCodec

offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.binary())
def test_bytes(value: bytes) -> None:
    assert BytesCodec().decode(BytesCodec().encode(value)) == value


@given(st.datetimes(timezones=offsets))
def test_times(value: datetime) -> None:
    back = TimeCodec().decode(TimeCodec().encode(value))
    assert (back, back.utcoffset()) == (value, value.utcoffset())


@given(st.integers())
def test_integers(value: int) -> None:
    if -(2**63) <= value < 2**64:
        assert IntegerCodec().decode(IntegerCodec().encode(value)) == value
    else:
        for way in (IntegerCodec().encode, IntegerCodec().decode):
            with pytest.raises(BadValue, match="outside of"):
                way(value)


@given(st.text(st.characters()))
def test_texts(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        with pytest.raises(BadValue, match="surrogate"):
            TextCodec().encode(value)
    else:
        assert TextCodec().decode(TextCodec().encode(value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "1", None, 10**400])
def test_what_is_no_float(value: object) -> None:
    with pytest.raises(BadValue):
        FloatCodec().encode(value)


def test_times_without_a_whole_offset() -> None:
    for bad in (datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=timezone(timedelta(seconds=30)))):  # noqa: DTZ001
        with pytest.raises(BadValue, match="offset"):
            TimeCodec().encode(bad)
    assert TimeCodec().encode(datetime(2026, 1, 1, 0, 0, 0, 500000, UTC)) == "2026-01-01T00:00:00.5+00:00"


def test_paths_are_written_as_people_read_them() -> None:
    bad = BadValue("wrong").within("count").within("[1]").within("items")
    assert str(bad) == "items[1].count: wrong"
    assert str(BadValue("wrong")) == "wrong"
