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
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ._names import enumerator_name

MIN_INTEGER = -(2**63)
MAX_INTEGER = 2**64 - 1

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d+)?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)", re.ASCII
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

    def details(self) -> dict[str, str]:
        """The member's path, as `items[1].count` (SPEC JSON-14)."""
        return {"member": self.member} if self.path else {}

    @property
    def member(self) -> str:
        """The path to the member; empty for the message itself."""
        path = ""
        for step in self.path:
            path += step if step.startswith("[") or not path else f".{step}"
        return path

    def __str__(self) -> str:
        return f"{self.member}: {self.what}" if self.path else self.what


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


Check = Callable[[Any], bool]


class Codec(ABC):
    """Both ways for one type.

    Attributes:
        plain: The class whose own instances, not a subclass's, may need no codec; None: every value needs it.
        writes_itself: Of an instance of `plain`: `json` writes it as it is. None: true of each.
        reads_itself: Of an instance of `plain` that `json` read: it is the value. None: true of each.
    """

    plain: type[Any] | None = None
    writes_itself: Check | None = None
    reads_itself: Check | None = None

    @abstractmethod
    def encode(self, value: Any) -> Any:
        """What `json` writes for `value`. Raises BadValue."""

    @abstractmethod
    def decode(self, value: Any) -> Any:
        """The value that `json` read as `value`. Raises BadValue."""


class BoolCodec(Codec):
    """Booleans."""

    plain = bool

    def encode(self, value: Any) -> Any:
        if type(value) is not bool:
            raise BadValue(f"expected a boolean, got {kind_of(value)}")
        return value

    decode = encode


def _is_unicode(text: str) -> bool:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return False
    return True


