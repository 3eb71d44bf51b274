"""The verb `smoke`: tells a broken adapter from a wrong SDK, and what comes next."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from parley_conformance import exitcode, languages, smoke
from parley_conformance.broker import BrokerSource
from parley_conformance.cli.selection import HarnessFailure
from parley_conformance.model import HarnessError
from parley_conformance.paths import ADAPTERS
from parley_conformance.smoke import Finding, Found

_INDENT = " " * 13


@click.command(name="smoke")
@click.option("--adapter", required=True, metavar="NAME=COMMAND", help="The adapter, or the name of one that is there.")
@click.option("--broker", default="", metavar="COMMAND", help="A broker launcher instead of the reference broker's.")
@click.option(
    "--out",
    default=None,
    type=click.Path(path_type=Path, file_okay=False),
    help="Keeps the logs of adapter and broker there; else nothing is kept.",
)
def command(adapter: str, broker: str, out: Path | None) -> None:
    """Looks at one adapter: does it speak the protocol, and does its SDK do the least that is asked of it?

    Exit codes: 0 all is well, and what is lacking is said; 1 the adapter speaks the protocol, and what its SDK did is
    wrong; 2 the adapter itself is broken, or the broker could not be started.
    """
    try:
        name = adapter.partition("=")[0]
        known = languages.discover([adapter] if "=" in adapter else [])
        if name not in known:
            raise ValueError(f"there is no adapter {name!r}; there are {', '.join(known)}, or give NAME=COMMAND")
    except ValueError as error:
        raise click.UsageError(f"--adapter {error}") from error
    if known[name].missing:
        raise HarnessFailure(f"{name}: {known[name].missing}")
    source = BrokerSource.launcher(broker) if broker else BrokerSource()
    with tempfile.TemporaryDirectory() if out is None else contextlib.nullcontext(out) as folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        try:
            findings = asyncio.run(smoke.look(known[name], source, Path(folder)))
        except HarnessError as error:
            raise HarnessFailure(f"there is no broker to look with: {error}") from error
    for number, finding in enumerate(findings, 1):
        click.echo(_line(number, finding))
    click.echo()
    for line in conclusion(name, adapter, findings):
        click.echo(line)
    sys.exit(code_of(findings))


def code_of(findings: Sequence[Finding]) -> int:
    """The exit code that findings amount to."""
    found = {one.found for one in findings}
    if Found.BROKEN in found:
        return exitcode.HARNESS_ERROR
    return exitcode.FAILS if Found.SDK in found else exitcode.CONFORMS


def conclusion(name: str, adapter: str, findings: Sequence[Finding]) -> list[str]:
    """What it all means, and what to do next."""
    reference = ADAPTERS / "PROTOCOL.md"
    for found, meaning in (
        (Found.BROKEN, "Your adapter is broken: nothing can be said of its SDK."),
        (Found.SDK, "Your adapter speaks the protocol; what its SDK did, or what the adapter makes of it, is wrong."),
    ):
        if bad := [one for one in findings if one.found is found]:
            return [meaning, f"next: {bad[0].title}: {bad[0].todo}", f"The reference: {reference}"]
    lacking = [one for one in findings if one.found is Found.LACKS]
    if not lacking:
        added = f" --adapter {shlex.quote(adapter)}" if "=" in adapter else ""
        return [
            "Your adapter speaks the protocol, and its SDK does the least.",
            f"next: parley-conformance run{added} --pair {name}-{name}",
        ]
    return [
        f"Your adapter speaks the protocol as far as it goes. It lacks: {', '.join(one.title for one in lacking)}.",
        f"next: {lacking[0].title}: {lacking[0].todo}",
        f"The reference: {reference}",
    ]


def _line(number: int, finding: Finding) -> str:
    text = finding.text.replace("\n", f"\n{_INDENT}")
    return f"{number:>2} {finding.found.value:<9} {finding.title}{': ' if text else ''}{text}"
