"""The command `parley-conformance`: one module per verb, each with its click `command`."""

from __future__ import annotations

import click

from parley_conformance import __version__
from parley_conformance.cli import coverage, diff, explain, init, listing, recheck, replay, report, run, smoke


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Says whether an SDK or a broker does what the contract promises, and where not, which rule it breaks.

    Exit codes: 0 conforms, 1 fails, 2 harness error (also: nothing to run), 3 inconclusive.
    """


for _verb in (
    coverage,
    diff,
    explain,
    init,
    listing,
    recheck,
    replay,
    report,
    run,
    smoke,
):
    main.add_command(_verb.command)
