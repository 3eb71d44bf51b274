"""Serializers: those that Parley makes, and those that users write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pytest

from parley import MessageSerializer, UnknownPayload, try_get_known_serializers_for_type
from parley._serialization import JsonSerializer, ProtobufSerializer, message_class_of
from parley.exceptions import InvalidArgumentError, MalformedPayloadError
from parley_wire.v1 import envelope_pb2

T = TypeVar("T")


@dataclass
class Plain:
    name: str


class Handwritten(MessageSerializer[Plain]):
    @property
    def data_content_type(self) -> str:
        return "application/json"

    def serialize(self, message: Plain) -> bytes:
        return json.dumps([message.name]).encode()

    def deserialize(self, payload: bytes) -> Plain:
        return Plain(*json.loads(payload))


class Base(MessageSerializer[T], Generic[T]):
    pass


class Derived(Base[Plain]):
    pass


class Forward(MessageSerializer["Plain"]):
    pass


def test_known_ones() -> None:
    (serializer,) = try_get_known_serializers_for_type(Plain)
    assert isinstance(serializer, JsonSerializer)
    assert (serializer.type_name, serializer.data_content_type) == ("Plain", "application/json")
    (serializer,) = try_get_known_serializers_for_type(envelope_pb2.AgentId)
    assert isinstance(serializer, ProtobufSerializer)
    assert (serializer.type_name, serializer.data_content_type) == ("parley.v1.AgentId", "application/protobuf")
    assert try_get_known_serializers_for_type(int) == []


def test_the_class_of_a_handwritten_one() -> None:
    assert message_class_of(Handwritten()) is Plain
    assert message_class_of(Derived()) is Plain
    assert message_class_of(Forward()) is Plain
    assert message_class_of(object()) is None
    assert Handwritten().type_name == "Plain"


def test_a_serializer_without_a_class_says_so() -> None:
    class Nameless(MessageSerializer):  # type: ignore[type-arg]
        pass

    with pytest.raises(InvalidArgumentError, match="names no message class"):
        _ = Nameless().type_name


def test_protobuf_round_trip() -> None:
    (serializer,) = try_get_known_serializers_for_type(envelope_pb2.AgentId)
    id = envelope_pb2.AgentId(type="a", key="k")
    assert serializer.deserialize(serializer.serialize(id)) == id
    with pytest.raises(MalformedPayloadError):
        serializer.deserialize(b"\xff")


def test_errors_name_the_member_and_never_show_data() -> None:
    serializer: JsonSerializer[Any] = JsonSerializer(Plain)
    with pytest.raises(InvalidArgumentError, match="name: expected a string, got an integer") as refused:
        serializer.serialize(Plain(12345))  # type: ignore[arg-type]
    assert refused.value.details == {"member": "name"}
    with pytest.raises(MalformedPayloadError) as malformed:
        serializer.deserialize(b'{"name": 12345}')
    assert malformed.value.details == {"member": "name"}
    assert "12345" not in str(refused.value) + str(malformed.value)


def test_unknown_payload() -> None:
    assert UnknownPayload("a", "b", b"c") == UnknownPayload(type_name="a", data_content_type="b", payload=b"c")
