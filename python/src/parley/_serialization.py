"""Serializers: how messages become payloads and back, and which one serves which message (SPEC PAY-1 to PAY-4)."""

from __future__ import annotations

import sys
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, get_args, get_origin

from google.protobuf.message import DecodeError, EncodeError
from google.protobuf.message import Message as ProtobufMessage

from ._constants import JSON_DATA_CONTENT_TYPE, PROTOBUF_DATA_CONTENT_TYPE
from ._json_codec import codec_of, is_record
from ._json_text import read_json, write_json
from ._json_values import BadValue
from ._names import wire_name
from .exceptions import InvalidArgumentError, MalformedPayloadError

T = TypeVar("T")
ProtobufT = TypeVar("ProtobufT", bound=ProtobufMessage)


class MessageSerializer(Protocol[T]):
    """Turns messages of one class into bytes and back.

    A subclass names its class as the generic argument, `MessageSerializer[MyMessage]`, or it is given as
    `message_type=` when the serializer is added. `type_name` may be left out: it defaults to the class's wire name.
    """

    @property
    def data_content_type(self) -> str:
        """Content type of the bytes, e.g. `JSON_DATA_CONTENT_TYPE`."""
        ...

    @property
    def type_name(self) -> str:
        """Wire name of the messages, version included (SPEC PAY-3)."""
        cls = message_class_of(self)
        if cls is None:
            raise InvalidArgumentError(
                f"{type(self).__name__} names no message class: derive it from MessageSerializer[YourMessage], "
                "or define type_name"
            )
        return wire_name(cls)

    def deserialize(self, payload: bytes) -> T:
        """The message. A ValueError is MALFORMED_PAYLOAD, an UnsupportedVersionError is UNSUPPORTED_VERSION."""
        ...

    def serialize(self, message: T) -> bytes:
        """The bytes of `message`."""
        ...


def message_class_of(serializer: object) -> type[Any] | None:
    """The generic argument that the serializer's class gave to MessageSerializer; None if there is none."""
    for cls in type(serializer).__mro__:
        for base in vars(cls).get("__orig_bases__", ()):
            origin = get_origin(base)
            if isinstance(origin, type) and MessageSerializer in origin.__mro__:
                argument = get_args(base)[0]
                if isinstance(argument, typing.ForwardRef):
                    argument = getattr(sys.modules[cls.__module__], argument.__forward_arg__, None)
                if isinstance(argument, type) and argument is not Any:
                    return argument
    return None


class JsonSerializer(Generic[T]):
    """Canonical JSON of a dataclass or pydantic model (SPEC, section JSON).

    Raises:
        InvalidArgumentError: When serializing: the class has a member that canonical JSON cannot carry, or a value.
        MalformedPayloadError: When deserializing: the bytes are not the JSON of this class.
    """

    def __init__(self, cls: type[T], *, type_name: str | None = None) -> None:
        self.message_class = cls
        self.type_name = type_name or wire_name(cls)
        self.data_content_type = JSON_DATA_CONTENT_TYPE
        self._codec = codec_of(cls)

    def serialize(self, message: T) -> bytes:
        """The JSON as UTF-8."""
        try:
            return write_json(self._codec.encode(message))
        except RecursionError:
            raise InvalidArgumentError(f"{self.type_name} cannot be written as JSON: it is nested too deep") from None
        except BadValue as bad:
            raise InvalidArgumentError(
                f"{self.type_name} cannot be written as JSON: {bad}", details=bad.details()
            ) from bad

    def deserialize(self, payload: bytes) -> T:
        """The message that the JSON says."""
        try:
            message: T = self._codec.decode(read_json(payload))
        except BadValue as bad:
            raise MalformedPayloadError(f"the payload is no {self.type_name}: {bad}", details=bad.details()) from bad
        return message


class ProtobufSerializer(Generic[ProtobufT]):
    """The raw bytes of a protobuf message class.

    Raises:
        InvalidArgumentError: When serializing: a required member of a proto2 message is missing.
        MalformedPayloadError: When deserializing: the bytes are not this message.
    """

    def __init__(self, cls: type[ProtobufT], *, type_name: str | None = None) -> None:
        self.message_class = cls
        self.type_name = type_name or wire_name(cls)
        self.data_content_type = PROTOBUF_DATA_CONTENT_TYPE

    def serialize(self, message: ProtobufT) -> bytes:
        """The bytes."""
        try:
            return message.SerializeToString()
        except (EncodeError, UnicodeEncodeError) as error:
            raise InvalidArgumentError(f"{self.type_name} cannot be written as protobuf: {error}") from error

    def deserialize(self, payload: bytes) -> ProtobufT:
        """The message that the bytes say."""
        try:
            return self.message_class.FromString(payload)
        except (DecodeError, UnicodeDecodeError, SystemError) as error:  # protobuf 3.21 raises the last for some bytes
            raise MalformedPayloadError(f"the payload is no {self.type_name}: it cannot be parsed") from error


@dataclass(frozen=True)
class UnknownPayload:
    """What came for a message whose type nobody registered."""

    type_name: str
    data_content_type: str
    payload: bytes


def try_get_known_serializers_for_type(cls: type[Any]) -> list[MessageSerializer[Any]]:
    """The serializers that Parley makes for `cls` by itself: dataclasses, pydantic and protobuf. Empty for others."""
    if issubclass(cls, ProtobufMessage):
        return [ProtobufSerializer(cls)]
    if is_record(cls):
        return [JsonSerializer(cls)]
    return []


def flatten(serializers: MessageSerializer[Any] | Sequence[MessageSerializer[Any]]) -> list[MessageSerializer[Any]]:
    """One serializer or many, as a list."""
    return list(serializers) if isinstance(serializers, Sequence) else [serializers]
