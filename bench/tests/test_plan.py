from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parley_bench.plan import Case, Plan, plan, systems_of
from parley_bench.scenarios import Compare, Scenario, ScenarioError, load_scenarios
from parley_bench.systems import SYSTEMS as ALL_SYSTEMS
from parley_bench.systems.base import System, no_server
from parley_bench.systems.parley import parley_of
from parley_bench.vocabulary import LANGUAGES, LENGTHS, Length

BENCH = Path(__file__).parent.parent


def system(name: str, **changes: Any) -> System:
    usual = System(
        name=name,
        title=name.title(),
        kinds=frozenset({"call", "publish-stored"}),
        languages=LANGUAGES,
        missing=lambda: "",
        server=no_server,
        party=lambda language, role, url: [],
        storages=("memory", "sqlite"),
    )
    return replace(usual, **changes)


SYSTEMS = {
    "parley": system("parley"),
    "other": system("other", kinds=frozenset({"call"}), languages=("python",), storages=()),
    "alone": system("alone", in_process=True, storages=()),
}


def scenario(compare: Compare | None = None, **axes: Any) -> Scenario:
    return Scenario("s", "S", axes, {"short": {}}, compare)


def planned(*scenarios: Scenario, length: Length = "short", leave_out: tuple[str, ...] = ()) -> Plan:
    return plan(scenarios, length, SYSTEMS, LANGUAGES, leave_out)


def test_a_case_is_a_place_on_every_axis() -> None:
    assert planned(scenario()).cases == (
        Case("s", "call", "parley", "python", "python", "json", 256, 64, "sqlite", 0, 1, 1, 0),
    )


def test_axes_are_multiplied_with_the_first_outermost() -> None:
    cases = planned(scenario(in_flight=[1, 64], caller=["python", "dotnet"])).cases

    assert [(case.caller, case.in_flight) for case in cases] == [
        ("python", 1), ("dotnet", 1), ("python", 64), ("dotnet", 64),
    ]  # fmt: skip


def test_a_length_replaces_axes_and_one_that_is_not_named_has_none() -> None:
    full = Scenario("s", "S", {"size": [256]}, {"full": {"size": [1024, 64]}})

    assert [case.size for case in planned(full, length="full").cases] == [1024, 64]
    assert planned(full, length="short").cases == ()


def test_what_cannot_be_is_left_out() -> None:
    cases = planned(
        scenario(system=["parley", "other", "alone"], kind=["call", "publish-stored"], caller=["python", "dotnet"])
    ).cases

    assert {(case.system, case.kind, case.caller) for case in cases} == {
        ("parley", "call", "python"), ("parley", "call", "dotnet"),
        ("parley", "publish-stored", "python"), ("parley", "publish-stored", "dotnet"),
        ("other", "call", "python"), ("alone", "call", "python"), ("alone", "publish-stored", "python"),
    }  # fmt: skip


def test_a_language_or_a_system_that_is_not_here_is_left_out() -> None:
    both = scenario(system=["parley", "other"], caller=["python", "dotnet"])

    python_only = plan([both], "short", SYSTEMS, ["python"])
    assert {case.caller for case in python_only.cases} == {"python"}
    assert {case.system for case in planned(both, leave_out=("other",)).cases} == {"parley"}


def test_a_system_with_one_way_to_keep_things_is_measured_once() -> None:
    cases = planned(scenario(system=["parley", "other"], storage=["memory", "sqlite"])).cases

    assert sorted((case.system, case.storage) for case in cases) == [
        ("other", "own"), ("parley", "memory"), ("parley", "sqlite"),
    ]  # fmt: skip


def test_a_stream_runs_beside_calls_only() -> None:
    cases = planned(scenario(kind=["call", "publish-stored"], beside=[0, 1024])).cases

    assert {(case.kind, case.beside) for case in cases} == {("call", 0), ("call", 1024), ("publish-stored", 0)}


def test_what_is_compared_forms_a_group() -> None:
    contents = planned(scenario(Compare("content", "json", "to"), content=["json", "protobuf"], in_flight=[1, 64]))
    systems = planned(
        scenario(Compare("system", "parley", "of"), system=["parley", "other", "alone"], in_flight=[1, 64])
    )

    assert [[(case.in_flight, case.content) for case in group] for group in contents.groups] == [
        [(1, "json"), (1, "protobuf")], [(64, "json"), (64, "protobuf")],
    ]  # fmt: skip
    assert [[(case.in_flight, case.system) for case in group] for group in systems.groups] == [
        [(n, "parley"), (n, "other"), (n, "alone")] for n in (1, 64)
    ]


def test_every_turn_measures_every_case_once() -> None:
    whole = planned(scenario(Compare("content", "json", "to"), content=["json", "protobuf"], in_flight=[1, 64, 512]))
    turns = list(whole.order())

    assert len(turns) == whole.turns == 5
    assert all(Counter(turn) == Counter(whole.cases) for turn in turns)


def test_those_of_a_group_take_turns_in_going_first() -> None:
    whole = planned(scenario(Compare("content", "json", "to"), content=["json", "protobuf"], in_flight=[1, 64]))

    assert [[(case.in_flight, case.content) for case in turn] for turn in list(whole.order())[:2]] == [
        [(1, "json"), (1, "protobuf"), (64, "protobuf"), (64, "json")],
        [(1, "protobuf"), (1, "json"), (64, "json"), (64, "protobuf")],
    ]


def test_a_system_that_nobody_knows_is_named_with_those_that_are() -> None:
    with pytest.raises(ScenarioError, match="s: no system 'atlantis'; there are parley, other, alone"):
        planned(scenario(system=["atlantis"]))


def test_systems_of_a_length_are_named_once() -> None:
    scenarios = [scenario(system=["parley", "other"]), scenario(system=["other", "alone"])]

    assert systems_of(scenarios, "short") == ["parley", "other", "alone"]
    assert systems_of(scenarios, "full") == []


@pytest.mark.parametrize("length", LENGTHS)
def test_sending_alone_takes_less_than_half_of_what_the_run_may(length: Length) -> None:
    scenarios = load_scenarios(BENCH / "scenarios", BENCH / "schema/scenarios.schema.json")
    two_commits = {name: parley_of(BENCH.parent, name, name) for name in ("parley-old", "parley-new")}
    whole = plan(scenarios, length, {**ALL_SYSTEMS, **two_commits}, LANGUAGES)

    assert whole.groups
    assert len(whole.cases) * whole.turns * whole.seconds < whole.limit / 2
    assert len(set(whole.cases)) == len(whole.cases)
    assert length == "quick" or whole.turns >= 5
