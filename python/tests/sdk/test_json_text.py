"""JSON text, as strict as the specification."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley import _json_text
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


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_JSON)
def test_both_writers_write_the_same(value: Any) -> None:
    assert "".join(_json_text._write(value, 0)) == _json_text._encoder.encode(value)


@pytest.mark.parametrize("c_make_encoder", [None, lambda one_argument: None])
def test_a_python_without_that_encoder_writes_as_well(c_make_encoder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("json.encoder.c_make_encoder", c_make_encoder)
    monkeypatch.setattr(_json_text, "_write", _json_text._writer())
    assert write_json({"a": [1, 2.5, "\u00e9"], "b": None}) == b'{"a":[1,2.5,"\xc3\xa9"],"b":null}'


@pytest.mark.parametrize("text", [b' {"a":1}', b'{"a":1}\n\t '])
def test_white_space_around_an_object(text: bytes) -> None:
    assert read_json(text) == {"a": 1}


@pytest.mark.parametrize("text", [b'{"a":1}x', b'{"a":1}{}', b"{", b"\xef\xbb\xbf{}", b""])
def test_what_is_more_or_less_than_an_object(text: bytes) -> None:
    with pytest.raises(BadValue, match="it is no JSON"):
        read_json(text)
