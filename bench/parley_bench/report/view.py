"""What the page tells, as plain values: from files of results (bench/schema/results.schema.json)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

Json = Mapping[str, Any]

BENT = 0.9
"""A curve has bent where the throughput is below this part of its first point's."""


@dataclass(frozen=True)
class Line:
    """One row of measurements.

    Attributes:
        label: where it differs from the others of its scenario.
        system: whose it is.
        value: what is shown as a bar: the spread of throughput, or of the time to the answer.
        cells: everything, for the table.
    """

    label: str
    system: str
    value: Mapping[str, float]
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """One scenario.

    Attributes:
        id: of the scenario, and of the part of the page.
        title: for people.
        unit: of the bars.
        lines: in the order measured.
        ratios: of and to, throughput, p50, CPU time: each in words.
    """

    id: str
    title: str
    unit: str
    lines: tuple[Line, ...]
    ratios: tuple[tuple[str, ...], ...]


HEADINGS = ("per s", "quartiles", "p50 ms", "p99 ms", "p99.9 ms", "CPU µs server / caller / host", "rounds")


@dataclass(frozen=True)
class Aim:
    """A target: `verdict` is met, missed or not measured."""

    text: str
    promised: str
    measured: str
    spread: str
    verdict: str
    why: str


@dataclass(frozen=True)
class View:
    """All of the page."""

    headline: str
    about: tuple[tuple[str, str], ...]
    aims: tuple[Aim, ...]
    missing: tuple[str, ...]
    sections: tuple[Section, ...]
    curves: tuple[Json, ...]
    bends: tuple[str, ...]
    values: tuple[tuple[str, str], ...]


def view(files: Sequence[Json], titles: Mapping[str, str]) -> View:
    """Returns what the page tells of these files; of each scenario, target and curve the last file that has it.

    Args:
        files: of format 2, at least one.
        titles: of the scenarios, by their ids.
    """
    rows = {key: list(own) for file in files for key, own in groupby(file["rows"], lambda row: row["case"]["scenario"])}
    ratios: dict[str, list[Json]] = {}
    for file in files:
        ratios |= {key: list(own) for key, own in groupby(file["ratios"], lambda one: one["of"]["scenario"])}
    targets: dict[str, Json] = {}
    for target in (target for file in files for target in file["targets"]):
        if target["measured"] is not None or target["id"] not in targets:
            targets[target["id"]] = target
    curves = {curve["id"]: curve for file in files for curve in file.get("scaling", {}).get("curves", ())}
    values = {value["id"]: value for file in files for value in file.get("scaling", {}).get("values", ())}
    aims = tuple(map(_aim, targets.values()))
    return View(
        _headline(aims),
        _about(files),
        aims,
        tuple(dict.fromkeys(f"{one['title']}: {one['why']}" for file in files for one in file["missing"])),
        tuple(_section(key, titles.get(key, key), own, ratios.get(key, ())) for key, own in rows.items()),
        tuple(curves.values()),
        bends(list(curves.values())),
        tuple((value["title"], f"{number(value['value'])} {value['unit']}") for value in values.values()),
    )


def bends(curves: Sequence[Json]) -> tuple[str, ...]:
    """Says of each curve where it has bent, the sharpest bend first; payload has to cost, and is left out."""
    found = []
    for curve in curves:
        first, last = curve["points"][0], curve["points"][-1]
        if curve["id"] == "payload" or first is last:
            continue
        bent = next((point for point in curve["points"][1:] if point["to_first"]["median"] < BENT), None)
        end = last["to_first"]["median"]
        where = f"falls below {BENT:.0%} at {bent['at']:,} {curve['axis']}" if bent else f"stays above {BENT:.0%}"
        found.append((end, f"{curve['title']}: {where}; {end:.2f} × at {last['at']:,}"))
    return tuple(text for _, text in sorted(found))


