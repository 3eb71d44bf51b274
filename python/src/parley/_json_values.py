"""Canonical JSON (SPEC, section JSON): the codecs of plain values, lists and maps.

A codec turns a value into what `json` writes and back, and checks it on both ways. What it refuses it raises as
`BadValue` with a path to the member; the serializers make the reason of it, which depends on the direction.
"""

from __future__ import annotations

import base64
import binascii
import collections.abc
import enum
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ._names import enumerator_name

MIN_INTEGER = -(2**63)
MAX_INTEGER = 2**64 - 1

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)


class BadValue(Exception):
    """A value that canonical JSON does not allow there; never with the value itself in its text (SPEC ERR-1)."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.path: list[str] = []

    def within(self, step: str) -> BadValue:
        """The same with one more step in front of its path."""
        self.path.insert(0, step)
        return self

    def __str__(self) -> str:
        path = ""
        for step in self.path:
            path += step if step.startswith("[") or not path else f".{step}"
        return f"{path}: {self.what}" if path else self.what


def kind_of(value: Any) -> str:
    return {
        type(None): "null",
        bool: "a boolean",
        int: "an integer",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "an object",
    }.get(type(value), f"a {type(value).__name__}")


class Codec(ABC):
    """Both ways for one type."""

    @abstractmethod
    def encode(self, value: Any) -> Any:
        """What `json` writes for `value`. Raises BadValue."""

    @abstractmethod
    def decode(self, value: Any) -> Any:
        """The value that `json` read as `value`. Raises BadValue."""


class BoolCodec(Codec):
    def encode(self, value: Any) -> Any:
        if type(value) is not bool:
            raise BadValue(f"expected a boolean, got {kind_of(value)}")
        return value

    decode = encode


class TextCodec(Codec):
    def encode(self, value: Any) -> Any:
        if type(value) is not str:
            if not isinstance(value, str):
                raise BadValue(f"expected a string, got {kind_of(value)}")
            return str(value)
        return value

    decode = encode


class IntegerCodec(Codec):
    def __init__(self, low: float = MIN_INTEGER, high: float = MAX_INTEGER) -> None:
        self.low = max(low, MIN_INTEGER)
        self.high = min(high, MAX_INTEGER)

    def encode(self, value: Any) -> Any:
        if type(value) is not int:
            if isinstance(value, bool) or not isinstance(value, int):
                raise BadValue(f"expected an integer, got {kind_of(value)}")
            value = int(value)
        if not self.low <= value <= self.high:
            raise BadValue(f"the integer is outside of {self.low} to {self.high}")
        return value

    def decode(self, value: Any) -> Any:
        if type(value) is not int:
            raise BadValue(f"expected an integer, got {kind_of(value)}")
        if not self.low <= value <= self.high:
            raise BadValue(f"the integer is outside of {self.low} to {self.high}")
        return value


class FloatCodec(Codec):
    def __init__(self, low: float = -math.inf, high: float = math.inf) -> None:
        self.low = low
        self.high = high

    def encode(self, value: Any) -> Any:
        if type(value) is not float:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise BadValue(f"expected a number, got {kind_of(value)}")
            try:
                value = float(value)
            except OverflowError:
                raise BadValue("the number is outside of the range of a float") from None
        if not math.isfinite(value):
            raise BadValue("NaN and infinities are not allowed")
        if not self.low <= value <= self.high:
            raise BadValue(f"the number is outside of {self.low} to {self.high}")
        return value

    def decode(self, value: Any) -> Any:
        if type(value) is int:
            try:
                value = float(value)
            except OverflowError:
                raise BadValue("the number is outside of the range of a float") from None
        elif type(value) is not float:
            raise BadValue(f"expected a number, got {kind_of(value)}")
        if not math.isfinite(value) or not self.low <= value <= self.high:
            raise BadValue("the number is outside of the range of its type")
        return value


class BytesCodec(Codec):
    def encode(self, value: Any) -> Any:
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise BadValue(f"expected bytes, got {kind_of(value)}")
        return base64.b64encode(value).decode("ascii")

    def decode(self, value: Any) -> Any:
        if type(value) is not str:
            raise BadValue(f"expected base64 in a string, got {kind_of(value)}")
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise BadValue("the string is no base64") from None


class TimeCodec(Codec):
    def encode(self, value: Any) -> Any:
        if not isinstance(value, datetime):
            raise BadValue(f"expected a datetime, got {kind_of(value)}")
        offset = value.utcoffset()
        if offset is None:
            raise BadValue("a time must have an offset: give the datetime a tzinfo")
        if offset.total_seconds() % 60:
            raise BadValue("the offset of a time must be whole minutes")
        text = value.isoformat()
        return text[:-6] + "Z" if text.endswith("+00:00") else text

    def decode(self, value: Any) -> Any:
        if type(value) is not str:
            raise BadValue(f"expected a time in a string, got {kind_of(value)}")
        if not _RFC3339.fullmatch(value):
            raise BadValue("the string is no RFC 3339 time with an offset")
        try:
            parsed = datetime.fromisoformat(value.upper())
        except ValueError:
            raise BadValue("the string is no RFC 3339 time with an offset") from None
        return parsed.replace(tzinfo=UTC) if value[-1] in "Zz" else parsed


class EnumCodec(Codec):
    def __init__(self, cls: type[enum.Enum]) -> None:
        self.cls = cls
        self.names = {member: enumerator_name(member.name) for member in cls}
        self.members = {enumerator_name(name): member for name, member in cls.__members__.items()}

    def encode(self, value: Any) -> Any:
        try:
            return self.names[value]
        except (KeyError, TypeError):
            raise BadValue(f"expected a {self.cls.__name__}, got {kind_of(value)}") from None

    def decode(self, value: Any) -> Any:
        member = self.members.get(value) if type(value) is str else None
        if member is None:
            raise BadValue(f"expected one of {', '.join(self.members)}")
        return member


class LiteralCodec(Codec):
    def __init__(self, values: tuple[Any, ...]) -> None:
        self.values = {(type(value), value) for value in values}

    def encode(self, value: Any) -> Any:
        if (type(value), value) not in self.values:
            raise BadValue("the value is not among those that its Literal allows")
        return value

    decode = encode


class OptionalCodec(Codec):
    def __init__(self, inner: Codec) -> None:
        self.inner = inner

    def encode(self, value: Any) -> Any:
        return None if value is None else self.inner.encode(value)

    def decode(self, value: Any) -> Any:
        return None if value is None else self.inner.decode(value)


class NullCodec(Codec):
    def encode(self, value: Any) -> Any:
        if value is not None:
            raise BadValue(f"expected null, got {kind_of(value)}")
        return None

    decode = encode


class ListCodec(Codec):
    def __init__(self, item: Codec, make: Callable[[list[Any]], Any]) -> None:
        self.item = item
        self.make = make

    def encode(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise BadValue(f"expected a list, got {kind_of(value)}")
        return _each(value, self.item.encode)

    def decode(self, value: Any) -> Any:
        if type(value) is not list:
            raise BadValue(f"expected a list, got {kind_of(value)}")
        return self.make(_each(value, self.item.decode))


def _each(values: collections.abc.Sequence[Any], convert: Callable[[Any], Any]) -> list[Any]:
    try:
        return [convert(value) for value in values]
    except BadValue:
        for index, value in enumerate(values):
            try:
                convert(value)
            except BadValue as bad:
                raise bad.within(f"[{index}]") from None
        raise


class MapCodec(Codec):
    def __init__(self, value: Codec) -> None:
        self.value = value

    def convert(self, value: Any, convert: Callable[[Any], Any]) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise BadValue(f"expected an object, got {kind_of(value)}")
        result = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise BadValue(f"the keys of an object must be strings, got {kind_of(key)}")
            try:
                result[key] = convert(item)
            except BadValue as bad:
                raise bad.within("[*]") from None
        return result

    def encode(self, value: Any) -> Any:
        return self.convert(value, self.value.encode)

    def decode(self, value: Any) -> Any:
        return self.convert(value, self.value.decode)


class AnyJsonCodec(Codec):
    """What is annotated as `Any`, `dict` or `list`: plain JSON values."""

    def __init__(self, kind: type[Any] = object) -> None:
        self.kind = kind

    def encode(self, value: Any) -> Any:
        if not isinstance(value, self.kind):
            raise BadValue(f"expected a {self.kind.__name__}, got {kind_of(value)}")
        return self._check(value)

    decode = encode

    def _check(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind is str or kind is bool:
            return value
        if kind is int:
            return _INTEGER.encode(value)
        if kind is float:
            return _FLOAT.encode(value)
        if isinstance(value, (list, tuple)):
            return _each(value, self._check)
        if isinstance(value, dict):
            return MapCodec(AnyJsonCodec()).convert(value, self._check)
        raise BadValue(f"{kind_of(value)} is no JSON value; annotate the member with its type")


_INTEGER = IntegerCodec()
_FLOAT = FloatCodec()