class TextCodec(Codec):
    """Unicode text without surrogates (SPEC JSON-8)."""

    plain = str
    writes_itself = staticmethod(str.isascii)  # other Unicode is looked at

    def encode(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise BadValue(f"expected a string, got {kind_of(value)}")
        if not _is_unicode(value):
            raise BadValue("the text holds a surrogate")
        return value if type(value) is str else str(value)

    def decode(self, value: Any) -> Any:
        if type(value) is not str:
            raise BadValue(f"expected a string, got {kind_of(value)}")
        return value


def _is_in_range(value: int) -> bool:
    return MIN_INTEGER <= value <= MAX_INTEGER


class IntegerCodec(Codec):
    """Integers that either a signed or an unsigned one of 64 bits can hold, exactly (SPEC JSON-6)."""

    plain = int
    writes_itself = reads_itself = staticmethod(_is_in_range)

    def encode(self, value: Any) -> Any:
        if type(value) is not int:
            if isinstance(value, bool) or not isinstance(value, int):
                raise BadValue(f"expected an integer, got {kind_of(value)}")
            value = int(value)
        if not _is_in_range(value):
            raise BadValue("the integer is outside of -2^63 to 2^64-1")
        return value

    def decode(self, value: Any) -> Any:
        if type(value) is not int:
            raise BadValue(f"expected an integer, got {kind_of(value)}")
        if not _is_in_range(value):
            raise BadValue("the integer is outside of -2^63 to 2^64-1")
        return value


class FloatCodec(Codec):
    """Floating-point numbers, integers among them (SPEC JSON-7)."""

    plain = float
    writes_itself = reads_itself = staticmethod(math.isfinite)

    def encode(self, value: Any) -> Any:
        if type(value) is not float:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise BadValue(f"expected a number, got {kind_of(value)}")
            value = _to_float(value)
        if not math.isfinite(value):
            raise BadValue("NaN and infinities are not allowed")
        return value

    def decode(self, value: Any) -> Any:
        if type(value) is int:
            return _to_float(value)
        if type(value) is not float:
            raise BadValue(f"expected a number, got {kind_of(value)}")
        if not math.isfinite(value):
            raise BadValue("the number is outside of the range of a float")
        return value


def _to_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        raise BadValue("the number is outside of the range of a float") from None


class BytesCodec(Codec):
    """Bytes as base64 (SPEC JSON-9)."""

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
    """Moments with an offset, to the microsecond (SPEC JSON-10)."""

    def encode(self, value: Any) -> Any:
        if not isinstance(value, datetime):
            raise BadValue(f"expected a datetime, got {kind_of(value)}")
        offset = value.utcoffset()
        if offset is None:
            raise BadValue("a time must have an offset: give the datetime a tzinfo")
        if offset.total_seconds() % 60:
            raise BadValue("the offset of a time must be whole minutes")
        text = value.isoformat()
        if value.microsecond:
            text = text[:-6].rstrip("0") + text[-6:]
        return text

    def decode(self, value: Any) -> Any:
        if type(value) is not str:
            raise BadValue(f"expected a time in a string, got {kind_of(value)}")
        if not _RFC3339.fullmatch(value):
            raise BadValue("the string is no RFC 3339 time with an offset")
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            raise BadValue("the string is no RFC 3339 time with an offset") from None


class EnumCodec(Codec):
    """Members of an enumeration, by name (SPEC JSON-11)."""

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


class OptionalCodec(Codec):
    """What it wraps, or null."""

    def __init__(self, inner: Codec) -> None:
        self.inner = inner

    def encode(self, value: Any) -> Any:
        return None if value is None else self.inner.encode(value)

    def decode(self, value: Any) -> Any:
        return None if value is None else self.inner.decode(value)


class NullCodec(Codec):
    """Null."""

    def encode(self, value: Any) -> Any:
        if value is not None:
            raise BadValue(f"expected null, got {kind_of(value)}")
        return None

    decode = encode


def _are_integers(values: list[Any]) -> bool:
    return not values or (
        _INTEGERS.issuperset(map(type, values)) and _is_in_range(min(values)) and _is_in_range(max(values))
    )


def _are_floats(values: list[Any]) -> bool:
    return _FLOATS.issuperset(map(type, values)) and math.isfinite(sum(values))  # if only the sum overflows: not told


def _are_texts(values: list[Any]) -> bool:
    return _TEXTS.issuperset(map(type, values)) and all(map(str.isascii, values))


_INTEGERS, _FLOATS, _TEXTS = frozenset({int}), frozenset({float}), frozenset({str})
_LISTS: dict[type[Any] | None, Check] = {int: _are_integers, float: _are_floats, str: _are_texts}
"""By the plain class of their items: true of lists that are written, and read, as they are."""


class ListCodec(Codec):
    """Lists of one type."""

    def __init__(self, item: Codec, make: Callable[[list[Any]], Any]) -> None:
        self.item = item
        self.make = make
        if make is list and (check := _LISTS.get(item.plain)) is not None:
            self.plain = list
            self.writes_itself = self.reads_itself = check

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


class RepeatedNames(dict[str, Any]):
    """An object in which names came more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = {name for name, count in Counter(name for name, _ in pairs).items() if count > 1}


class MapCodec(Codec):
    """Objects whose members are all of one type."""

    def __init__(self, value: Codec) -> None:
        self.value = value

    def encode(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise BadValue(f"expected an object, got {kind_of(value)}")
        result = {}
        for key, item in value.items():
            try:
                result[_TEXT.encode(key)] = self.value.encode(item)
            except BadValue as bad:
                raise bad.within("*") from None
        return result

    def decode(self, value: Any) -> Any:
        if not isinstance(value, dict):
            raise BadValue(f"expected an object, got {kind_of(value)}")
        if type(value) is not dict:
            raise BadValue("a key is there twice")
        result = {}
        for key, item in value.items():
            try:
                result[key] = self.value.decode(item)
            except BadValue as bad:
                raise bad.within("*") from None
        return result


class AnyJsonCodec(Codec):
    """Free JSON: what is annotated as `Any`, `dict` or `list`.

    Args:
        kind: What the value itself must be.
    """

    def __init__(self, kind: type[Any] = object) -> None:
        self.kind = kind

    def encode(self, value: Any) -> Any:
        if not isinstance(value, self.kind):
            raise BadValue(f"expected a {self.kind.__name__}, got {kind_of(value)}")
        return self._check(value)

    def decode(self, value: Any) -> Any:
        return self.encode(value)

    def _check(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return _TEXT.encode(value)
        if kind is int:
            return _INTEGER.encode(value)
        if kind is float:
            return _FLOAT.encode(value)
        if isinstance(value, (list, tuple)):
            return _each(value, self._check)
        if isinstance(value, dict):
            return _ANY_MAP.decode(value) if kind is RepeatedNames else _ANY_MAP.encode(value)
        raise BadValue(f"{kind_of(value)} is no JSON value; annotate the member with its type")


_TEXT = TextCodec()
_INTEGER = IntegerCodec()
_FLOAT = FloatCodec()
_ANY_MAP = MapCodec(AnyJsonCodec())
