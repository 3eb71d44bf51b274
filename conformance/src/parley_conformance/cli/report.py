"""The verb `report`: makes the page, the summary and the badge again from results.json."""

from __future__ import annotations

import json
from pathlib import Path

import click

from parley_conformance import schemas
from parley_conformance.cli import playing
from parley_conformance.cli.selection import HarnessFailure
from parley_conformance.reports.publish import publish


@click.command(name="report")
@click.argument(
    "results",
    default=playing.DEFAULT_OUT / "results.json",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)
@click.option("--out", default=None, type=click.Path(path_type=Path, file_okay=False), help="Default: beside RESULTS.")
def command(results: Path, out: Path | None) -> None:
    """Makes report.html, summary.md and badge.svg of RESULTS, a results.json."""
    try:
        content = json.loads(results.read_bytes())
    except ValueError as error:
        raise HarnessFailure(f"{results} is no JSON: {error}") from error
    if wrong := schemas.errors("results", content):
        raise HarnessFailure(f"{results} is no results.json of this kit's format: {wrong}")
    _, written = publish(content, results.parent, out)
    for path in written:
        click.echo(path)
