"""The verb `run`: plays a plan, tells what comes of it, and writes the reports."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from parley_conformance import exitcode, runner, suite
from parley_conformance.broker import BrokerSource
from parley_conformance.cli.selection import HarnessFailure, select, selecting
from parley_conformance.model import HarnessError
from parley_conformance.paths import CONFORMANCE
from parley_conformance.reports import console as shown
from parley_conformance.reports import files

DEFAULT_OUT = CONFORMANCE.parent / "build" / "conformance"


@click.command(name="run")
@selecting
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1, 64), help="Runs at the same time.")
@click.option("--require", "required", multiple=True, help="Fail (exit code 2) if this language cannot take part.")
@click.option(
    "--out", default=DEFAULT_OUT, type=click.Path(path_type=Path, file_okay=False), help="For reports and logs."
)
@click.option("--broker", default="", metavar="COMMAND", help="A broker launcher instead of the reference broker's.")
@click.option("--address", default="", metavar="grpc://HOST:PORT", help="A broker that runs already.")
@click.option("--length", default="default", type=click.Choice(["default", "full"]), help="full: long histories, too.")
@click.option("--keep", is_flag=True, help="Keep the logs of what passed, too.")
def command(
    jobs: int,
    required: tuple[str, ...],
    out: Path,
    broker: str,
    address: str,
    length: str,
    keep: bool,
    **selection: Any,
) -> None:
    """Runs cases. CASE is a case's id, a glob of ids, or the name of a run; none: all."""
    console = shown.console_for(sys.stdout)
    if broker and address:
        raise click.UsageError("--broker and --address exclude each other")
    selected = select(selection)
    known, contract, runs = selected.languages, selected.contract, selected.runs
    if length == "full":
        runs = [replace(one, case=suite.at_length(one.case)) for one in runs]
    unknown = sorted(set(required) - set(known))
    if unknown:
        raise click.UsageError(f"--require {unknown[0]}: there is no such adapter; there are {', '.join(known)}")
    if not runs:
        raise HarnessFailure("no case fits: nothing to run")
    source = BrokerSource(address=address) if address else BrokerSource.launcher(broker) if broker else BrokerSource()
    out.mkdir(parents=True, exist_ok=True)
    kit = runner.Kit(contract, source, known, out / "logs", jobs, keep)
    with shown.Progressing(console, len(runs)) as progress:
        results = asyncio.run(runner.run_all(kit, runs, begun=progress.begun, ended=progress.ended))
    code = exitcode.of(results, required)
    commands = {name: " ".join(one.command) for name, one in known.items()}
    try:
        content = files.as_json(
            results, contract, exit_code=code, broker=address or " ".join(source.command), adapters=commands
        )
    except HarnessError as error:
        raise HarnessFailure(str(error)) from error
    files.write_json(content, out / "results.json")
    files.write_junit(results, out / "junit.xml")
    shown.matrix(console, results)
    for language in required:
        if missing := known[language].missing:
            console.print(f"[bold red]required: {escape(language)}: {escape(missing)}[/]", soft_wrap=True)
    console.print(f"written: {escape(str(out / 'results.json'))}, {escape(str(out / 'junit.xml'))}", soft_wrap=True)
    sys.exit(code)
