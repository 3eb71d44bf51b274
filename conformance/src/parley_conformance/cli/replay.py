"""The verb `replay`: plays the plan of a stored history again."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from parley_conformance import history_file, languages, runner, schemas, spec, suite
from parley_conformance.broker import BrokerSource
from parley_conformance.cli import playing
from parley_conformance.cli.selection import HarnessFailure
from parley_conformance.history_file import Stored
from parley_conformance.languages import Language
from parley_conformance.model import Run


@click.command(name="replay")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 64), help="Runs at the same time.")
@click.option(
    "--out",
    default=playing.DEFAULT_OUT / "replay",
    type=click.Path(path_type=Path, file_okay=False),
    help="For reports and logs.",
)
@click.option("--broker", default="", metavar="COMMAND", help="Another launcher than the history's.")
@click.option("--address", default="", metavar="grpc://HOST:PORT", help="A broker that runs already.")
@click.option("--adapter", "added", multiple=True, metavar="NAME=COMMAND", help="Another adapter than the history's.")
def command(files: tuple[Path, ...], jobs: int, out: Path, broker: str, address: str, added: tuple[str, ...]) -> None:
    """Plays the plan of stored histories again: the case as it was, its axes, seed and broker settings.

    The suites are not read: a case that has changed since, or is gone, is played as it was. Adapters of languages that
    this kit has are its own; others, and launchers, are started as the history says. Logs are kept.
    """
    if broker and address:
        raise click.UsageError("--broker and --address exclude each other")
    try:
        stored = [history_file.read(path) for path in files]
    except history_file.HistoryError as error:
        raise HarnessFailure(str(error)) from error
    runs = _runs(stored)
    source = BrokerSource(address=address) if address else BrokerSource.launcher(broker) if broker else _source(stored)
    try:
        known = _adapters(stored) | languages.discover(added)
    except ValueError as error:
        raise click.UsageError(f"--adapter {error}") from error
    kit = runner.Kit(spec.read(), source, known, out / "logs", jobs, keep=True, histories=out / "histories")
    filters = {"replay": [run.name for run in runs]}
    plan: dict[str, Any] = {"filters": filters, "length": "default", "part": "1/1", "jobs": jobs, "required": []}
    sys.exit(playing.play(playing.Wanted(kit, runs, runs, plan), out))


def _runs(stored: list[Stored]) -> list[Run]:
    runs: dict[str, Run] = {}
    for one in stored:
        run = one.history.run
        # How long a case may take is not the author's to say again: long runs have more than a suite may give.
        said = {name: value for name, value in suite.plain(run.case).items() if name != "limit_ms"}
        if wrong := schemas.errors("suite", [said]):
            raise HarnessFailure(f"{run.name}: this kit cannot play the case: {wrong}")
        runs[run.name] = replace(run)
    return list(runs.values())


def _source(stored: list[Stored]) -> BrokerSource:
    sources = {(tuple(one.played.broker), one.played.address) for one in stored}
    if len(sources) > 1:
        raise click.UsageError("these histories were played with several brokers: name one with --broker")
    ((command, address),) = sources
    return BrokerSource(address=address) if address else BrokerSource(command=command) if command else BrokerSource()


def _adapters(stored: list[Stored]) -> dict[str, Language]:
    return {name: Language(name, tuple(command)) for one in stored for name, command in one.played.adapters.items()}
