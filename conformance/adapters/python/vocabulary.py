"""The vocabulary of conformance/vectors as dataclasses; values in the vectors' notation made into messages and back."""

from __future__ import annotations

import base64
import enum
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Union

from parley import message

_VECTORS = Path(__file__).resolve().parents[2] / "vectors"
sys.path.append(str(_VECTORS))
import messages_pb2  # noqa: E402 - generated, beside the vectors

_TYPES: dict[str, dict[str, Any]] = {
    one["name"]: one for one in json.loads((_VECTORS / "types.json").read_text(encoding="utf-8"))["types"]
}


class Color(enum.Enum):
    """Names with capitals and digits."""

    Red = 0
    DarkBlue = 1
    HTTPError = 2
    Rgb2 = 3


_COLORS = {"RED": Color.Red, "DARK_BLUE": Color.DarkBlue, "HTTP_ERROR": Color.HTTPError, "RGB2": Color.Rgb2}


@dataclass
class Numbers:
    """Every kind of number."""

    int32: int
    int64: int
    uint64: int
    float32: float
    float64: float
    flag: bool


@dataclass
class Texts:
    """A text."""

    text: str


@dataclass
class Blob:
    """Bytes."""

    data: bytes


@dataclass
class Times:
    """A moment."""

    at: datetime


@dataclass
class Choice:
    """Enumerations alone, optional, in a list."""

    color: Color
    maybe: Color | None
    palette: list[Color]


@dataclass
class Inner:
    """What Nested holds."""

    label: str
    count: int


@dataclass
class Nested:
    """Messages in a message."""

    inner: Inner
    items: list[Inner]
    by_name: dict[str, Inner]
    maybe: Inner | None = None


@dataclass
class Tree:
    """A message that holds itself."""

    name: str
    children: list[Tree]


@dataclass
class Grid:
    """A list of lists."""

    rows: list[list[int]]


@dataclass
class Lists:
    """Lists of plain values."""

    ints: list[int]
    floats: list[float]
    texts: list[str]


@dataclass
class Maps:
    """Maps of plain values."""

    counts: dict[str, int]
    texts: dict[str, str]


@dataclass
class Optionals:
    """Required, nullable, and with defaults."""

    name: str
    alias: str | None
    note: str | None = None
    count: int = 7
    ratio: float = 0.5
    color: Color = Color.Red
    on: bool = True


@dataclass
class Names:
    """Members written as other languages would."""

    Address2: int
    AddressLine1: int
    Line2A: int
    HTTPServer: int
    HttpServer2: int
    IPv4Address: int
    UserID: int
    UserIDs: int
    X: int
    XY: int
    camelCase: int  # noqa: N815 - written so in other languages
    SHA256: int
    Sha256Sum: int
    OAuth2Token: int
    UTF8String: int
    Point3D: int
    P50Ms: int
    TwoFA: int
    already_snake: int


@dataclass
class Empty:
    """No members."""


@message("analytics_request", version=2)
@dataclass
class AnalyticsRequest:
    """A versioned name."""

    data_points: list[float]


@message("orders.renamed")
@dataclass
class Renamed:
    """A name of its own."""

    text: str


@dataclass
class Free:
    """Free JSON."""

    value: Any
    data: dict[str, Any]


@dataclass
class Unlisted:
    """A member that canonical JSON has no form for."""

    span: timedelta


_JSON_CLASSES: dict[str, type[Any]] = {name: globals()[name] for name in _TYPES}
_PROTOBUF_CLASSES: dict[str, type[Any]] = {
    name: getattr(messages_pb2, name) for name, one in _TYPES.items() if "protobuf" in one
}
_NAMES: dict[type[Any], str] = {cls: name for name, cls in [*_JSON_CLASSES.items(), *_PROTOBUF_CLASSES.items()]}

HANDLED = tuple(cls for name, cls in _JSON_CLASSES.items() if name != "Unlisted") + tuple(_PROTOBUF_CLASSES.values())
AnyTyped = Union[HANDLED]  # type: ignore[valid-type] # noqa: UP007 - made from a tuple


def class_of(name: str, content_type: str) -> type[Any] | None:
    """The class of a vocabulary type; None if there is none for that content type."""
    return (_PROTOBUF_CLASSES if content_type == "protobuf" else _JSON_CLASSES).get(name)


def name_of(message: Any) -> str | None:
    """The vocabulary's name of a message's type; None for other messages."""
    return _NAMES.get(type(message))


