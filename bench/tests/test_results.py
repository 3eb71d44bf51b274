import json
from dataclasses import asdict, replace
from pathlib import Path

import jsonschema
import pytest

from parley_bench.plan import Case, Plan
from parley_bench.results import Round, by_case, ratio, ratios, rows, spread
from parley_bench.scenarios import Compare, Scenario

SCHEMA = json.loads((Path(__file__).parent.parent / "schema/results.schema.json").read_text())
JSON = Case("s", "call", "parley", "python", "dotnet", "json", 256, 64, "sqlite", 0, 1, 1, 0)
PROTOBUF = replace(JSON, content="protobuf")
PLAN = Plan(((JSON, PROTOBUF),), turns=3, seconds=1.0, limit=60)


def round_(turn: int, per_second: int, p50_us: float = 100.0, cpu_s: float = 0.1) -> Round:
    cpu = {"server": cpu_s, "caller": 2 * cpu_s, "host": 0.0}
    return Round(turn, per_second, 1.0, p50_us, 2 * p50_us, 3 * p50_us, cpu)  # type: ignore[arg-type]


def test_a_spread_is_median_extremes_and_quartiles() -> None:
    assert spread([5, 1, 2, 4, 3]) == {"median": 3, "min": 1, "q1": 2, "q3": 4, "max": 5}
    assert spread([7]) == {"median": 7, "min": 7, "q1": 7, "q3": 7, "max": 7}
    assert spread([1 / 3])["median"] == 0.3333
    with pytest.raises(ValueError, match="no values"):
        spread([])


def test_rates_count_from_the_first_send_to_the_last_arrival() -> None:
    assert replace(round_(1, 300), seconds=1.5).per_second == 200


def test_a_row_holds_the_case_medians_and_every_round() -> None:
    measured = [(JSON, round_(turn, n)) for turn, n in enumerate((100, 900, 200), 1)]

    (row,) = rows(PLAN, by_case(measured))

    assert row["case"] == asdict(JSON)
    assert row["per_second"] == {"median": 200, "min": 100, "q1": 150, "q3": 550, "max": 900}
    assert (row["p50_us"]["median"], row["p99_us"]["median"], row["p999_us"]["median"]) == (100, 200, 300)
    assert [each["count"] for each in row["rounds"]] == [100, 900, 200]
    jsonschema.validate(row, {"$ref": "#/$defs/row", "$defs": SCHEMA["$defs"]})


def test_cpu_time_is_per_message_and_process() -> None:
    (row,) = rows(PLAN, by_case([(JSON, round_(1, 1000, cpu_s=0.5))]))

    assert {name: value["median"] for name, value in row["cpu_us"].items()} == {
        "server": 500,
        "caller": 1000,
        "host": 0,
    }


def test_ratios_compare_rounds_of_one_turn() -> None:
    # The machine was slow in the first turn and fast in the last: the ratio does not care.
    measured = []
    for turn, speed in enumerate((1, 10, 100), 1):
        measured.append((JSON, round_(turn, 100 * speed, p50_us=100 / speed)))
        measured.append((PROTOBUF, round_(turn, 150 * speed, p50_us=80 / speed, cpu_s=0.3)))
    scenario = Scenario("s", "S", {}, {}, Compare("content", "json", "to"))

    (found,) = ratios(PLAN, [scenario], by_case(measured))

    assert (found["axis"], found["base"]) == ("content", "to")
    assert (found["of"]["content"], found["to"]["content"]) == ("protobuf", "json")
    assert found["per_second"] == {"median": 1.5, "min": 1.5, "q1": 1.5, "q3": 1.5, "max": 1.5}
    assert found["p50_us"]["median"] == 0.8
    assert found["cpu_us"]["median"] == 2
    jsonschema.validate(found, {"$ref": "#/$defs/ratio", "$defs": SCHEMA["$defs"]})


def test_the_base_may_be_what_is_divided() -> None:
    scenario = Scenario("s", "S", {}, {}, Compare("content", "json", "of"))

    (found,) = ratios(PLAN, [scenario], by_case([(JSON, round_(1, 200)), (PROTOBUF, round_(1, 100))]))

    assert (found["of"]["content"], found["to"]["content"]) == ("json", "protobuf")
    assert found["per_second"]["median"] == 2


def test_turns_that_only_one_of_the_two_has_do_not_count() -> None:
    of, to = [round_(1, 100), round_(2, 300)], [round_(2, 100), round_(3, 1)]

    assert ratio(of, to, lambda each: each.per_second) == spread([3.0])
    assert ratio(of, [], lambda each: each.per_second) is None


def test_what_was_not_measured_has_neither_row_nor_ratio() -> None:
    scenario = Scenario("s", "S", {}, {}, Compare("content", "json", "to"))
    rounds = by_case([(JSON, round_(1, 1))])

    assert [row["case"]["content"] for row in rows(PLAN, rounds)] == ["json"]
    assert ratios(PLAN, [scenario], rounds) == []
    assert ratios(PLAN, [Scenario("s", "S", {}, {})], rounds) == []
