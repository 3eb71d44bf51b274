"""The messages of the adapter protocol as this SDK's users write them, and their way to and from plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any

import probe_pb2
from google.protobuf import json_format
from google.protobuf.message import Message as ProtobufMessage

from parley import JSON_DATA_CONTENT_TYPE, MessageSerializer, message
from parley.exceptions import UnsupportedVersionError


@dataclass
class Step:
    """One thing that a handler does; PROTOCOL.md says which members each `op` reads."""

    op: str = ""
    text: str = ""
    how: str = ""
    number: int = 0
    to: str = ""
    message: Probe | None = None
    timeout_ms: int = 0
    catch: bool = False


@message("probe", version=1)
@dataclass
class Probe:
    """A script for the handler that receives it."""

    label: str = ""
    do: list[Step] = field(default_factory=list)
    pad: str = ""


@message("probe", version=2)
@dataclass
class ProbeV2:
    """The second version of Probe, a message type of its own."""

    label: str = ""
    do: list[Step] = field(default_factory=list)
    pad: str = ""
    note: str = ""


@message("probe", version=1)
@dataclass
class ProbeWide:
    """What a newer sender says under the name of version 1."""

    label: str = ""
    do: list[Step] = field(default_factory=list)
    pad: str = ""
    note: str = ""


@dataclass
class VersionedProbe:
    """A Probe whose custom serializer writes and checks a version."""

    version: int
    probe: Probe


@dataclass
class ProbeReply:
    """The usual result."""

    label: str = ""
    value: str = ""
    count: int = 0
    agent: str = ""


@dataclass
class ProbeRefused:
    """The other member of the handlers' result union."""

    label: str = ""
    value: str = ""


@dataclass
class ProbeStranger:
    """A message that no behaviour declares."""

    label: str = ""


class VersionedProbeSerializer(MessageSerializer[VersionedProbe]):
    """Writes any version, reads those that it is told to accept."""

    def __init__(self, *accepted: int) -> None:
        self._accepted = accepted

    @property
    def data_content_type(self) -> str:
        """JSON."""
        return JSON_DATA_CONTENT_TYPE

    @property
    def type_name(self) -> str:
        """The name on the wire."""
        return "versioned_probe"

    def serialize(self, message: VersionedProbe) -> bytes:
        """The Probe's members and the version."""
        return json.dumps({"version": message.version, **asdict(message.probe)}).encode()

    def deserialize(self, payload: bytes) -> VersionedProbe:
        """Refuses versions that are not accepted."""
        value = json.loads(payload)
        version = value.pop("version")
        if version not in self._accepted:
            raise UnsupportedVersionError(f"version {version} is not one of {self._accepted}")
        return VersionedProbe(version, _probe(Probe, value))


def build(kind: str, content_type: str, value: Mapping[str, Any]) -> Any:
    """Makes the message that a command names; None if there is no such type."""
    if content_type == "protobuf":
        classes = {"probe": probe_pb2.Probe, "probe_v2": probe_pb2.ProbeV2, "stranger": probe_pb2.ProbeStranger}
        return json_format.ParseDict(dict(value), classes[kind]()) if kind in classes else None
    if kind == "versioned":
        value = dict(value)
        return VersionedProbe(value.pop("version"), _probe(Probe, value))
    if kind == "stranger":
        return ProbeStranger(**value)
    known = {"probe": Probe, "probe_v2": ProbeV2, "probe_wide": ProbeWide}
    return _probe(known[kind], value) if kind in known else None


def _probe(cls: Any, value: Mapping[str, Any]) -> Any:
    members = dict(value)
    members["do"] = [_step(step) for step in members.get("do", ())]
    return cls(**members)


def _step(value: Mapping[str, Any]) -> Step:
    members = dict(value)
    if members.get("message") is not None:
        members["message"] = _probe(Probe, members["message"])
    return Step(**members)


def is_protobuf(message: Any) -> bool:
    """True for generated classes."""
    return isinstance(message, ProtobufMessage)


def plain(message: Any) -> dict[str, Any]:
    """The members of a result as plain data."""
    if is_protobuf(message):
        return {f.name: getattr(message, f.name) for f in message.DESCRIPTOR.fields}
    return asdict(message) if is_dataclass(message) and not isinstance(message, type) else {}