def build(name: str, content_type: str, value: Mapping[str, Any]) -> Any:
    """Makes a message of a value in the vectors' notation; None if there is no such type."""
    cls = class_of(name, content_type)
    if cls is None:
        return None
    return _protobuf(cls(), name, value) if content_type == "protobuf" else _record(name, value)


def plain(message: Any) -> dict[str, Any]:
    """The value of a message in the vectors' notation, every member written."""
    name = _NAMES[type(message)]
    return {member["name"]: _told(member["type"], _member(message, member)) for member in _TYPES[name]["members"]}


def _record(name: str, value: Mapping[str, Any]) -> Any:
    members = {
        member.get("written", member["name"]): _made(member["type"], value[member["name"]])
        for member in _TYPES[name]["members"]
        if member["name"] in value
    }
    return _JSON_CLASSES[name](**members)


def _protobuf(target: Any, name: str, value: Mapping[str, Any]) -> Any:
    for member in _TYPES[name]["members"]:
        key, kind, item = member["name"], member["type"].rstrip("?"), value.get(member["name"])
        if item is None:
            continue
        if kind.startswith("list<") and kind[5:-1] in _TYPES:
            for one in item:
                _protobuf(getattr(target, key).add(), kind[5:-1], one)
        elif kind.startswith("map<") and kind[4:-1] in _TYPES:
            for inner, one in item.items():
                getattr(target, key)[inner].SetInParent()
                _protobuf(getattr(target, key)[inner], kind[4:-1], one)
        elif kind in _TYPES:
            getattr(target, key).SetInParent()
            _protobuf(getattr(target, key), kind, item)
        elif kind == "time":
            getattr(target, key).FromDatetime(_made(kind, item).astimezone(UTC).replace(tzinfo=None))
        elif kind.startswith(("list<", "map<")):
            made = _made(kind, item)
            if kind == "list<Color>":
                made = [one.value for one in made]
            (getattr(target, key).extend if kind.startswith("list<") else getattr(target, key).update)(made)
        else:
            made = _made(kind, item)
            setattr(target, key, made.value if isinstance(made, Color) else made)
    return target


def _made(kind: str, value: Any) -> Any:
    """A value in the notation, made into the language's own."""
    if kind.endswith("?"):
        return None if value is None else _made(kind[:-1], value)
    if isinstance(value, Mapping) and len(value) == 1:
        ((form, argument),) = value.items()
        if form == "$map":
            return {_text(key): _made(kind[4:-1], item) for key, item in argument}
        if form in _FORMS:
            return _FORMS[form](argument)
    if kind.startswith("list<"):
        return [_made(kind[5:-1], one) for one in value]
    if kind.startswith("map<"):
        return {key: _made(kind[4:-1], one) for key, one in value.items()}
    if kind in _TYPES:
        return _record(kind, value)
    if kind == "Color":
        return _COLORS[value]
    return float(value) if kind in ("float32", "float64") else value


def _text(value: Any) -> str:
    return _FORMS["$utf16"](value["$utf16"]) if isinstance(value, Mapping) else value


_FORMS: dict[str, Any] = {
    "$int": int,
    "$float": float,
    "$utf16": lambda units: bytes.fromhex("".join(units)).decode("utf-16-be", "surrogatepass"),
    "$bytes": base64.b64decode,
    "$time": datetime.fromisoformat,
    "$json": json.loads,
    "$duration_ms": lambda ms: timedelta(milliseconds=ms),
}


def _member(message: Any, member: Mapping[str, Any]) -> Any:
    name = member["name"]
    if type(message) in _PROTOBUF_CLASSES.values():
        descriptor = message.DESCRIPTOR.fields_by_name[name]
        return None if descriptor.has_presence and not message.HasField(name) else getattr(message, name)
    return getattr(message, member.get("written", name))


def _told(kind: str, value: Any) -> Any:
    """The language's own value, told in the notation."""
    kind = kind.rstrip("?")
    if value is None:
        return None if kind != "json" else {"$json": "null"}
    if kind.startswith("list<"):
        return [_told(kind[5:-1], one) for one in value]
    if kind.startswith("map<"):
        return {key: _told(kind[4:-1], one) for key, one in value.items()}
    if kind in _TYPES:
        return plain(value)
    if kind == "Color":
        return next(name for name, color in _COLORS.items() if value in (color, color.value))
    if kind == "bytes":
        return {"$bytes": base64.b64encode(value).decode()}
    if kind == "time":
        moment = value if isinstance(value, datetime) else value.ToDatetime(tzinfo=UTC)
        return {"$time": moment.isoformat()}
    if kind == "json":
        return {"$json": json.dumps(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return {"$int": str(value)}
    return value
