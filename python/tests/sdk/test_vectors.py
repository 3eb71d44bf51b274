"""The golden vectors: every payload, name, id and frame, good and bad, through the SDK's own codecs."""

from __future__ import annotations

import base64
import importlib.util
import json
import math
import struct
import sys
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from parley import AgentId, TopicId, TypePrefixSubscription, try_get_known_serializers_for_type
from parley._names import enumerator_name, member_name, wire_name
from parley.exceptions import InvalidArgumentError, ParleyError
from parley_wire.v1 import broker_service_pb2

CONFORMANCE = Path(__file__).parents[3] / "conformance"
VECTORS = CONFORMANCE / "vectors"
HAS = {"wide_integers", "naive_times"}  # what Python has of the things that vectors need


def load(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((VECTORS / name).read_text())
    return data


def load_module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # there, annotations are looked up
    spec.loader.exec_module(module)
    return module


TYPES = {entry["name"]: entry for entry in load("types.json")["types"]}
# The kit's adapter has the vocabulary as Python classes, and makes the values of vectors into them.
vocabulary = load_module("adapter_vocabulary", CONFORMANCE / "adapters" / "python" / "vocabulary.py")


def payload_vectors() -> list[Any]:
    vectors = load("json.json")["vectors"] + load("protobuf.json")["vectors"]
    return [pytest.param(v, id=v["id"]) for v in vectors if set(v.get("needs", ())) <= HAS]


def data_of(entry: dict[str, str]) -> bytes:
    return entry["text"].encode() if "text" in entry else base64.b64decode(entry["base64"])


def text_of(value: Any) -> Any:
    """A text of the vectors, surrogates and repetitions included."""
    if isinstance(value, dict) and "$utf16" in value:
        units = b"".join(struct.pack(">H", int(unit, 16)) for unit in value["$utf16"])
        return units.decode("utf-16-be", "surrogatepass")
    if isinstance(value, dict) and "$repeat" in value:
        return value["$repeat"] * value["times"]
    return value


def equal(left: Any, right: Any) -> bool:
    """Equality of the vectors: floats bit by bit but for the sign of 0, moments with their offset."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, datetime):
        return left == right and left.utcoffset() == right.utcoffset()
    if isinstance(left, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if is_dataclass(left) and not isinstance(left, Enum):
        return all(equal(getattr(left, field.name), getattr(right, field.name)) for field in fields(left))
    return bool(left == right)


class Digits(str):
    """A number without fraction and exponent, as written."""


def parse_json(data: bytes) -> Any:
    """The JSON value with its numbers as the vectors compare them; objects as sorted pairs."""
    return json.loads(
        data.decode(), parse_int=Digits, parse_float=Decimal, object_pairs_hook=lambda pairs: sorted(pairs, key=str)
    )


class Subject:
    """The SDK's serializer for the type of a vector."""

    def __init__(self, vector: dict[str, Any]) -> None:
        self.type_name = vector["type"]
        self.protobuf = vector["content_type"] != "application/json"
        self.content_type = "protobuf" if self.protobuf else "json"
        self.cls = vocabulary.class_of(self.type_name, self.content_type)
        (self.serializer,) = try_get_known_serializers_for_type(self.cls)

    def value(self, value: Any) -> Any:
        return vocabulary.build(self.type_name, self.content_type, value)

    def equal(self, left: Any, right: Any) -> bool:
        if not self.protobuf:
            return equal(left, right)
        left.DiscardUnknownFields()
        right.DiscardUnknownFields()
        return bool(left.SerializeToString(deterministic=True) == right.SerializeToString(deterministic=True))

    def equal_data(self, left: bytes, right: bytes) -> bool:
        if not self.protobuf:
            return bool(parse_json(left) == parse_json(right))
        return self.equal(self.cls.FromString(left), self.cls.FromString(right))


@pytest.mark.parametrize("vector", payload_vectors())
def test_payload(vector: dict[str, Any]) -> None:
    subject = Subject(vector)
    if "error" in vector:
        attempts = [data_of(entry) for entry in vector.get("inputs", ())]
        for data in attempts:
            with pytest.raises(ParleyError) as caught:
                subject.serializer.deserialize(data)
            check_error(caught.value, vector["error"])
        if "value" in vector:
            with pytest.raises(ParleyError) as caught:
                subject.serializer.serialize(subject.value(vector["value"]))
            check_error(caught.value, vector["error"])
        assert attempts or "value" in vector
        return
    value = subject.value(vector["value"])
    if "encoded" in vector:
        encoded = data_of(vector["encoded"])
        assert subject.equal_data(subject.serializer.serialize(value), encoded)
        assert subject.equal(subject.serializer.deserialize(encoded), value)
    for entry in vector.get("inputs", ()):
        assert subject.equal(subject.serializer.deserialize(data_of(entry)), value), entry


def check_error(error: ParleyError, expected: dict[str, str]) -> None:
    assert error.reason == expected["reason"]
    if "names" in expected:
        assert expected["names"] in error.message
        assert expected["names"] in error.details.get("member", expected["names"])


@pytest.mark.parametrize("entry", TYPES.values(), ids=TYPES)
def test_type_names(entry: dict[str, Any]) -> None:
    assert wire_name(vocabulary.class_of(entry["name"], "json")) == entry["wire_name"]
    if "protobuf" in entry:
        assert wire_name(vocabulary.class_of(entry["name"], "protobuf")) == entry["protobuf"]


def test_member_names() -> None:
    names = load("names.json")
    assert {n["written"]: member_name(n["written"]) for n in names["members"]} == {
        n["written"]: n["wire"] for n in names["members"]
    }
    assert {n["written"]: enumerator_name(n["written"]) for n in names["enumerations"]} == {
        n["written"]: n["wire"] for n in names["enumerations"]
    }
    for name in names["members"]:
        assert member_name(name["wire"]) == name["wire"]


IDS = load("ids.json")


@pytest.mark.parametrize("entry", IDS["agent_types"] + IDS["topic_types"] + IDS["keys"], ids=repr)
def test_id_parts(entry: dict[str, Any]) -> None:
    value = text_of(entry["value"])
    if entry in IDS["agent_types"]:
        makers = [lambda: AgentId(value, "k")]
    elif entry in IDS["topic_types"]:
        makers = [lambda: TopicId(value, "k"), lambda: TypePrefixSubscription(value, "a")]
    else:
        makers = [lambda: AgentId("a", value), lambda: TopicId("a", value)]
    for make in makers:
        if entry["valid"]:
            make()
        else:
            with pytest.raises(InvalidArgumentError) as caught:
                make()
            assert "field" in caught.value.details


@pytest.mark.parametrize("kind", ["agent_ids", "topic_ids"])
def test_ids(kind: str) -> None:
    cls: Any = AgentId if kind == "agent_ids" else TopicId
    for entry in IDS[kind]:
        text = text_of(entry["text"])
        if entry.get("valid", True):
            parsed = cls.from_str(text)
            second = parsed.key if cls is AgentId else parsed.source
            assert (parsed.type, second) == (entry["type"], text_of(entry.get("key", entry.get("source"))))
            assert str(parsed) == text
        else:
            with pytest.raises(InvalidArgumentError):
                cls.from_str(text)


FRAMES = load("frames.json")


@pytest.mark.parametrize("entry", FRAMES["frames"], ids=lambda entry: entry["id"])
def test_frames(entry: dict[str, Any]) -> None:
    for garbage in entry.get("garbage", ()):
        with pytest.raises((DecodeError, UnicodeDecodeError)):
            broker_service_pb2.Frame.FromString(base64.b64decode(garbage))
    if "bytes" not in entry:
        assert entry["garbage"]
        return
    frame = broker_service_pb2.Frame.FromString(base64.b64decode(entry["bytes"]))
    expected = json_format.ParseDict(entry["frame"], broker_service_pb2.Frame())
    unknown = [message for message in frame.messages if message.WhichOneof("kind") is None]
    assert len(unknown) == entry.get("unknown_kinds", 0)
    frame.DiscardUnknownFields()
    assert frame == expected
