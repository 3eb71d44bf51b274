"""The wire's messages as plain data, and back: what broker cases are written in.

Agent and topic ids are `type/key` texts (or objects, to write malformed ones); enums are their names without the
prefix; `envelope` is a text (a JSON payload of that text), null (no payload), or an object, see `encode_envelope`.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message as ProtoMessage

from parley_wire.v1 import broker_service_pb2 as wire
from parley_wire.v1 import envelope_pb2

_IDS = {"parley.v1.AgentId": ("type", "key"), "parley.v1.TopicId": ("type", "source")}
_TEXT_TYPE = "text"
_JSON = "application/json"
_SHOWN_WHOLE = 65536

CONNECT = "/parley.v1.BrokerService/Connect"
"""The method of a session."""
ALL_KINDS: tuple[int, ...] = tuple(
    sorted(field.number for field in wire.Message.DESCRIPTOR.oneofs_by_name["kind"].fields)
)
"""The kind numbers of this contract."""


def message(plain: Mapping[str, Any]) -> wire.Message:
    """Builds a Message from plain data, e.g. `{"id": 7, "request": {"target": "probe/k", "envelope": "hi"}}`.

    `{"raw": "a23800"}` are its bytes in hex: what the contract does not know.
    """
    if "raw" in plain:
        return wire.Message.FromString(bytes.fromhex(plain["raw"]))
    built = wire.Message()
    fill(built, plain)
    return built


def fill(target: ProtoMessage, plain: Mapping[str, Any]) -> None:
    """Sets the members of `target` from plain data.

    Raises:
        ValueError: A member that the message does not have, or a value that does not fit; the text names it.
    """
    for name, value in plain.items():
        field: Any = target.DESCRIPTOR.fields_by_name.get(name)
        if field is None:
            raise ValueError(f"{target.DESCRIPTOR.name} has no member {name!r}")
        if _is_map(field):
            getattr(target, name).update(value)
        elif _is_repeated(field):
            for one in value:
                if field.message_type is not None:
                    _fill_message(getattr(target, name).add(), one)
                else:
                    getattr(target, name).append(_scalar(field, one))
        elif field.message_type is not None:
            getattr(target, name).SetInParent()
            _fill_message(getattr(target, name), value)
        else:
            setattr(target, name, _scalar(field, value))


def _fill_message(target: ProtoMessage, value: Any) -> None:
    members = _IDS.get(target.DESCRIPTOR.full_name)
    if members and isinstance(value, str):
        first, _, second = value.partition("/")
        value = dict(zip(members, (first, second), strict=True))
    fill(target, value or {})


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    if field.enum_type is not None and isinstance(value, str):
        return field.enum_type.values_by_name[_prefix(field.enum_type) + value].number
    if field.name == "envelope" and not isinstance(value, bytes):
        return encode_envelope(value)
    if field.type == FieldDescriptor.TYPE_BYTES and isinstance(value, str):
        return base64.b64decode(value)
    return value


def encode_envelope(value: Any) -> bytes:
    """Encodes what a case calls an envelope.

    Args:
        value: A text; null; or an object with `size` (the envelope has exactly that many bytes), `raw` (base64 of
            bytes that need not be an Envelope), or `type`, `content_type`, `data` (text), `message_id`, `headers`.
    """
    if isinstance(value, Mapping) and "raw" in value:
        return base64.b64decode(value["raw"])
    if isinstance(value, Mapping) and "size" in value:
        return sized_envelope(value["size"])
    envelope = envelope_pb2.Envelope(message_id="m")
    if isinstance(value, str):
        envelope.payload.type_name = _TEXT_TYPE
        envelope.payload.content_type = _JSON
        envelope.payload.data = json.dumps(value, ensure_ascii=False).encode()
    elif isinstance(value, Mapping):
        envelope.message_id = value.get("message_id", "m")
        envelope.headers.update(value.get("headers", {}))
        envelope.payload.type_name = value.get("type", _TEXT_TYPE)
        envelope.payload.content_type = value.get("content_type", _JSON)
        envelope.payload.data = value.get("data", "null").encode()
    return envelope.SerializeToString()


def sized_envelope(size: int) -> bytes:
    """Encodes an envelope of exactly `size` bytes (at least 64)."""
    envelope = envelope_pb2.Envelope(message_id="m")
    envelope.payload.type_name = _TEXT_TYPE
    envelope.payload.content_type = _JSON
    envelope.payload.data = b" " * max(0, size - 64)
    while (missing := size - envelope.ByteSize()) > 0:
        envelope.message_id += "m" * min(missing, 32)
    if envelope.ByteSize() != size:
        raise ValueError(f"no envelope has {size} bytes; at least 64 are needed")
    return envelope.SerializeToString()


def plain(source: ProtoMessage) -> dict[str, Any]:
    """Turns a message into plain data; members that are not set are absent."""
    result: dict[str, Any] = {}
    for field, value in source.ListFields():
        if _is_map(field):
            result[field.name] = dict(value)
        elif _is_repeated(field):
            result[field.name] = [_plain_value(field, one) for one in value]
        else:
            result[field.name] = _plain_value(field, value)
    return result


def _plain_value(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None:
        members = _IDS.get(field.message_type.full_name)
        return "/".join(getattr(value, m) for m in members) if members else plain(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name.removeprefix(_prefix(field.enum_type)) if known else value
    if field.name == "envelope":
        return _plain_envelope(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def _plain_envelope(data: bytes) -> Any:
    try:
        envelope = envelope_pb2.Envelope.FromString(data)
    except Exception:
        return {"raw": base64.b64encode(data).decode()}
    if not envelope.HasField("payload"):
        return None
    payload = envelope.payload
    if payload.type_name == _TEXT_TYPE and len(payload.data) < _SHOWN_WHOLE and not envelope.headers:
        try:
            return json.loads(payload.data)
        except ValueError:
            pass
    shown = payload.data[:4096].decode(errors="replace")
    told: dict[str, Any] = {}
    if payload.content_type == _JSON and len(payload.data) < _SHOWN_WHOLE:
        with contextlib.suppress(ValueError):
            told["value"] = json.loads(payload.data)
    return {
        **told,
        "type": payload.type_name,
        "content_type": payload.content_type,
        "data": shown,
        "size": len(data),
        "message_id": envelope.message_id,
        "headers": dict(envelope.headers),
    }


def _is_repeated(field: Any) -> bool:
    # protobuf 6 replaced `label` with `is_repeated`, 7 removed `label`; 3.21 knows only `label`.
    repeated = getattr(field, "is_repeated", None)
    return bool(repeated if repeated is not None else field.label == FieldDescriptor.LABEL_REPEATED)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _prefix(enum: EnumDescriptor) -> str:
    zero = enum.values_by_number[0].name
    return zero.removesuffix("UNSPECIFIED")
