"""Which of a case's calls and events a message is about: the label in its Probe, or in the one that it answers.

Pure: messages in, labels out.
"""

from __future__ import annotations

import json
from typing import Any

from parley_conformance.relay import DOWN, UP
from parley_wire.v1 import broker_service_pb2 as pb
from parley_wire.v1 import envelope_pb2

_OTHER = {UP: DOWN, DOWN: UP}
_LENGTH_DELIMITED_1 = 0x0A


class Labels:
    """The labels of one party's messages, both directions."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, int], str] = {}
        self._delivered: dict[tuple[str, str, int], str] = {}

    def of(self, direction: str, message: pb.Message) -> str:
        """The label of a message that was seen in this direction; empty: it has none."""
        kind = message.WhichOneof("kind")
        label = self._asked.get((_OTHER[direction], message.re), "") if message.re else ""
        if kind in ("request", "publish", "delivery"):
            label = in_envelope(getattr(message, kind).envelope)
        if kind == "delivery":
            self._delivered[_delivery(message.delivery)] = label
        elif kind in ("ack", "nack"):
            label = self._delivered.get(_delivery(getattr(message, kind)), "")
        elif kind == "cancel":
            label = self._asked.get((direction, message.cancel.request_id), "")
        if message.id:
            self._asked[direction, message.id] = label
        return label


def in_envelope(data: bytes) -> str:
    """The label of a Probe, or of what answers one, in either content type; empty: there is none."""
    try:
        payload = envelope_pb2.Envelope.FromString(data).payload
    except Exception:
        return ""
    return _in_protobuf(payload.data) if payload.content_type.endswith("protobuf") else _in_json(payload.data)


def _in_json(data: bytes) -> str:
    try:
        value = json.loads(data)
    except ValueError:
        return ""
    return str(value.get("label", "")) if isinstance(value, dict) else ""


def _in_protobuf(data: bytes) -> str:
    # All of them have the label as field 1, which serializers write first; a length below 128 is one byte.
    if len(data) < 2 or data[0] != _LENGTH_DELIMITED_1 or data[1] >= 0x80:
        return ""
    return data[2 : 2 + data[1]].decode(errors="replace")


def _delivery(one: Any) -> tuple[str, str, int]:
    return one.recipient.type, one.recipient.key, one.position
