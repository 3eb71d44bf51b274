"""Which serializer writes a message and which one reads a payload (SPEC PAY-4, RPC-14)."""

from __future__ import annotations

import sys
import types
from collections.abc import Sequence
from typing import Any, NamedTuple, Union, get_args, get_origin

from ._constants import PROTOBUF_DATA_CONTENT_TYPE
from ._names import wire_name
from ._serialization import (
    MessageSerializer,
    flatten,
    message_class_of,
    try_get_known_serializers_for_type,
)
from .exceptions import (
    InvalidArgumentError,
    MalformedPayloadError,
    UnknownMessageTypeError,
    UnsupportedVersionError,
)

_Key = tuple[str, str]  # type name, content type


class EncodedPayload(NamedTuple):
    """One message in one encoding."""

    type_name: str
    content_type: str
    data: bytes


def normalise_content_type(content_type: str) -> str:
    """The spelling that Parley writes (SPEC PAY-1)."""
    return PROTOBUF_DATA_CONTENT_TYPE if content_type == "application/x-protobuf" else content_type


class SerializationRegistry:
    """The serializers of one runtime."""

    def __init__(self) -> None:
        self._writers: dict[type[Any], tuple[MessageSerializer[Any], str, str]] = {}
        self._readers: dict[_Key, MessageSerializer[Any]] = {}
        self._explicit: set[_Key] = set()
        self._beside: dict[tuple[str, _Key], MessageSerializer[Any] | None] = {}

    def add(
        self,
        serializers: MessageSerializer[Any] | Sequence[MessageSerializer[Any]],
        *,
        message_type: type[Any] | None = None,
        receive_only: bool = False,
    ) -> None:
        """Adds serializers; the last one added for a class writes it, unless it is `receive_only`.

        Args:
            serializers: One or several.
            message_type: The class that they serve; default: their generic argument.
            receive_only: They read and never write.

        Raises:
            InvalidArgumentError: One of them does not say which class it serves, or has no name or content type.
        """
        for serializer in flatten(serializers):
            cls = message_type or getattr(serializer, "message_class", None) or message_class_of(serializer)
            if cls is None:
                raise InvalidArgumentError(
                    f"{type(serializer).__name__} does not say which class it serves: derive it from "
                    "MessageSerializer[YourMessage], or pass message_type="
                )
            type_name = self._type_name(serializer, cls)
            key = (type_name, normalise_content_type(serializer.data_content_type))
            if not all(key):
                raise InvalidArgumentError(f"{type(serializer).__name__} has an empty type_name or data_content_type")
            self._readers[key] = serializer
            self._explicit.add(key)
            if not receive_only:
                self._writers[cls] = (serializer, *key)

    @staticmethod
    def _type_name(serializer: MessageSerializer[Any], cls: type[Any]) -> str:
        """An explicit name, else the wire name of the class; the inherited default would ignore `message_type=`."""
        declared = getattr(type(serializer), "type_name", None)
        if declared is MessageSerializer.type_name or not hasattr(serializer, "type_name"):
            return wire_name(cls)
        return serializer.type_name

    def add_known(self, cls: type[Any], serializers: Sequence[MessageSerializer[Any]] | None = None) -> None:
        """Adds what a handler's annotation asks for, without taking the place of what the user added."""
        for serializer in serializers if serializers is not None else try_get_known_serializers_for_type(cls):
            key = (self._type_name(serializer, cls), normalise_content_type(serializer.data_content_type))
            if key not in self._explicit:
                self._readers[key] = serializer
            self._writers.setdefault(cls, (serializer, *key))

    def encode(self, message: Any) -> EncodedPayload:
        """The payload of a message.

        Raises:
            InvalidArgumentError: There is no serializer for its class, or it refuses the message.
        """
        cls = type(message)
        writer = self._writers.get(cls)
        if writer is None:
            known = try_get_known_serializers_for_type(cls)
            if not known:
                raise InvalidArgumentError(
                    f"there is no serializer for {cls.__module__}.{cls.__qualname__}: messages are dataclasses, "
                    "pydantic models, protobuf messages, or classes whose serializer was added"
                )
            writer = self._writers[cls] = (known[0], self._type_name(known[0], cls), known[0].data_content_type)
        serializer, type_name, content_type = writer
        data = serializer.serialize(message)
        if not isinstance(data, bytes):
            raise InvalidArgumentError(
                f"{type(serializer).__name__}.serialize returned {type(data).__name__}, not bytes"
            )
        return EncodedPayload(type_name, content_type, data)

    def decode(self, payload: EncodedPayload) -> Any:
        """The message of a payload.

        Raises:
            UnknownMessageTypeError: There is no serializer for it.
            MalformedPayloadError: The serializer raised something else than UnsupportedVersionError.
            UnsupportedVersionError: The serializer refuses the version.
        """
        type_name, content_type, _ = payload
        serializer = self._readers.get((type_name, normalise_content_type(content_type)))
        if serializer is None:
            raise UnknownMessageTypeError(
                f"the message type {payload.type_name!r} ({payload.content_type}) is not known here",
                details=_details(payload, ", ".join(sorted({name for name, _ in self._readers}))),
            )
        return _read(serializer, payload)

    def decode_reply(self, payload: EncodedPayload, request_class: type[Any], response_type: Any) -> Any:
        """The reply to a message of `request_class` (SPEC RPC-14).

        By the serializers added, else by `response_type`, else by the class of that name beside the request's class.

        Args:
            payload: What came.
            request_class: The class of the message that was sent.
            response_type: What the caller expects: a class, a union of classes, or None.

        Raises:
            UnknownMessageTypeError: None of these knows the payload's type; or the reply is not what was expected.
            MalformedPayloadError, UnsupportedVersionError: As for `decode`.
        """
        type_name, content_type, _ = payload
        key = (type_name, normalise_content_type(content_type))
        serializer = (
            self._readers.get(key)
            or (None if response_type is None else _first_serving(_members_of(response_type), key))
            or self._find_beside(request_class, key)
        )
        if serializer is None:
            raise UnknownMessageTypeError(
                f"the reply's type {payload.type_name!r} ({payload.content_type}) is not known here: register it with "
                f"add_message_serializer, pass response_type=, or define it in {request_class.__module__}",
                may_have_run=True,
                details=_details(payload, ""),
            )
        try:
            reply = _read(serializer, payload)
        except (MalformedPayloadError, UnsupportedVersionError) as error:
            error.may_have_run = True
            raise
        return check_reply(reply, response_type)

    def _find_beside(self, request_class: type[Any], key: _Key) -> MessageSerializer[Any] | None:
        """The serializer of a class in the request's module; what was found is remembered, what was not too."""
        module = request_class.__module__
        known = self._beside.get((module, key))
        if known is not None:
            return known
        if (module, key) not in self._beside:
            beside = [value for value in vars(sys.modules.get(module, object)).values() if isinstance(value, type)]
            found = _first_serving([cls for cls in beside if wire_name(cls) == key[0]], key)
            if found is None and len(self._beside) >= 1000:  # a peer chooses the names
                return None
            self._beside[module, key] = found
        return self._beside[module, key]


