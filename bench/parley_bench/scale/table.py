"""What a run of the curves shows on a terminal."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from parley_bench.results import spread
from parley_bench.scale.curves import Curve
from parley_bench.scale.results import ratio
from parley_bench.scale.runner import Point
from parley_bench.scale.values import Value


def curve_table(curve: Curve, points: Sequence[Point]) -> Table:
    """Returns a row per point: throughput with its spread, against the first, times, processor time, memory."""
    table = Table(title=curve.title, title_justify="left", box=SIMPLE_HEAD, show_edge=False)
    memory = [f"B per {curve.each}"] if curve.each else []
    for name in (curve.axis, curve.unit, "min … max", "× first", "p50 ms", "p99 ms", "worst ms", "broker µs", *memory):
        table.add_column(name, justify="right")
    for point in points:
        flows = [round_.flow for round_ in point.rounds]
        speed = spread(flow.per_second for flow in flows)
        table.add_row(
            f"{point.at:,}",
            f"{speed['median']:,.0f}",
            f"{speed['min']:,.0f} … {speed['max']:,.0f}",
            f"{ratio(point, points[0])['median']:.2f}",
            f"{spread(flow.p50_us for flow in flows)['median'] / 1000:.1f}",
            f"{spread(flow.p99_us for flow in flows)['median'] / 1000:.1f}",
            f"{max(flow.worst_us for flow in flows) / 1000:.0f}",
            f"{spread(round_.cpu_us for round_ in point.rounds)['median']:.1f}",
            *([f"{point.bytes / point.at:,.0f}"] if curve.each else []),
        )
    return table


def value_table(values: Sequence[Value]) -> Table:
    """Returns a row per value."""
    table = Table(box=SIMPLE_HEAD, show_edge=False)
    table.add_column("")
    table.add_column("", justify="right")
    for value in values:
        shown = f"{value.value:,.0f}" if value.value >= 100 else f"{value.value:.1f}"
        table.add_row(value.title, f"{shown} {value.unit}")
    return table
