import pytest

from parley_bench.plan import Cell, Measure, Plan, Round
from parley_bench.results import Sample, summarise

CELL = Cell(Measure("call", 64), "python", "dotnet", 256)
PLAN = Plan((CELL,), rounds=3, seconds=1.0)


def sample(per_second: int, p50_us: float = 100.0) -> Sample:
    return Sample(count=per_second, seconds=1.0, p50_us=p50_us, p99_us=2 * p50_us)


def test_rates_count_from_the_first_send_to_the_last_arrival() -> None:
    assert Sample(count=300, seconds=1.5, p50_us=1, p99_us=2).per_second == 200


def test_a_row_holds_medians_and_every_round() -> None:
    samples = [(Round(CELL, "json"), sample(n)) for n in (100, 900, 200)]
    samples += [(Round(CELL, "protobuf"), sample(n)) for n in (400, 300, 500)]

    (row,) = summarise(PLAN, samples)

    assert (row["kind"], row["in_flight"], row["caller"], row["host"], row["size"]) == (
        "call", 64, "python", "dotnet", 256,
    )  # fmt: skip
    assert row["json"]["per_second"] == 200
    assert row["json"]["rounds"] == [100, 900, 200]
    assert row["protobuf"]["per_second"] == 400
    assert row["protobuf"]["count"] == 1200
    assert row["protobuf"]["p99_us"] == 200


def test_ratios_compare_neighbouring_rounds() -> None:
    # The machine was slow in the first round and fast in the last: the ratio does not care.
    samples = []
    for speed in (1, 10, 100):
        samples.append((Round(CELL, "json"), sample(100 * speed, p50_us=100 / speed)))
        samples.append((Round(CELL, "protobuf"), sample(150 * speed, p50_us=80 / speed)))

    (row,) = summarise(PLAN, samples)

    assert row["protobuf_to_json"] == {"per_second": 1.5, "p50": 0.8}


def test_a_cell_without_one_of_the_contents_is_refused() -> None:
    with pytest.raises(ValueError, match="1 rounds of JSON, 0 of protobuf"):
        summarise(PLAN, [(Round(CELL, "json"), sample(1))])
