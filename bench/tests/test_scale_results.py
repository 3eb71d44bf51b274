import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from parley_bench.processes import BENCH
from parley_bench.scale.curves import CURVES
from parley_bench.scale.load import Flow
from parley_bench.scale.plan import LENGTHS, TARGETS
from parley_bench.scale.results import judge, scaling
from parley_bench.scale.runner import Point, Round
from parley_bench.scale.table import curve_table, value_table
from parley_bench.scale.values import Value


def point(at: int, *counts: int, size: int = 0) -> Point:
    return Point(at, 1.0, size, [Round(Flow(count, 2.0, count + 5, 1.0, 2.0, 3.0), 9.0) for count in counts])


def by_id(targets: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {target["id"]: target for target in targets}


def test_a_target_compares_the_ends_round_by_round() -> None:
    points = [point(10, 100, 200, 100), point(1000, 1, 1, 1), point(100_000, 95, 180, 96, size=50_000_000)]
    judged = by_id(judge(TARGETS, {"subscriptions": points}))

    speed, memory = judged["scale-subscriptions"], judged["memory-subscription"]
    assert (speed["measured"]["median"], speed["measured"]["min"], speed["met"]) == (0.95, 0.9, True)
    assert (memory["measured"]["median"], memory["met"]) == (500, True)


def test_a_target_that_is_missed_says_so() -> None:
    points = [point(10, 100), point(100_000, 89, size=200_000_000)]
    judged = by_id(judge(TARGETS, {"subscriptions": points}))

    assert (judged["scale-subscriptions"]["met"], judged["memory-subscription"]["met"]) == (False, False)


def test_a_target_whose_ends_are_no_part_of_the_run_is_not_judged() -> None:
    judged = judge(TARGETS, {"subscriptions": [point(10, 100), point(100, 100)]})

    assert {(target["measured"], target["met"], target["why"]) for target in judged} == {
        (None, None, "not part of this run")
    }


@pytest.mark.parametrize("length", LENGTHS)
def test_every_length_has_points_of_every_curve_in_rising_order(length: str) -> None:
    points = LENGTHS[length].points

    assert set(points) == {curve.id for curve in CURVES}
    for at in points.values():
        assert list(at) == sorted(set(at))
        assert len(at) >= 2


@pytest.mark.parametrize("length", ["short", "full"])
def test_the_targets_are_part_of_it(length: str) -> None:
    for target in TARGETS:
        assert set(target.ends) <= set(LENGTHS[length].points[target.curve])


def test_the_results_are_as_the_schema_has_them() -> None:
    curve = CURVES[0]
    measured = {curve.id: [point(10, 100, size=70), point(100, 90, size=700)]}
    found = scaling([curve], measured, [Value("start", "Start", 1.5, "ms")])
    schema = json.loads(Path(BENCH / "schema/results.schema.json").read_text())

    jsonschema.validate(found, {**schema["$defs"]["scaling"], "$defs": schema["$defs"]})
    assert [shown["to_first"]["median"] for shown in found["curves"][0]["points"]] == [1, 0.9]
    assert [shown["bytes_each"] for shown in found["curves"][0]["points"]] == [7, 7]
    for target in judge(TARGETS, measured):
        jsonschema.validate(target, {**schema["$defs"]["target"], "$defs": schema["$defs"]})


def test_the_tables_show_each_point_and_value() -> None:
    console = Console(width=140, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(curve_table(CURVES[0], [point(10, 100), point(100_000, 90, size=50_000_000)]))
    console.print(value_table([Value("a", "Start", 812.4, "ms"), Value("b", "Connection", 1.23, "ms")]))
    shown = console.export_text()

    assert "100,000" in shown
    assert "0.90" in shown
    assert "500" in shown
    assert "812 ms" in shown
    assert "1.2 ms" in shown
