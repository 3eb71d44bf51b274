"""Which serializer writes and which one reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf import message as protobuf_message

from parley import MessageSerializer, message
from parley._registry import EncodedPayload, SerializationRegistry, check_reply
from parley._serialization import try_get_known_serializers_for_type
from parley.exceptions import (
    InvalidArgumentError,
    MalformedPayloadError,
    UnknownMessageTypeError,
    UnsupportedVersionError,
)
from parley_wire.v1 import envelope_pb2


@dataclass
class Request:
    n: int


@dataclass
class Reply:
    n: int


@message("reply", version=2)
@dataclass
class VersionedReply:
    n: int


class Numbered(MessageSerializer[Request]):
    """Writes the number alone; reads what its version allows."""

    def __init__(self, version: int) -> None:
        self.version = version

    @property
    def data_content_type(self) -> str:
        return "application/json"

    @property
    def type_name(self) -> str:
        return f"request_v{self.version}"

    def serialize(self, message: Request) -> bytes:
        return str(message.n).encode()

    def deserialize(self, payload: bytes) -> Request:
        if payload == b"old":
            raise UnsupportedVersionError("version 0 is not supported, 1 is")
        if payload == b"key":
            return {}["missing"]  # type: ignore[no-any-return]
        return Request(int(payload))


def payload(name: str, data: bytes = b'{"n":1}', content_type: str = "application/json") -> EncodedPayload:
    return EncodedPayload(name, content_type, data)


def test_a_sender_needs_no_registered_types() -> None:
    assert SerializationRegistry().encode(Request(1)) == payload("Request")


def test_the_last_one_added_writes_and_all_read() -> None:
    registry = SerializationRegistry()
    registry.add_known(Request)
    registry.add(Numbered(1))
    registry.add(Numbered(2), receive_only=True)
    assert registry.encode(Request(1)) == payload("request_v1", b"1")
    registry.add([Numbered(3), Numbered(4)])
    registry.add_known(Request)  # a handler's annotation does not take the user's place
    assert registry.encode(Request(1)) == payload("request_v4", b"1")
    for name in ("request_v1", "request_v2", "request_v3", "request_v4"):
        assert registry.decode(payload(name, b"7")) == Request(7)
    assert registry.decode(payload("Request")) == Request(1)


def test_a_serializer_for_another_class() -> None:
    class Shared(MessageSerializer[Any]):
        @property
        def data_content_type(self) -> str:
            return "text/plain"

        def serialize(self, message: Any) -> bytes:
            return b"x"

        def deserialize(self, payload: bytes) -> Any:
            return Reply(9)

    registry = SerializationRegistry()
    registry.add(Shared(), message_type=VersionedReply)
    assert registry.encode(VersionedReply(1)) == payload("reply_v2", b"x", "text/plain")
    with pytest.raises(InvalidArgumentError, match="does not say which class it serves"):
        registry.add(Shared())


def test_what_has_no_serializer() -> None:
    with pytest.raises(InvalidArgumentError, match=r"no serializer for builtins\.object"):
        SerializationRegistry().encode(object())


def test_an_unknown_type_names_what_is_understood() -> None:
    registry = SerializationRegistry()
    registry.add(Numbered(1))
    with pytest.raises(UnknownMessageTypeError) as caught:
        registry.decode(payload("request_v9"))
    assert caught.value.details == {"type_name": "request_v9", "understood": "request_v1"}
    with pytest.raises(UnknownMessageTypeError):
        registry.decode(payload("request_v1", b"1", "text/plain"))


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"x", MalformedPayloadError), (b"key", MalformedPayloadError), (b"old", UnsupportedVersionError)],
)
def test_what_a_serializer_refuses(data: bytes, error: type[Exception]) -> None:
    registry = SerializationRegistry()
    registry.add(Numbered(1))
    with pytest.raises(error) as caught:
        registry.decode(payload("request_v1", data))
    assert caught.value.details["type_name"] == "request_v1"  # type: ignore[attr-defined]


def test_autogens_spelling_of_protobuf() -> None:
    registry = SerializationRegistry()
    registry.add(try_get_known_serializers_for_type(envelope_pb2.AgentId))
    id = envelope_pb2.AgentId(type="a", key="k")
    encoded = EncodedPayload("parley.v1.AgentId", "application/x-protobuf", id.SerializeToString())
    assert registry.decode(encoded) == id
    assert registry.encode(id).content_type == "application/protobuf"


def test_replies() -> None:
    registry = SerializationRegistry()
    beside = registry.decode_reply(payload("Reply"), Request, None)
    assert beside == Reply(1)
    assert registry.decode_reply(payload("reply_v2"), Request, None) == VersionedReply(1)
    assert registry.decode_reply(payload("Reply"), int, Reply) == Reply(1)
    assert registry.decode_reply(payload("Reply"), int, Request | Reply) == Reply(1)
    registry.add(Numbered(1))
    assert registry.decode_reply(payload("request_v1", b"3"), int, None) == Request(3)


def test_replies_beside_the_base_class_of_protobuf_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "Message", protobuf_message.Message)  # a message class without a descriptor
    assert SerializationRegistry().decode_reply(payload("Reply"), Request, None) == Reply(1)


def test_replies_that_nobody_knows() -> None:
    registry = SerializationRegistry()
    with pytest.raises(
        UnknownMessageTypeError, match="register it with add_message_serializer, pass response_type"
    ) as e:
        registry.decode_reply(payload("Reply"), int, None)
    assert e.value.may_have_run
    with pytest.raises(MalformedPayloadError) as malformed:
        registry.decode_reply(payload("Reply", b"{}"), Request, None)
    assert malformed.value.may_have_run


def test_replies_that_are_not_expected() -> None:
    assert check_reply(Reply(1), None) == Reply(1)
    assert check_reply(Reply(1), Reply | None) == Reply(1)
    assert check_reply(None, Reply | None) is None
    with pytest.raises(UnknownMessageTypeError):
        check_reply(None, Reply)
    with pytest.raises(InvalidArgumentError, match="response_type must be a class"):
        check_reply(None, 7)
