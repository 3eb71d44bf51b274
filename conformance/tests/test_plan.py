from __future__ import annotations

import pytest
from conftest import broker_case, pair_case

from parley_conformance import plan
from parley_conformance.model import Kind, Run

CASES = [
    broker_case(id="hostile/a", covers=("MSG-7",)),
    pair_case(id="rpc/b", contents=("json", "protobuf")),
    pair_case(id="pubsub/c", covers=("SUB-1", "RPC-1")),
    broker_case(id="session/d", kind=Kind.SDK, covers=("SES-9",)),
]


def names(**wanted: object) -> list[str]:
    return [run.name for run in plan.make(CASES, ["python", "dotnet"], plan.Filter(**wanted))]  # type: ignore[arg-type]


def test_levels_and_profiles() -> None:
    may = pair_case(id="rpc/may", level="MAY")
    wanted = plan.Filter(levels=("MAY", "SHOULD"))
    assert [run.case.id for run in plan.make([*CASES, may], ["python"], wanted)] == ["rpc/may"]
    assert not any(name.startswith("session/") for name in names(profiles=("core",)))
    # A case is taken only if all its profiles are.
    assert [name for name in names(profiles=("durable",)) if "session/" not in name] == []
    both = pair_case(id="rpc/both", covers=("RPC-1", "SES-9"))
    assert plan.make([both], ["python"], plan.Filter(profiles=("core",))) == []
    assert plan.make([both], ["python"], plan.Filter(profiles=("core", "durable"))) != []


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


def many() -> list[Run]:
    cases = [
        pair_case(id=f"{family}/{name}", contents=("json", "protobuf"), lane=lane)
        for family in ("rpc", "pubsub", "state")
        for name, lane in (("a", "parallel"), ("b", "parallel"), ("c", "parallel"), ("d", "serial"))
    ]
    return plan.make(cases, ["python", "dotnet"], plan.Filter())


@pytest.mark.parametrize("of", [1, 2, 4, 7])
def test_the_parts_together_are_the_whole_and_share_each_family_and_lane(of: int) -> None:
    runs = many()
    parts = [plan.Part.read(f"{number}/{of}").take(runs) for number in range(1, of + 1)]
    taken = [run.name for part in parts for run in part]
    assert sorted(taken) == sorted(run.name for run in runs)
    assert [run for run in runs if run in set(parts[0])] == parts[0], "the plan's order"
    for group in ({"family": "rpc"}, {"family": "state"}, {"lane": "serial"}):
        ((name, value),) = group.items()
        sizes = [sum(getattr(run.case, name) == value for run in part) for part in parts]
        assert max(sizes) - min(sizes) <= 2, f"{group}: {sizes}"
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_a_part_has_no_pair_for_itself_and_does_not_change() -> None:
    runs = many()
    first = plan.Part(1, 4).take(runs)
    assert len({run.axes for run in first}) > 4
    assert plan.Part(1, 4).take(many()) != first, "cases are compared by identity"
    assert [run.name for run in plan.Part(1, 4).take(many())] == [run.name for run in first]


@pytest.mark.parametrize("text", ["", "1", "0/4", "5/4", "1/0", "a/b", "1/4/2", "-1/4"])
def test_a_part_that_there_is_not(text: str) -> None:
    with pytest.raises(ValueError, match="NUMBER/OF"):
        plan.Part.read(text)
