"""The vocabulary of the golden vectors as Python classes (conformance/vectors/types.json)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from parley import message


class Color(Enum):
    RED = 0
    DARK_BLUE = 1
    HTTP_ERROR = 2
    RGB2 = 3


@dataclass
class Numbers:
    int32: int
    int64: int
    uint64: int
    float32: float
    float64: float
    flag: bool


@dataclass
class Texts:
    text: str


@dataclass
class Blob:
    data: bytes


@dataclass
class Times:
    at: datetime


@dataclass
class Choice:
    color: Color
    maybe: Color | None
    palette: list[Color]


@dataclass
class Inner:
    label: str
    count: int


@dataclass
class Nested:
    inner: Inner
    items: list[Inner]
    by_name: dict[str, Inner]
    maybe: Inner | None = None


@dataclass
class Tree:
    name: str
    children: list[Tree]


@dataclass
class Grid:
    rows: list[list[int]]


@dataclass
class Lists:
    ints: list[int]
    floats: list[float]
    texts: list[str]


@dataclass
class Maps:
    counts: dict[str, int]
    texts: dict[str, str]


@dataclass
class Optionals:
    name: str
    alias: str | None
    note: str | None = None
    count: int = 7
    ratio: float = 0.5
    color: Color = Color.RED
    on: bool = True


@dataclass
class Names:
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
    camelCase: int  # noqa: N815
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
    pass


@message("analytics_request", version=2)
@dataclass
class AnalyticsRequest:
    data_points: list[float]


@message("orders.renamed")
@dataclass
class Renamed:
    text: str


@dataclass
class Free:
    value: Any
    data: dict[str, Any]


@dataclass
class Unlisted:
    span: timedelta
