from __future__ import annotations

import pytest
from conftest import broker_case, pair_case

from parley_conformance import plan
from parley_conformance.model import Kind

CASES = [
    broker_case(id="hostile/a", covers=("MSG-7",)),
    pair_case(id="rpc/b", contents=("json", "protobuf")),
    pair_case(id="pubsub/c", covers=("SUB-1", "RPC-1")),
    broker_case(id="session/d", kind=Kind.SDK, covers=("SES-9",)),
]


def names(**wanted: object) -> list[str]:
    return [run.name for run in plan.make(CASES, ["python", "dotnet"], plan.Filter(**wanted))]  # type: ignore[arg-type]


def test_every_pair_and_content_in_a_stable_order() -> None:
    assert names() == [
        "hostile/a[broker]",
        "rpc/b[python-python-json]",
        "rpc/b[python-python-protobuf]",
        "rpc/b[python-dotnet-json]",
        "rpc/b[python-dotnet-protobuf]",
        "rpc/b[dotnet-python-json]",
        "rpc/b[dotnet-python-protobuf]",
        "rpc/b[dotnet-dotnet-json]",
        "rpc/b[dotnet-dotnet-protobuf]",
        "pubsub/c[python-python-json]",
        "pubsub/c[python-dotnet-json]",
        "pubsub/c[dotnet-python-json]",
        "pubsub/c[dotnet-dotnet-json]",
        "session/d[sdk-python]",
        "session/d[sdk-dotnet]",
    ]


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        ({"cases": ["rpc/*"]}, 8),
        ({"cases": ["rpc/b[dotnet-python-json]"]}, 1),
        ({"cases": ["rpc/b", "hostile/a"]}, 9),
        ({"families": ["pubsub"]}, 4),
        ({"pairs": ["python-dotnet"]}, 3),
        ({"contents": ["protobuf"]}, 4),
        ({"kinds": ["broker"]}, 1),
        ({"kinds": ["sdk"]}, 2),
        ({"rules": ["RPC-1"]}, 12),
        ({"rules": ["MSG-7", "SUB-1"]}, 5),
        ({"kinds": ["pair"], "families": ["hostile"]}, 0),
    ],
)
def test_filters(wanted: dict[str, object], number: int) -> None:
    assert len(names(**wanted)) == number
