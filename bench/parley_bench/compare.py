"""Whether something became slower: ratios of throughput, of two commits in one run or of two files of results."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.table import Table

from parley_bench.results import Spread

FLOOR = 0.9
"""The ratio of throughput below which something counts as slower."""


@dataclass(frozen=True)
class Change:
    """How a case changed.

    Attributes:
        case: what was measured, without the system.
        per_second: throughput, new divided by old: above 1 it became faster.
        cpu: CPU time per message, new divided by old; None: not known.
    """

    case: Mapping[str, Any]
    per_second: Spread
    cpu: Spread | None = None

    @property
    def is_regression(self) -> bool:
        """Whether it is slower beyond the spread: the median is below the floor, three of four rounds say slower."""
        return self.per_second["median"] < FLOOR and self.per_second["q3"] < 1


def changes_in(results: Mapping[str, Any]) -> list[Change]:
    """Returns what the ratios of one run say, in which old and new took turns."""
    return [Change(_without_system(ratio["of"]), ratio["per_second"], ratio["cpu_us"]) for ratio in results["ratios"]]


def changes_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Returns what two files say of the cases that both have.

    Their rounds were not neighbours, so the spread is as wide as it can be: best against worst.

    Raises:
        ValueError: they are of different formats, machines or lengths of rounds.
    """
    for what in ("format", "machine", "seconds"):
        if old[what] != new[what]:
            raise ValueError(f"{what} differs, {old[what]} and {new[what]}: such results cannot be compared")
    before = {tuple(row["case"].items()): row["per_second"] for row in old["rows"]}
    found = []
    for row in new["rows"]:
        was, now = before.get(tuple(row["case"].items())), row["per_second"]
        if was is not None:
            opposite = {"median": "median", "min": "max", "q1": "q3", "q3": "q1", "max": "min"}
            found.append(Change(row["case"], {name: now[name] / was[other] for name, other in opposite.items()}))
    return found


def change_table(changes: list[Change]) -> Table:
    """Returns the table of changes: a line per case."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="New divided by old", title_justify="left")
    for heading in ("what", "pair", "content", "size", "in flight"):
        table.add_column(heading)
    for heading in ("per s", "quartiles", "CPU µs", ""):
        table.add_column(heading, justify="right")
    for change in changes:
        case, ratio = change.case, change.per_second
        table.add_row(
            case["kind"],
            f"{case['caller']} → {case['host']}",
            case["content"],
            str(case["size"]),
            str(case["in_flight"]),
            f"{ratio['median']:.2f}",
            f"{ratio['q1']:.2f} … {ratio['q3']:.2f}",
            f"{change.cpu['median']:.2f}" if change.cpu else "",
            "slower" if change.is_regression else "",
        )
    return table


def _without_system(case: Mapping[str, Any]) -> dict[str, Any]:
    return {axis: value for axis, value in case.items() if axis != "system"}
