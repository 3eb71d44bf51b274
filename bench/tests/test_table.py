from dataclasses import replace
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from parley_bench.plan import Case, Plan
from parley_bench.results import Round, by_case, ratios, rows
from parley_bench.scenarios import Compare, Scenario
from parley_bench.table import expected, measured, number, size

CASE = Case("s", "call", "parley", "python", "dotnet", "json", 256, 64, "sqlite", 0, 1, 1, 0)
SCENARIO = Scenario("s", "An echo", {}, {}, Compare("content", "json", "to"))


def lines(*tables: Table) -> list[str]:
    output = StringIO()
    for table in tables:
        Console(width=150, file=output).print(table)
    return [line.strip() for line in output.getvalue().splitlines() if line.strip()]


def printed(*cases: Case) -> list[str]:
    groups = tuple((case, replace(case, content="protobuf")) for case in cases)
    plan = Plan(groups, turns=1, seconds=1.0, limit=60)
    found = []
    for one, other in groups:
        found.append((one, Round(1, 1000, 1.0, 500, 1500, 1600, {"server": 0.1, "caller": 0.2, "host": 0.3})))
        found.append((other, Round(1, 2500, 1.0, 250, 1000, 1100, {"server": 0.1, "caller": 0.2, "host": 0.3})))
    rounds = by_case(found)
    results = {"rows": rows(plan, rounds), "ratios": ratios(plan, [SCENARIO], rounds)}
    return lines(*measured(results, {"s": SCENARIO.title, "empty": "Nothing"}))


def test_a_line_per_case_with_the_ratio_beside_the_one_that_is_not_the_base() -> None:
    title, heading, _, first, second = printed(CASE)

    assert title == "An echo (256 B, 64 in flight)"
    assert heading.split()[0] == "content"
    assert first.split() == ["json", "1,000", "1,000", "…", "1,000", "0.50", "1.50", "1.60", "100/200/300"]
    assert second.split()[-2:] == ["protobuf/json", "2.50"]


def test_one_at_a_time_the_ratio_is_that_of_latency() -> None:
    assert printed(replace(CASE, in_flight=1))[-1].split()[-3:] == ["p50", "protobuf/json", "0.50"]


def test_at_a_constant_rate_the_ratio_is_that_of_the_slowest() -> None:
    assert printed(replace(CASE, rate=100.0))[-1].split()[-3:] == ["p99", "protobuf/json", "0.67"]


def test_only_axes_that_differ_have_a_column() -> None:
    title, heading, *_ = printed(CASE, replace(CASE, size=16384))

    assert title == "An echo (64 in flight)"
    assert heading.split()[:2] == ["content", "size"]
    assert any("16 KiB" in line for line in printed(CASE, replace(CASE, size=16384)))


def target(**found: Any) -> dict[str, Any]:
    return {"text": "fast", "bound": "at_least", "limit": 1.3, "measured": None, "met": None, "why": "", **found}


def test_targets_say_what_was_promised_and_measured() -> None:
    spread = {"median": 1.5, "min": 1, "q1": 1.25, "q3": 1.75, "max": 2}
    *_, met, missed, absent = lines(
        expected(
            [
                target(measured=spread, met=True),
                target(measured=spread, met=False, bound="at_most"),
                target(why="nats: not installed"),
            ]
        )
    )

    assert met.split() == ["fast", "≥", "1.3", "1.50", "1.25", "…", "1.75", "met"]
    assert missed.split()[1] == "≤"
    assert missed.split()[-1] == "missed"
    assert absent.endswith("nats: not installed")


def test_numbers_are_short() -> None:
    assert [number(value) for value in (12345.6, 123.4, 12.34, 0.1234)] == ["12,346", "123", "12.3", "0.123"]
    assert [size(count) for count in (64, 1024, 262144)] == ["64 B", "1 KiB", "256 KiB"]
