"""The HTML page: one file with everything in it, which fetches nothing."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from parley_bench.report import plots
from parley_bench.report.view import HEADINGS, view
from parley_bench.results import FORMAT

TEMPLATES = Path(__file__).resolve().parent / "templates"


class ReportError(Exception):
    """There is no report of these files."""


def read(path: Path) -> Mapping[str, Any]:
    """Returns the results in a file.

    Raises:
        ReportError: it holds none, or of another format.
    """
    try:
        results: Any = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ReportError(f"{path} holds no results: {error}") from error
    if not isinstance(results, dict) or results.get("format") != FORMAT:
        found = results.get("format") if isinstance(results, dict) else None
        raise ReportError(f"{path} has format {found}; this reads format {FORMAT}")
    return results


def render(files: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> str:
    """Returns the page of these results.

    Args:
        files: at least one; of what several have, the last one's is shown.
        titles: of the scenarios, by their ids.
    """
    shown = view(files, titles)
    lacking = plots.missing()
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.j2").render(
        view=shown,
        headings=HEADINGS,
        css=Markup((TEMPLATES / "page.css").read_text()),
        lacking=lacking,
        bars={} if lacking else {one.id: Markup(plots.bars(one)) for one in shown.sections},
        curves={} if lacking else {one["id"]: Markup(plots.curve(one)) for one in shown.curves},
    )
