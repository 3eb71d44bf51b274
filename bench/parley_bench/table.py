"""The one table that a run prints."""

from typing import Any

from rich import box
from rich.table import Table


def table(rows: list[dict[str, Any]]) -> Table:
    """Returns the rows side by side: a line per measure and pair, a group of columns per payload size."""
    sizes = sorted({row["size"] for row in rows})
    result = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    result.add_column("measure")
    result.add_column("caller → host")
    for size in sizes:
        for heading in (f"{_bytes(size)}: JSON", "protobuf", "ratio"):
            result.add_column(heading, justify="right")

    lines: dict[tuple[str, int, str], dict[int, dict[str, Any]]] = {}
    for row in rows:
        lines.setdefault((row["kind"], row["in_flight"], f"{row['caller']} → {row['host']}"), {})[row["size"]] = row
    previous = None
    for (kind, in_flight, pair), by_size in lines.items():
        measure = f"{kind}, {in_flight} in flight" if in_flight > 1 else f"{kind}, one at a time, p50/p99 ms"
        if previous not in (None, measure):
            result.add_section()
        cells = [text for size in sizes for text in _cells(by_size.get(size))]
        result.add_row(measure if measure != previous else "", pair, *cells)
        previous = measure
    return result


def _cells(row: dict[str, Any] | None) -> tuple[str, str, str]:
    if row is None:
        return "", "", ""
    one_at_a_time = row["in_flight"] == 1
    ratio = row["protobuf_to_json"]["p50" if one_at_a_time else "per_second"]
    return _value(row["json"], one_at_a_time), _value(row["protobuf"], one_at_a_time), f"{ratio:.2f}"


def _value(medians: dict[str, Any], one_at_a_time: bool) -> str:
    if one_at_a_time:
        return f"{medians['p50_us'] / 1000:.2f}/{medians['p99_us'] / 1000:.2f}"
    return f"{medians['per_second']:,.0f}/s"


def _bytes(size: int) -> str:
    return f"{size // 1024} KiB" if size >= 1024 else f"{size} B"