def _members_of(response_type: Any) -> list[type[Any]]:
    if response_type is None or response_type is Any:
        return []
    members = get_args(response_type) if get_origin(response_type) in (Union, types.UnionType) else (response_type,)
    for member in members:
        if not isinstance(member, type):
            raise InvalidArgumentError(f"response_type must be a class or a union of classes, not {response_type!r}")
    return list(members)


def check_reply(reply: Any, response_type: Any) -> Any:
    """The reply. Raises UnknownMessageTypeError if it is not what the caller expects."""
    if response_type is None:
        return reply
    expected = _members_of(response_type)
    if expected and not isinstance(reply, tuple(expected)):
        allowed = ", ".join(cls.__name__ for cls in expected)
        raise UnknownMessageTypeError(
            f"the reply is a {type(reply).__name__}; response_type allows {allowed}",
            may_have_run=True,
            details={
                "type_name": wire_name(type(reply)),
                "understood": ", ".join(sorted(wire_name(cls) for cls in expected)),
            },
        )
    return reply


def check_response_type(response_type: Any) -> None:
    """Raises InvalidArgumentError unless it is a class, a union of classes, or None."""
    _members_of(response_type)


def _first_serving(classes: Sequence[type[Any]], key: _Key) -> MessageSerializer[Any] | None:
    for cls in classes:
        for serializer in try_get_known_serializers_for_type(cls):
            if (serializer.type_name, serializer.data_content_type) == key:
                return serializer
    return None


def _read(serializer: MessageSerializer[Any], payload: EncodedPayload) -> Any:
    try:
        return serializer.deserialize(payload.data)
    except (UnsupportedVersionError, MalformedPayloadError) as error:
        error.details = {**_details(payload, ""), **error.details}
        raise
    except Exception as error:
        raise MalformedPayloadError(
            f"the serializer of {payload.type_name} refuses the payload ({type(error).__name__})",
            details=_details(payload, ""),
        ) from error


def _details(payload: EncodedPayload, understood: str) -> dict[str, str]:
    details = {"type_name": payload.type_name}
    if understood:
        details["understood"] = understood
    return details
