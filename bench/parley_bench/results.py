"""From rounds to rows: what `results.json` holds (bench/schema/results.schema.json)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from parley_bench.plan import Cell, Plan, Round
from parley_bench.vocabulary import CONTENTS, Content

FORMAT = 1
"""The version of the file's format."""


@dataclass(frozen=True)
class Sample:
    """What one round measured.

    Attributes:
        count: calls with a reply, or events that reached the subscriber.
        seconds: from the first send to the last reply, or to the last event's arrival, in s.
        p50_us: median time to a call's reply, or to a publish's answer, in µs.
        p99_us: the same for the slowest hundredth, in µs.
        p999_us: the same for the slowest thousandth, in µs.
        cpu_s: CPU time of the caller, in s.
    """

    count: int
    seconds: float
    p50_us: float
    p99_us: float
    p999_us: float = 0.0
    cpu_s: float = 0.0

    @property
    def per_second(self) -> float:
        """How many per second."""
        return self.count / self.seconds


def summarise(plan: Plan, samples: Sequence[tuple[Round, Sample]]) -> list[dict[str, Any]]:
    """Returns a row per cell, in the plan's order: medians over the rounds, and protobuf as a ratio of JSON.

    A ratio is the median of the ratios of neighbouring rounds, so that a slow moment of the machine falls on both.

    Raises:
        ValueError: a cell lacks samples of one content.
    """
    by_cell: defaultdict[Cell, dict[Content, list[Sample]]] = defaultdict(lambda: {content: [] for content in CONTENTS})
    for round_, sample in samples:
        by_cell[round_.cell][round_.content].append(sample)
    return [_row(cell, by_cell[cell]) for cell in plan.cells]


def _row(cell: Cell, samples: dict[Content, list[Sample]]) -> dict[str, Any]:
    json, protobuf = samples["json"], samples["protobuf"]
    if not json or len(json) != len(protobuf):
        raise ValueError(f"{cell}: {len(json)} rounds of JSON, {len(protobuf)} of protobuf")
    pairs = list(zip(json, protobuf, strict=True))
    return {
        **asdict(cell.measure),
        "caller": cell.caller,
        "host": cell.host,
        "size": cell.size,
        **{content: _medians(samples[content]) for content in CONTENTS},
        "protobuf_to_json": {
            "per_second": round(median(b.per_second / a.per_second for a, b in pairs), 3),
            "p50": round(median(b.p50_us / a.p50_us for a, b in pairs), 3),
        },
    }


def _medians(samples: Sequence[Sample]) -> dict[str, Any]:
    return {
        "count": sum(sample.count for sample in samples),
        "per_second": round(median(sample.per_second for sample in samples), 1),
        "p50_us": round(median(sample.p50_us for sample in samples), 1),
        "p99_us": round(median(sample.p99_us for sample in samples), 1),
        "rounds": [round(sample.per_second, 1) for sample in samples],
    }
