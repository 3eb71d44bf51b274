"""The golden vectors are what their README says: form, agreement with each other, bytes that are what they claim."""

from __future__ import annotations

import base64
import json
import math
import re
import struct
import sys
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from google.protobuf import json_format, message, timestamp_pb2
from google.protobuf.descriptor import FieldDescriptor

from parley_wire.v1 import broker_service_pb2

FOLDER = Path(__file__).parent.parent / "vectors"
sys.path.insert(0, str(FOLDER))

import messages_pb2  # noqa: E402


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


FILES = sorted(path.name for path in FOLDER.glob("*.json"))
TYPES = {entry["name"]: entry for entry in load("types.json")["types"]}
COLORS = [entry["wire"] for entry in load("types.json")["enumerations"]["Color"]]
JSON = load("json.json")["vectors"]
PROTOBUF = load("protobuf.json")["vectors"]
IDS = load("ids.json")
FRAMES = load("frames.json")["frames"]
by_id = partial(pytest.mark.parametrize, ids=lambda vector: vector["id"])


def data_of(source: dict[str, str]) -> bytes:
    return source["text"].encode() if "text" in source else base64.b64decode(source["base64"])


def text_of(value: Any) -> str:
    if isinstance(value, str):
        return value
    if "$repeat" in value:
        return str(value["$repeat"]) * int(value["times"])
    return bytes.fromhex("".join(value["$utf16"])).decode("utf-16-be", "surrogatepass")


class Token(str):
    """A number of a JSON text as it was written."""


def same_json(left: Any, right: Any) -> bool:
    """Whether two JSON values, numbers kept as Tokens, are equal as the README says."""
    if isinstance(left, Token) and isinstance(right, Token):
        return left == right if left.lstrip("-").isdigit() else Decimal(left) == Decimal(right)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_json(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_json, left, right))
    return type(left) is type(right) and bool(left == right)


def parse(data: bytes) -> Any:
    def no_constant(text: str) -> Any:
        raise ValueError(text)

    return json.loads(data.decode(), parse_int=Token, parse_float=Token, parse_constant=no_constant)


def canonical(kind: str, value: Any) -> Any:
    """A vector's value in the form that parse() gives: the reference that `encoded` is held against."""
    if kind.endswith("?"):
        return None if value is None else canonical(kind[:-1], value)
    if inner := re.fullmatch(r"list<(.*)>", kind):
        return [canonical(inner[1], item) for item in value]
    if inner := re.fullmatch(r"map<(.*)>", kind):
        return {key: canonical(inner[1], item) for key, item in value.items()}
    if kind in TYPES:
        members = {member["name"]: member["type"] for member in TYPES[kind]["members"]}
        assert value.keys() == members.keys()
        return {name: canonical(members[name], item) for name, item in value.items()}
    match kind:
        case "int32" | "int64" | "uint64":
            return Token(value["$int"] if isinstance(value, dict) else value)
        case "float32" | "float64":
            written = value["$float"] if isinstance(value, dict) else repr(value)
            return Token(written if re.search("[.e]", written) else written + ".0")
        case "bytes":
            return value["$bytes"]
        case "time":
            return value["$time"]
        case "json":
            return parse(value["$json"].encode())
        case "Color":
            assert value in COLORS
    return value


