"""The verb `explain`: a case told for people."""

from __future__ import annotations

import click

from parley_conformance.cli.selection import HarnessFailure, load
from parley_conformance.explain import explain


@click.command(name="explain")
@click.argument("case")
def command(case: str) -> None:
    """Tells a case: what it shows, its rules in words, who takes part, its steps."""
    cases, contract = load()
    for one in cases:
        if one.id == case.partition("[")[0]:
            click.echo(explain(one, contract))
            return
    near = [one.id for one in cases if case.rpartition("/")[2] in one.id]
    raise HarnessFailure(f"there is no case {case!r}" + (f"; is it one of {', '.join(near)}?" if near else ""))
