"""From points and values to the `scaling` of a file of results, and to targets (bench/schema/results.schema.json)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from parley_bench.results import Spread, spread
from parley_bench.scale.curves import Curve
from parley_bench.scale.plan import Target
from parley_bench.scale.runner import Point
from parley_bench.scale.values import Value

Measured = Mapping[str, Sequence[Point]]
"""The points of each curve, by its id."""


def scaling(curves: Sequence[Curve], measured: Measured, values: Sequence[Value]) -> dict[str, Any]:
    """Returns what was measured, as the schema has it."""
    return {
        "curves": [_curve(curve, measured[curve.id]) for curve in curves],
        "values": [asdict(value) for value in values],
    }


def judge(targets: Sequence[Target], measured: Measured) -> list[dict[str, Any]]:
    """Returns each target with what was measured, and whether it is met, by the median."""
    return [_judge(target, {point.at: point for point in measured.get(target.curve, ())}) for target in targets]


def ratio(of: Point, to: Point) -> Spread:
    """Returns the throughput of one point against another's, round by round of the same turn."""
    return spread(one.flow.per_second / other.flow.per_second for one, other in zip(of.rounds, to.rounds, strict=True))


def _judge(target: Target, points: Mapping[int, Point]) -> dict[str, Any]:
    first, last = target.ends
    found, met = None, None
    if first in points and last in points:
        found = ratio(points[last], points[first])
        if target.value == "bytes":
            found = spread([points[last].bytes / last])
        good = found["median"] >= target.limit if target.bound == "at_least" else found["median"] <= target.limit
        met = bool(good)
    return {
        "id": target.id,
        "text": target.text,
        "value": target.value,
        "of": f"{target.curve}: {last:,}",
        "to": f"{target.curve}: {first:,}" if target.value == "per_second" else None,
        "bound": target.bound,
        "limit": target.limit,
        "measured": found,
        "met": met,
        "why": "" if found is not None else "not part of this run",
    }


def _curve(curve: Curve, points: Sequence[Point]) -> dict[str, Any]:
    return {
        "id": curve.id,
        "title": curve.title,
        "axis": curve.axis,
        "unit": curve.unit,
        "each": curve.each,
        "points": [_point(curve, point, points[0]) for point in points],
    }


def _point(curve: Curve, point: Point, first: Point) -> dict[str, Any]:
    return {
        "at": point.at,
        "per_second": spread(round_.flow.per_second for round_ in point.rounds),
        "to_first": ratio(point, first),
        "p50_us": spread(round_.flow.p50_us for round_ in point.rounds),
        "p99_us": spread(round_.flow.p99_us for round_ in point.rounds),
        "worst_us": max(round_.flow.worst_us for round_ in point.rounds),
        "broker_cpu_us": spread(round_.cpu_us for round_ in point.rounds),
        "grow_seconds": round(point.grow_seconds, 3),
        "bytes_each": round(point.bytes / point.at) if curve.each else None,
    }
