"""Canonical JSON (SPEC, section JSON): the codec of a type, made from its annotations once."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import sys
import types
import typing
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from ._json_values import (
    AnyJsonCodec,
    BadValue,
    BoolCodec,
    BytesCodec,
    Check,
    Codec,
    EnumCodec,
    FloatCodec,
    IntegerCodec,
    ListCodec,
    MapCodec,
    NullCodec,
    OptionalCodec,
    RepeatedNames,
    TextCodec,
    TimeCodec,
    kind_of,
)
from ._names import member_name


@dataclasses.dataclass(slots=True)
class _Member:
    attribute: str
    name: str
    codec: Codec
    required: bool


class _Write(NamedTuple):
    """What is asked of a member for every message that is written, in a row."""

    attribute: str
    name: str
    plain: type[Any] | None
    writes_itself: Check | None
    encode: Callable[[Any], Any]


class _Read(NamedTuple):
    """The same for every message that is read."""

    attribute: str
    name: str
    plain: type[Any] | None
    reads_itself: Check | None
    decode: Callable[[Any], Any]
    required: bool


_ABSENT = object()


class RecordCodec(Codec):
    """A dataclass or pydantic model. Its members are found on first use, so that it may contain itself.

    Args:
        cls: The class.
        find: Its members.
        make: An instance from the members that came, by attribute.
    """

    def __init__(
        self, cls: type[Any], find: Callable[[type[Any]], Iterator[_Member]], make: Callable[[dict[str, Any]], Any]
    ) -> None:
        self._cls = cls
        self._find = find
        self._make = make
        self._members: list[_Member] = []
        self._writes: list[_Write] = []
        self._reads: list[_Read] = []
        self._found = False

    def members(self) -> list[_Member]:
        """The members in the order written. Raises BadValue for a class that canonical JSON cannot carry."""
        if not self._found:
            members = list(self._find(self._cls))
            attributes: dict[str, str] = {}
            for member in members:
                if (other := attributes.setdefault(member.name, member.attribute)) != member.attribute:
                    raise BadValue(f"{self._cls.__name__}: {other} and {member.attribute} would both be {member.name}")
            self._members = members
            self._writes = [
                _Write(m.attribute, m.name, m.codec.plain, m.codec.writes_itself, m.codec.encode) for m in members
            ]
            self._reads = [
                _Read(m.attribute, m.name, m.codec.plain, m.codec.reads_itself, m.codec.decode, m.required)
                for m in members
            ]
            self._found = True
        return self._members

    def encode(self, value: Any) -> Any:
        if type(value) is not self._cls and not isinstance(value, self._cls):
            raise BadValue(f"expected a {self._cls.__name__}, got {kind_of(value)}")
        if not self._found:
            self.members()
        result = {}
        for attribute, name, plain, writes_itself, encode in self._writes:
            item = getattr(value, attribute)
            if type(item) is not plain or not (writes_itself is None or writes_itself(item)):
                try:
                    item = encode(item)
                except BadValue as bad:
                    raise bad.within(name) from None
            result[name] = item
        return result

    def decode(self, value: Any) -> Any:
        if not self._found:
            self.members()
        if type(value) is not dict:
            self._check_object(value)
        values = {}
        for attribute, name, plain, reads_itself, decode, required in self._reads:
            item = value.get(name, _ABSENT)
            if type(item) is not plain or not (reads_itself is None or reads_itself(item)):
                if item is _ABSENT:
                    if required:
                        raise BadValue("the member is missing").within(name)
                    continue
                try:
                    item = decode(item)
                except BadValue as bad:
                    raise bad.within(name) from None
            values[attribute] = item
        try:
            return self._make(values)
        except (TypeError, ValueError) as error:
            raise BadValue(f"{self._cls.__name__} refuses the values ({type(error).__name__})") from error

    def _check_object(self, value: Any) -> None:
        if not isinstance(value, RepeatedNames):
            raise BadValue(f"expected an object, got {kind_of(value)}")
        for member in self.members():
            if member.name in value.repeated:
                raise BadValue("the member is there twice").within(member.name)


def _dataclass_codec(cls: type[Any]) -> RecordCodec:
    def find(cls: type[Any]) -> Iterator[_Member]:
        hints = _hints(cls)
        for field in dataclasses.fields(cls):
            if field.init:
                required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
                yield _Member(field.name, member_name(field.name), _of_member(cls, field.name, hints), required)

    return RecordCodec(cls, find, lambda values: cls(**values))


def _pydantic_codec(cls: type[Any]) -> RecordCodec:
    def find(cls: type[Any]) -> Iterator[_Member]:
        hints = _hints(cls)
        for name, field in cls.model_fields.items():
            yield _Member(name, member_name(name), _of_member(cls, name, hints), field.is_required())

    return RecordCodec(cls, find, cls.model_validate)


def _hints(cls: type[Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise BadValue(f"an annotation of {cls.__name__} cannot be resolved: {error}") from None


def _of_member(cls: type[Any], name: str, hints: dict[str, Any]) -> Codec:
    try:
        return codec_of(hints[name])
    except BadValue as bad:
        raise bad.within(member_name(name)) from None


_SIMPLE: dict[Any, Codec] = {
    bool: BoolCodec(),
    int: IntegerCodec(),
    float: FloatCodec(),
    str: TextCodec(),
    bytes: BytesCodec(),
    datetime: TimeCodec(),
    type(None): NullCodec(),
    None: NullCodec(),
    Any: AnyJsonCodec(),
    object: AnyJsonCodec(),
    dict: AnyJsonCodec(dict),
    list: AnyJsonCodec(list),
}
_LISTS: dict[Any, Callable[[list[Any]], Any]] = {
    list: list,
    collections.abc.Sequence: list,
    collections.abc.Iterable: list,
    tuple: tuple,
}
_MAPS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def is_pydantic_model(cls: Any) -> bool:
    """True for pydantic models; imports pydantic never: who defines a model has done it."""
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(cls, type) and issubclass(cls, pydantic.BaseModel)


def is_record(cls: Any) -> bool:
    """True for the classes whose instances may be JSON messages: dataclasses and pydantic models."""
    return isinstance(cls, type) and (dataclasses.is_dataclass(cls) or is_pydantic_model(cls))


def codec_of(annotation: Any) -> Codec:
    """The codec of a type annotation. Raises BadValue naming a type that canonical JSON does not list."""
    try:
        return _known_codec(annotation)
    except TypeError:  # not hashable, such as Annotated with a list in it
        return _make_codec(annotation)


@cache
def _known_codec(annotation: Any) -> Codec:
    return _make_codec(annotation)


def _make_codec(annotation: Any) -> Codec:
    if annotation in _SIMPLE:
        return _SIMPLE[annotation]
    if is_pydantic_model(annotation):
        return _pydantic_codec(annotation)
    if is_record(annotation):
        return _dataclass_codec(annotation)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return EnumCodec(annotation)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return codec_of(args[0])
    if origin in (Union, types.UnionType):
        inner = [arg for arg in args if arg is not type(None)]
        if len(inner) == 1 and len(inner) < len(args):
            return OptionalCodec(codec_of(inner[0]))
    if origin in _LISTS and args and (origin is not tuple or args[1:] == (Ellipsis,)):
        return ListCodec(codec_of(args[0]), _LISTS[origin])
    if origin in _MAPS and args[0] is str:
        return MapCodec(codec_of(args[1]))
    raise BadValue(
        f"{annotation} is no type of canonical JSON; allowed: bool, int, float, str, bytes, datetime, enumerations, "
        "dataclasses, pydantic models, list[T], dict[str, T], Any, and each of them or None"
    )
