"""JSON text to the values of `json` and back, as strict as SPEC JSON-1, JSON-5 and JSON-13 want it."""

from __future__ import annotations

import json
import json.encoder
from collections.abc import Callable, Iterable
from typing import Any

from ._json_values import BadValue, RepeatedNames

MAX_DEPTH = 64
_TOO_BIG = 10**400
"""Stands for integers of so many digits that Python will not read them: too big for every type."""


def _no_constant(name: str) -> Any:
    raise BadValue(f"{name} is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    return value if len(value) == len(pairs) else RepeatedNames(pairs)


def _any_integer(digits: str) -> int:
    return int(digits) if len(digits) <= 400 else _TOO_BIG


_encoder = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":"))
_write_any = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
_decoder = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_object)
_read_big = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_object, parse_int=_any_integer).decode


def _writer() -> Callable[[Any, int], Iterable[str]]:
    """What `_encoder.iterencode` makes for each text anew: CPython's C encoder, made once."""
    make: Any = getattr(json.encoder, "c_make_encoder", None)
    write: Callable[[Any, int], Iterable[str]]
    try:
        write = make(None, _encoder.default, json.encoder.encode_basestring, None, ":", ",", False, False, False)
        "".join(write({}, 0))
    except TypeError:  # another Python: there is none, or it is made otherwise
        return lambda value, _: _encoder.iterencode(value)
    return write


_write = _writer()


def write_json(value: Any) -> bytes:
    """The text of a value that a codec made, as UTF-8. Raises BadValue."""
    try:
        data = "".join(_write(value, 0)).encode()
    except RecursionError:
        raise BadValue(f"it is nested more than {MAX_DEPTH} deep") from None
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH:
        _check_depth(value)
    return data


def read_json(data: bytes) -> Any:
    """The value that a text says; an object with a repeated name is RepeatedNames. Raises BadValue."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise BadValue("it is no valid UTF-8") from None
    try:
        value = _parse(text)
    except json.JSONDecodeError as error:
        raise BadValue(f"it is no JSON: {error.msg} at index {error.pos}") from None
    except RecursionError:
        raise BadValue(f"it is nested more than {MAX_DEPTH} deep") from None
    if "\\u" in text:  # an escape is the only way in for a lone surrogate
        try:
            _write_any(value).encode()
        except UnicodeEncodeError:
            raise BadValue("a text holds a surrogate") from None
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH:
        _check_depth(value)
    return value


def _parse(text: str) -> Any:
    try:
        if text.startswith("{"):
            value, end = _decoder.raw_decode(text)
            if end == len(text):
                return value
        return _decoder.decode(text)  # there is white space around it, or it is none
    except json.JSONDecodeError:
        raise
    except ValueError:  # more digits than Python reads at once
        return _read_big(text)


def _check_depth(value: Any) -> None:
    """Raises BadValue if the value is nested too deep, as only one with that many brackets in its text can be."""
    if _depth(value) > MAX_DEPTH:
        raise BadValue(f"it is nested more than {MAX_DEPTH} deep")


def _depth(value: Any) -> int:
    """How deep lists and objects are nested; found level by level, so that depth itself is no danger."""
    depth = 0
    level = [value]
    while level := [item for item in level if isinstance(item, (list, dict))]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth
