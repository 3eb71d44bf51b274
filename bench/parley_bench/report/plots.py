"""The pictures, as SVG whose colours and font come from the page's style."""

import io
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from parley_bench.report.view import BENT, Section

Json = Mapping[str, Any]

MOST_BARS = 36
"""Rows that one picture has room for; a scenario with more has its table."""
_INK, _FAINT = "#010203", "#030201"
_OWN, _OTHER, _BAND, _LIMIT = "#000a01", "#000a02", "#000a03", "#000a04"
_STYLE = {
    _INK: "var(--fg)",
    _FAINT: "var(--line)",
    _OWN: "var(--own)",
    _OTHER: "var(--other)",
    _BAND: "var(--band)",
    _LIMIT: "var(--muted)",
}
"""What is drawn in these colours, which nothing else has, is shown in those of the page."""


def missing() -> str:
    """Returns what pictures lack, and the command that brings it; empty: nothing."""
    if find_spec("matplotlib") is not None:
        return ""
    how = "pip install matplotlib, or apt-get install python3-matplotlib"
    return f"there is no matplotlib here, so there are no pictures: {how}"


def bars(section: Section) -> str:
    """Draws a bar per row, with the quartiles; empty where there are too many.

    Args:
        section: The scenario.
    """
    lines = section.lines
    if len(lines) > MOST_BARS:
        return ""
    figure, axes = _figure(1, 0.9 + 0.3 * len(lines))
    (at,) = axes
    medians = [line.value["median"] for line in lines]
    below = [line.value["median"] - line.value["q1"] for line in lines]
    above = [line.value["q3"] - line.value["median"] for line in lines]
    colours = [_OWN if line.system == "parley" else _OTHER for line in lines]
    places = range(len(lines))
    at.barh(places, medians, color=colours, height=0.68)
    at.errorbar(medians, places, xerr=[below, above], fmt="none", ecolor=_INK, elinewidth=1.2, capsize=2.5)
    at.set_yticks(places, [line.label for line in lines])
    at.invert_yaxis()
    at.set_xlim(left=0)
    at.set_xlabel(section.unit)
    at.xaxis.set_major_formatter(lambda value, _: f"{value:,.12g}")
    at.grid(axis="x", color=_FAINT, linewidth=0.8)
    return _svg(figure, f"{section.title}: {section.unit}")


def curve(told: Json) -> str:
    """Draws throughput and the times to the answer over what grows.

    Args:
        told: A curve of the results.
    """
    figure, (speed, times) = _figure(2, 3.1)
    points = told["points"]
    at = [point["at"] for point in points]
    of = [point["per_second"] for point in points]
    speed.fill_between(at, [one["q1"] for one in of], [one["q3"] for one in of], color=_BAND, linewidth=0)
    speed.plot(at, [one["median"] for one in of], color=_OWN, marker="o", markersize=4)
    if told["id"] == "payload":
        speed.set_yscale("log")
    else:
        speed.axhline(BENT * of[0]["median"], color=_LIMIT, linewidth=1, linestyle="--")
        speed.set_ylim(bottom=0)
    speed.set_ylabel(f"{told['unit']}, quartiles")
    for name, colour, label in (("p99_us", _OTHER, "p99"), ("p50_us", _OWN, "p50")):
        medians = [point[name]["median"] / 1000 for point in points]
        times.plot(at, medians, color=colour, marker="o", markersize=4, label=label)
    times.set_yscale("log")
    times.set_ylabel("ms to the answer")
    times.legend(frameon=False)
    for one in (speed, times):
        one.set_xscale("log")
        one.set_xlabel(told["axis"])
        for axis in (one.xaxis, one.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:,.12g}")
            axis.set_minor_formatter(import_module("matplotlib.ticker").NullFormatter())
        one.grid(color=_FAINT, linewidth=0.8)
    return _svg(figure, f"{told['title']}: throughput and times over {told['axis']}")


def _figure(columns: int, height: float) -> tuple[Any, Sequence[Any]]:
    matplotlib = import_module("matplotlib")
    matplotlib.use("svg")
    pyplot = import_module("matplotlib.pyplot")
    matplotlib.rcParams.update(
        {
            # Text stays text, and the same picture is the same file.
            "svg.fonttype": "none",
            "svg.hashsalt": "parley",
            "font.size": 10,
            "text.color": _INK,
            "axes.edgecolor": _FAINT,
            "axes.labelcolor": _INK,
            "xtick.color": _INK,
            "ytick.color": _INK,
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )
    figure, axes = pyplot.subplots(1, columns, figsize=(8.4, height), layout="constrained", squeeze=False)
    return figure, list(axes[0])


def _svg(figure: Any, title: str) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    import_module("matplotlib.pyplot").close(figure)
    return inline(text.getvalue(), title)


def inline(svg: str, title: str) -> str:
    """Makes a picture part of a page: named for who cannot see it, in the page's colours, with no ids but its own.

    Args:
        svg: As matplotlib writes it.
        title: What it shows.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    escaped = title.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    svg = svg.replace("<svg", f'<svg class="plot" role="img" aria-label="{escaped}"', 1)
    svg = re.sub(r"font: (\d+(?:\.\d+)?)px [^;\"]*", r"font-size: \1px", svg)
    for drawn, shown in _STYLE.items():
        svg = svg.replace(drawn, shown)
    return svg
