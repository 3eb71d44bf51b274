"""Names on the wire: of message types (SPEC PAY-3), and of members and enumerators in canonical JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, overload

from google.protobuf.message import Message as ProtobufMessage

from .exceptions import InvalidArgumentError

_T = TypeVar("_T")
_NAME_ATTRIBUTE = "__parley_message_name__"
_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@overload
def message(name: type[_T], /) -> type[_T]: ...


@overload
def message(name: str | None = None, *, version: int | None = None) -> Callable[[type[_T]], type[_T]]: ...


def message(
    name: str | type[Any] | None = None, *, version: int | None = None
) -> type[Any] | Callable[[type[Any]], type[Any]]:
    """Class decorator: the name that messages of this class have on the wire (SPEC PAY-3).

    Args:
        name: The name without a version; default: the class's own.
        version: 1 or more: appended as `_v1`. None: no version.

    Raises:
        InvalidArgumentError: The name is empty or the version is not a positive integer.
    """
    if isinstance(name, type):
        return message()(name)
    if name is not None and not name:
        raise InvalidArgumentError("the name of a message must not be empty")
    if version is not None and (type(version) is not int or version < 1):
        raise InvalidArgumentError(f"the version of a message must be an integer from 1 up, not {version!r}")

    def decorate(cls: type[_T]) -> type[_T]:
        setattr(cls, _NAME_ATTRIBUTE, (name or cls.__name__) + ("" if version is None else f"_v{version}"))
        return cls

    return decorate


def wire_name(cls: type[Any]) -> str:
    """The name that messages of `cls` have on the wire unless their serializer says otherwise."""
    if isinstance(declared := vars(cls).get(_NAME_ATTRIBUTE), str):
        return declared
    # Protobuf's own base class has no descriptor; it is found beside messages where a module imports it.
    if issubclass(cls, ProtobufMessage) and cls.DESCRIPTOR is not None:
        full_name: str = cls.DESCRIPTOR.full_name
        return full_name
    return cls.__name__


@cache
def member_name(name: str) -> str:
    """The `snake_case` form of a member's name: `Address2` → `address2`, `HTTPCode` → `http_code`."""
    return _WORD_BREAK.sub("_", name).lower()


@cache
def enumerator_name(name: str) -> str:
    """The `UPPER_SNAKE` form of an enumerator's name: `DarkBlue` → `DARK_BLUE`."""
    return _WORD_BREAK.sub("_", name).upper()
