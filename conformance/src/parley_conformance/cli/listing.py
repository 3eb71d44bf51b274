"""The verb `list`: what would run."""

from __future__ import annotations

import json
from typing import Any

import click

from parley_conformance import profiles
from parley_conformance.cli.selection import HarnessFailure, select, selecting
from parley_conformance.model import Run


@click.command(name="list")
@selecting
@click.option("--json", "as_json", is_flag=True, help="One JSON array, with the names of the checks.")
def command(as_json: bool, **selection: Any) -> None:
    """Lists the runs that a selection has, each with its rules and profiles."""
    runs = select(selection).runs
    if not runs:
        raise HarnessFailure("no case fits")
    if as_json:
        click.echo(json.dumps([_told(one) for one in runs], indent=2))
        return
    for one in runs:
        click.echo(f"{one.name}  {' '.join(one.case.covers)}  {' '.join(profiles.current().of(one.case))}")
    click.echo(f"{len({one.case.id for one in runs})} cases, {len(runs)} runs", err=True)


def _told(run: Run) -> dict[str, Any]:
    case = run.case
    axes = {"caller": run.caller, "handler": run.handler, "content": run.content}
    return {
        **run.identity,
        "profiles": list(profiles.current().of(case)),
        "lane": case.lane,
        "checks": [run.check(rule) for rule in case.covers],
        **{name: value for name, value in axes.items() if value},
    }
