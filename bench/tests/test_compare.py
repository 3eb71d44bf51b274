from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from parley_bench.compare import Change, change_table, changes_between, changes_in

CASE = {
    "scenario": "regression",
    "kind": "call",
    "system": "parley",
    "caller": "python",
    "host": "python",
    "content": "json",
    "size": 256,
    "in_flight": 64,
}


def spread(median: float, q1: float | None = None, q3: float | None = None) -> dict[str, float]:
    low, high = q1 or median, q3 or median
    return {"median": median, "min": low, "q1": low, "q3": high, "max": high}


def results(per_second: dict[str, float], **changes: Any) -> dict[str, Any]:
    rows = [{"case": CASE, "per_second": per_second}]
    return {"format": 2, "machine": {"cores": 2}, "seconds": 0.5, "rows": rows, **changes}


@pytest.mark.parametrize(
    ("ratio", "slower"),
    [
        (spread(0.89, 0.8, 0.95), True),
        (spread(0.9, 0.8, 0.95), False),
        (spread(0.89, 0.8, 1.0), False),
        (spread(0.5, 0.4, 0.6), True),
        (spread(2.0, 0.5, 3.0), False),
    ],
)
def test_slower_is_below_the_floor_and_beyond_the_spread(ratio: dict[str, float], slower: bool) -> None:
    assert Change(CASE, ratio).is_regression is slower


def test_changes_of_one_run_are_its_ratios() -> None:
    of = {**CASE, "system": "parley-new"}

    (change,) = changes_in({"ratios": [{"of": of, "per_second": spread(0.8), "cpu_us": spread(1.2)}]})

    assert change.per_second["median"] == 0.8
    assert change.cpu == spread(1.2)
    assert "system" not in change.case


def test_two_files_are_compared_best_against_worst() -> None:
    (change,) = changes_between(results(spread(100, 80, 125)), results(spread(90, 80, 100)))

    assert change.per_second == spread(0.9, 0.64, 1.25)
    assert change.cpu is None


def test_cases_that_one_file_lacks_are_left_out() -> None:
    assert changes_between(results(spread(1), rows=[]), results(spread(1))) == []


@pytest.mark.parametrize("what", ["format", "machine", "seconds"])
def test_files_that_cannot_be_compared_are_refused(what: str) -> None:
    with pytest.raises(ValueError, match=f"{what} differs"):
        changes_between(results(spread(1)), results(spread(1), **{what: "else"}))


def test_the_table_says_what_became_slower() -> None:
    output = StringIO()
    changes = [Change(CASE, spread(0.5), spread(2)), Change(CASE, spread(1.25))]
    Console(width=150, file=output).print(change_table(changes))
    *_, slower, faster = [line.split() for line in output.getvalue().splitlines() if line.strip()]

    assert slower[-6:] == ["0.50", "0.50", "…", "0.50", "2.00", "slower"]
    assert faster[-4:] == ["1.25", "1.25", "…", "1.25"]
