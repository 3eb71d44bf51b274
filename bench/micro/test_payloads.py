"""How long the Python SDK takes to write and read one payload, in JSON and in protobuf."""

from dataclasses import dataclass
from typing import Any

import bench_pb2
import pytest

from parley import try_get_known_serializers_for_type
from parley_bench.content import _STEP, recipe


@dataclass
class Reading:
    number: int
    source: str
    values: list[float]
    text: str


@pytest.fixture(params=["json", "protobuf"])
def cls(request: pytest.FixtureRequest) -> Any:
    return {"json": Reading, "protobuf": bench_pb2.Reading}[request.param]


@pytest.fixture(params=[256, 16 * 1024], ids=["256B", "16KiB"])
def message(request: pytest.FixtureRequest, cls: Any) -> Any:
    made = recipe(request.param)
    values = [(i + 1) * _STEP for i in range(made.values)]
    return cls(number=0, source="bench", values=values, text="x" * made.text)


def test_write(benchmark: Any, message: Any) -> None:
    (serializer,) = try_get_known_serializers_for_type(type(message))

    data = benchmark(serializer.serialize, message)

    assert serializer.deserialize(data) == message


def test_read(benchmark: Any, message: Any) -> None:
    (serializer,) = try_get_known_serializers_for_type(type(message))
    data = serializer.serialize(message)

    assert benchmark(serializer.deserialize, data) == message