def number(value: float) -> str:
    """Returns a number as people read it: three digits that count, at least."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _headline(aims: Sequence[Aim]) -> str:
    measured = [aim for aim in aims if aim.verdict != "not measured"]
    met = sum(aim.verdict == "met" for aim in measured)
    if not aims:
        return "Measured, with no targets"
    left = f", {len(aims) - len(measured)} not measured" if len(measured) < len(aims) else ""
    return f"{met} of {len(measured)} targets met{left}"


def _about(files: Sequence[Json]) -> tuple[tuple[str, str], ...]:
    machine, versions = files[-1]["machine"], {name: v for file in files for name, v in file["versions"].items()}
    memory = machine["memory_bytes"] / 2**30
    runs = ", ".join(
        f"{file['length']} ({file['turns']['done']} turns of {file['seconds']:g} s, {file['date'][:10]}, "
        f"commit {file['commit'][:10]}{'-changed' if file['commit'].endswith('-changed') else ''})"
        for file in files
    )
    return (
        ("Runs", runs),
        ("Machine", f"{machine['processor']}, {machine['cores']} cores, {memory:.0f} GiB, {machine['system']}"),
        ("Versions", ", ".join(f"{name} {value}" for name, value in versions.items())),
    )


def _aim(target: Json) -> Aim:
    sign = "≥" if target["bound"] == "at_least" else "≤"
    measured = target["measured"]
    verdict = {True: "met", False: "missed", None: "not measured"}[target["met"]]
    return Aim(
        target["text"],
        f"{sign} {target['limit']:g}",
        number(measured["median"]) if measured else "",
        f"{number(measured['q1'])} … {number(measured['q3'])}" if measured else "",
        verdict,
        target["why"],
    )


def _section(key: str, title: str, rows: Sequence[Json], ratios: Sequence[Json]) -> Section:
    axes = _axes([row["case"] for row in rows])
    by_time = all(row["case"]["in_flight"] == 1 or row["case"]["rate"] > 0 for row in rows)
    value = "p50_us" if by_time else "per_second"
    told = [
        tuple(f"{_place(one['of'], axes)} / {_place(one['to'], axes)}" if not at else _times(one[at]) for at in _RATIOS)
        for one in ratios
    ]
    lines = tuple(Line(_place(row["case"], axes), row["case"]["system"], row[value], _cells(row)) for row in rows)
    return Section(key, title, "µs to the answer, p50" if by_time else "per second", lines, tuple(told))


def _axes(cases: Sequence[Json]) -> list[str]:
    """Where the cases differ; how a system stores is not told where each has one way."""
    axes = [axis for axis in cases[0] if axis != "scenario" and len({case[axis] for case in cases}) > 1] or ["kind"]
    ways = {(case["system"], case["storage"]) for case in cases}
    if "storage" in axes and "system" in axes and len(ways) == len({case["system"] for case in cases}):
        axes.remove("storage")
    return axes


_RATIOS = ("", "per_second", "p50_us", "cpu_us")


def _times(spread: Json) -> str:
    return f"{spread['median']:.2f} ({spread['q1']:.2f} … {spread['q3']:.2f})"


def _place(case: Json, axes: Sequence[str]) -> str:
    said = {
        "size": "{:,} B",
        "in_flight": "{} in flight",
        "rate": "{:g}/s",
        "agents": "{} agents",
        "subscribers": "{} subscribers",
    }
    return ", ".join(said.get(axis, "{}").format(case[axis]) for axis in axes)


def _cells(row: Json) -> tuple[str, ...]:
    speed, cpu = row["per_second"], row["cpu_us"]
    return (
        number(speed["median"]),
        f"{number(speed['q1'])} … {number(speed['q3'])}",
        *(f"{row[name]['median'] / 1000:.2f}" for name in ("p50_us", "p99_us", "p999_us")),
        " / ".join(f"{cpu[process]['median']:.0f}" for process in ("server", "caller", "host")),
        str(len(row["rounds"])),
    )
