"""The verb `list`: what would run."""

from __future__ import annotations

from typing import Any

import click

from parley_conformance.cli.selection import HarnessFailure, select, selecting


@click.command(name="list")
@selecting
def command(**selection: Any) -> None:
    """Lists the runs that a selection has, each with its rules."""
    runs = select(selection).runs
    if not runs:
        raise HarnessFailure("no case fits")
    for one in runs:
        click.echo(f"{one.name}  {' '.join(one.case.covers)}")
    click.echo(f"{len({one.case.id for one in runs})} cases, {len(runs)} runs", err=True)