def neutral(field: FieldDescriptor, value: Any) -> Any:
    """A protobuf value in the notation of the vectors, with every number as a number."""
    if field.message_type is not None:
        if isinstance(value, timestamp_pb2.Timestamp):
            micros = f"{value.nanos // 1000:06d}".rstrip("0")
            moment = value.ToJsonString().partition(".")[0].rstrip("Z")
            return {"$time": f"{moment}{'.' + micros if micros else ''}+00:00"}
        return read(value)
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    return {"$bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def read(found: message.Message) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for field in found.DESCRIPTOR.fields:
        value = getattr(found, field.name)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            inner = field.message_type.fields_by_name["value"]
            members[field.name] = {key: neutral(inner, value[key]) for key in value}
        elif isinstance(value, (str, bytes, int, float, message.Message)):
            absent = field.has_presence and not found.HasField(field.name)
            members[field.name] = None if absent else neutral(field, value)
        else:
            members[field.name] = [neutral(field, item) for item in value]
    return members


def plain(value: Any) -> Any:
    """A vector's value with its numbers as Python's."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$int" in value:
        return int(value["$int"])
    if "$float" in value:
        return float(value["$float"])
    return {key: plain(item) for key, item in value.items()}


def same_value(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_value(left[key], right[key]) for key in left)
    if isinstance(left, float) and isinstance(right, float):
        near = struct.pack("f", right) if abs(right) < 3.5e38 else None
        return left == right or (math.isnan(left) and math.isnan(right)) or struct.pack("f", left) == near
    return type(left) is type(right) and bool(left == right)


@pytest.mark.parametrize("name", FILES)
def test_every_file_has_the_form_of_the_schema(name: str) -> None:
    schema = load("../schema/vectors.schema.json")
    validator = jsonschema.Draft202012Validator(schema["$defs"][load(name)["kind"]] | {"$defs": schema["$defs"]})
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(load(name))] == []


def test_ids_of_vectors_are_unique_and_rules_exist() -> None:
    specification = (FOLDER / "../../proto/SPEC.md").read_text(encoding="utf-8")
    numbers = set(re.findall(r"^- \*\*([A-Z]+-\d+)\*\*", specification, re.MULTILINE))
    vectors = [*JSON, *PROTOBUF, *FRAMES]
    assert len({vector["id"] for vector in vectors}) == len(vectors)
    assert {rule for vector in vectors for rule in vector["rules"]} - numbers == set()


@by_id("vector", [vector for vector in JSON if "encoded" in vector])
def test_json_encoded_is_the_value(vector: dict[str, Any]) -> None:
    assert same_json(canonical(vector["type"], vector["value"]), parse(data_of(vector["encoded"])))


@by_id("vector", [vector for vector in JSON if "JSON-1" in vector["rules"] and "inputs" in vector])
def test_json_that_is_no_object_cannot_be_parsed_as_one(vector: dict[str, Any]) -> None:
    for source in vector["inputs"]:
        try:
            found = parse(data_of(source))
        except ValueError:
            continue
        assert not isinstance(found, dict), source


@by_id("vector", [vector for vector in JSON if "error" in vector and "names" in vector["error"]])
def test_errors_name_members_that_exist(vector: dict[str, Any]) -> None:
    assert vector["error"]["names"] in {member["name"] for entry in TYPES.values() for member in entry["members"]}


@by_id("vector", [vector for vector in PROTOBUF if "value" in vector])
def test_protobuf_bytes_are_the_value(vector: dict[str, Any]) -> None:
    sources = [*([vector["encoded"]] if "encoded" in vector else []), *vector.get("inputs", [])]
    for source in sources:
        found = getattr(messages_pb2, vector["type"]).FromString(data_of(source))
        assert found.DESCRIPTOR.full_name == TYPES[vector["type"]]["protobuf"]
        assert same_value(read(found), plain(vector["value"]))


@by_id("vector", [vector for vector in PROTOBUF if "error" in vector])
def test_bad_protobuf_cannot_be_parsed(vector: dict[str, Any]) -> None:
    for source in vector["inputs"]:
        with pytest.raises(message.DecodeError):
            getattr(messages_pb2, vector["type"]).FromString(data_of(source))


def test_protobuf_has_the_members_of_the_types() -> None:
    for entry in TYPES.values():
        if "protobuf" in entry:
            fields = getattr(messages_pb2, entry["name"]).DESCRIPTOR.fields
            assert {field.name for field in fields} == {member["name"] for member in entry["members"]}


def test_names_of_the_types_are_in_the_table() -> None:
    table = {entry["written"]: entry["wire"] for entry in load("names.json")["members"]}
    assert {m["written"]: m["name"] for m in TYPES["Names"]["members"]}.items() <= table.items()


@pytest.mark.parametrize("table", ["members", "enumerations"])
def test_names_follow_the_words_of_the_rule(table: str) -> None:
    for entry in load("names.json")[table]:
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", entry["written"])
        assert entry["wire"] == (words.lower() if table == "members" else words.upper())


@pytest.mark.parametrize(
    ("table", "pattern", "limit"),
    [
        ("agent_types", r"[A-Za-z0-9_.\-]+", 255),
        ("topic_types", r"[A-Za-z0-9_.:=\-]+", 255),
        ("keys", "[^\u0000-\u001f\u007f-\u009f\ud800-\udfff]+", 1024),
    ],
)
def test_ids_are_valid_by_the_words_of_the_rule(table: str, pattern: str, limit: int) -> None:
    for entry in IDS[table]:
        text = text_of(entry["value"])
        fits = len(text.encode("utf-8", "surrogatepass")) <= limit
        assert (re.fullmatch(pattern, text) is not None and fits) == entry["valid"], entry


@pytest.mark.parametrize(("table", "second"), [("agent_ids", "key"), ("topic_ids", "source")])
def test_ids_print_as_their_text(table: str, second: str) -> None:
    for entry in IDS[table]:
        if entry.get("valid", True):
            assert entry["text"] == f"{entry['type']}/{entry[second]}"
            assert "/" not in entry["type"]


@by_id("vector", FRAMES)
def test_frames_are_what_they_say(vector: dict[str, Any]) -> None:
    for source in vector.get("garbage", []):
        with pytest.raises(message.DecodeError):
            broker_service_pb2.Frame.FromString(base64.b64decode(source))
    if "frame" in vector:
        found = broker_service_pb2.Frame.FromString(base64.b64decode(vector["bytes"]))
        unknown = sum(one.WhichOneof("kind") is None for one in found.messages)
        assert unknown == vector.get("unknown_kinds", 0)
        said = json_format.ParseDict(vector["frame"], broker_service_pb2.Frame())
        assert json_format.MessageToDict(found) == json_format.MessageToDict(said)


def test_every_kind_of_message_is_in_a_frame() -> None:
    frames = [broker_service_pb2.Frame.FromString(base64.b64decode(one["bytes"])) for one in FRAMES if "bytes" in one]
    shown = {one.WhichOneof("kind") for frame in frames for one in frame.messages}
    kinds = {field.name for field in broker_service_pb2.Message.DESCRIPTOR.oneofs_by_name["kind"].fields}
    assert kinds - shown == set()
