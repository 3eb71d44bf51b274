"""JSON text, as strict as the specification."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley._json_text import MAX_DEPTH, read_json, write_json
from parley._json_values import BadValue, RepeatedNames


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(BadValue):
        read_json(data)


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_depth() -> None:
    assert write_json(nested(MAX_DEPTH)) == b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) == nested(MAX_DEPTH)
    for depth in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(BadValue, match="nested more than 64 deep"):
            read_json(b"[" * depth + b"]" * depth)
    with pytest.raises(BadValue, match="nested more than 64 deep"):
        write_json(nested(MAX_DEPTH + 1))
    assert len(read_json(b"[" + b"[]," * 1000 + b"[]]")) == 1001


def test_repeated_names_are_remembered() -> None:
    value = read_json(b'{"a": 1, "b": 2, "a": 3}')
    assert isinstance(value, RepeatedNames)
    assert value.repeated == {"a"}


def test_more_digits_than_python_reads() -> None:
    assert read_json(b'{"a": %s, "b": 1}' % (b"9" * 10_000))["b"] == 1


def test_a_surrogate_is_found_beside_a_number_that_is_too_big() -> None:
    with pytest.raises(BadValue, match="surrogate"):
        read_json(b'[1e400, "\\ud800"]')
