"""The verb `coverage`: the rules that nothing shows."""

from __future__ import annotations

import sys

import click

from parley_conformance import coverage, exitcode
from parley_conformance.cli.selection import HarnessFailure, load


@click.command(name="coverage")
@click.option("--profile", "profiles", multiple=True, help="Only rules of this profile; may be repeated.")
def command(profiles: tuple[str, ...]) -> None:
    """Lists the MUSTs of SPEC.md that neither a case nor a test shows; exit code 1 if there are any.

    A case names its rules in `covers`, a test in a comment or docstring: `covers: SES-9, SES-14`.
    """
    cases, contract = load()
    known = coverage.shown(cases)
    if wrong := coverage.unheard_of(contract.rules, known):
        raise HarnessFailure("\n".join(wrong))
    rules = {key: rule for key, rule in contract.rules.items() if not profiles or rule.profile in profiles}
    left = coverage.missing(rules, known)
    for rule in left:
        click.echo(f"{rule.id}  {rule.profile}, {rule.binds}: {rule.text[:90]}")
    musts = sum(rule.level == "MUST" for rule in rules.values())
    click.echo(f"{musts} rules are a MUST, {len(left)} of them shown by nothing", err=True)
    sys.exit(exitcode.FAILS if left else exitcode.CONFORMS)
