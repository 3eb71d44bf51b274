"""The tables that a run prints: what was measured, and what was expected."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table


def measured(results: Mapping[str, Any], titles: Mapping[str, str]) -> list[Table]:
    """Returns a table per scenario: a line per case, with its ratio to what the scenario compares it with.

    Args:
        results: as the schema has them.
        titles: of the scenarios, by id.
    """
    # A ratio stands beside the one that is not the base.
    ratios = {_key(ratio["of" if ratio["base"] == "to" else "to"]): ratio for ratio in results["ratios"]}
    return [
        _table(title, [row for row in results["rows"] if row["case"]["scenario"] == scenario], ratios)
        for scenario, title in titles.items()
        if any(row["case"]["scenario"] == scenario for row in results["rows"])
    ]


def expected(targets: Sequence[Mapping[str, Any]]) -> Table:
    """Returns the table of targets: what was promised, what was measured."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Targets", title_justify="left")
    for heading in ("target", "promised", "measured", "quartiles", ""):
        table.add_column(heading, justify="left" if heading in ("target", "") else "right")
    for target in targets:
        sign = "≥" if target["bound"] == "at_least" else "≤"
        found = target["measured"]
        table.add_row(
            target["text"],
            f"{sign} {target['limit']:g}",
            f"{found['median']:.2f}" if found else "",
            f"{found['q1']:.2f} … {found['q3']:.2f}" if found else "",
            {True: "met", False: "missed", None: target["why"]}[target["met"]],
        )
    return table


def number(value: float) -> str:
    """Returns the number as people read it: three digits that matter, thousands apart."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def size(count: int) -> str:
    """Returns a size in bytes as people read it."""
    return f"{count // 1024} KiB" if count >= 1024 else f"{count} B"


def _table(title: str, rows: Sequence[Mapping[str, Any]], ratios: Mapping[tuple[Any, ...], Mapping[str, Any]]) -> Table:
    axes = _axes_that_differ(rows)
    case = rows[0]["case"]
    fixed = [] if "size" in axes else [size(case["size"])]
    fixed += [] if "in_flight" in axes else [f"{case['in_flight']} in flight"]
    title = f"{title} ({', '.join(fixed)})" if fixed else title
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for axis in axes:
        table.add_column(axis.replace("_", " "))
    for heading in ("per s", "quartiles", "p50 ms", "p99 ms", "p99.9 ms", "CPU µs server/caller/host", "ratio"):
        table.add_column(heading, justify="right")
    for row in rows:
        case, cpu = row["case"], row["cpu_us"]
        table.add_row(
            *(_place(axis, case[axis]) for axis in axes),
            number(row["per_second"]["median"]),
            f"{number(row['per_second']['q1'])} … {number(row['per_second']['q3'])}",
            *(f"{row[name]['median'] / 1000:.2f}" for name in ("p50_us", "p99_us", "p999_us")),
            "/".join(f"{cpu[process]['median']:.0f}" for process in ("server", "caller", "host")),
            _ratio(case, ratios.get(_key(case))),
        )
    return table


def _axes_that_differ(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    axes = [axis for axis in rows[0]["case"] if axis != "scenario"]
    return [axis for axis in axes if len({row["case"][axis] for row in rows}) > 1] or ["kind"]


def _place(axis: str, value: Any) -> str:
    return size(value) if axis in ("size", "beside") else f"{value:g}" if isinstance(value, float) else str(value)


def _ratio(case: Mapping[str, Any], ratio: Mapping[str, Any] | None) -> str:
    """Says the ratio: of p50 where messages go one at a time, of p99 at a constant rate, else of throughput."""
    if ratio is None:
        return ""
    axis = ratio["axis"]
    value, what = "per_second", ""
    if case["rate"]:
        value, what = "p99_us", "p99 "
    elif case["in_flight"] == 1:
        value, what = "p50_us", "p50 "
    return f"{what}{ratio['of'][axis]}/{ratio['to'][axis]} {ratio[value]['median']:.2f}"


def _key(case: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(case.values())
