from io import StringIO

from rich.console import Console

from parley_bench.plan import Cell, Measure, Plan, Round
from parley_bench.results import Sample, summarise
from parley_bench.table import table


def printed(*cells: Cell) -> list[str]:
    plan = Plan(cells, rounds=1, seconds=1.0)
    samples = []
    for cell in cells:
        samples.append((Round(cell, "json"), Sample(1000, 1.0, p50_us=500, p99_us=1500)))
        samples.append((Round(cell, "protobuf"), Sample(2000, 1.0, p50_us=250, p99_us=1000)))
    output = StringIO()
    Console(width=140, file=output).print(table(summarise(plan, samples)))
    return [line.strip() for line in output.getvalue().splitlines() if line.strip()]


def test_latency_is_in_ms_and_its_ratio_is_that_of_the_medians() -> None:
    lines = printed(Cell(Measure("call", 1), "python", "dotnet", 256))

    assert lines[-1].split("  ")[0] == "call, one at a time, p50/p99 ms"
    assert lines[-1].split()[-3:] == ["0.50/1.50", "0.25/1.00", "0.50"]


def test_throughput_is_per_second_and_sizes_stand_side_by_side() -> None:
    measure = Measure("publish-stored", 64)
    lines = printed(Cell(measure, "python", "dotnet", 256), Cell(measure, "python", "dotnet", 16384))

    assert "256 B: JSON" in lines[0]
    assert "16 KiB: JSON" in lines[0]
    assert lines[-1].split()[-6:] == ["1,000/s", "2,000/s", "2.00"] * 2


def test_a_measure_is_named_once_above_its_pairs() -> None:
    measure = Measure("call", 64)
    lines = printed(Cell(measure, "python", "python", 256), Cell(measure, "dotnet", "python", 256))

    assert sum("call, 64 in flight" in line for line in lines) == 1
    assert any(line.startswith("dotnet → python") for line in lines)
