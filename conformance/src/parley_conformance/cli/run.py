"""The verb `run`: plays what a selection has."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from parley_conformance import attach, baseline, runner, suite
from parley_conformance.broker import BrokerSource
from parley_conformance.cli import holding, modes, playing
from parley_conformance.cli.selection import HarnessFailure, select, selecting

_DEFAULTS = ("", modes.PROCESS, "default")


@click.command(name="run")
@selecting
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1, 64), help="Runs at the same time.")
@click.option("--require", "required", multiple=True, help="Fail (exit code 2) if this language cannot take part.")
@click.option(
    "--out", default=playing.DEFAULT_OUT, type=click.Path(path_type=Path, file_okay=False), help="For reports and logs."
)
@click.option(
    "--mode",
    default=modes.PROCESS,
    show_default=True,
    type=click.Choice([modes.PROCESS, modes.CONTAINER]),
    help="container: every party in one of its own, and each COMMAND is an image.",
)
@click.option("--broker", default="", metavar="COMMAND", help="A broker launcher instead of the reference broker's.")
@click.option("--address", default="", metavar="grpc://HOST:PORT", help="A broker that runs already.")
@click.option("--length", default="default", type=click.Choice(["default", "full"]), help="full: long histories, too.")
@click.option("--keep", is_flag=True, help="Keep the logs of what passed; leave a single run up until Enter.")
@click.option(
    "--attach", "attached", multiple=True, metavar="NAME", help="You start the adapter NAME by hand; no limits for it."
)
@click.option(
    "--baseline",
    "baselines",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="What is known to fail: a YAML file, or a folder with some. Fails when it is no longer so.",
)
def command(
    jobs: int,
    required: tuple[str, ...],
    out: Path,
    mode: str,
    broker: str,
    address: str,
    length: str,
    keep: bool,
    attached: tuple[str, ...],
    baselines: tuple[Path, ...],
    **selection: Any,
) -> None:
    """Runs cases. CASE is a case's id, a glob of ids, or the name of a run; none: all."""
    if broker and address:
        raise click.UsageError("--broker and --address exclude each other")
    if mode == modes.CONTAINER and (address or attached):
        text = "in a container nothing but the run's own networks is reached"
        raise click.UsageError(f"{'--address' if address else '--attach'}: {text}")
    where = modes.chosen(mode, out, baselines, attached)
    given = [("--adapter", one) for one in selection["added"]]
    given += [("--mode", mode), ("--broker", broker), ("--address", address), ("--length", length)]
    selected = select(selection, where.discover)
    runs = selected.runs
    if length == "full":
        runs = [replace(one, case=suite.at_length(one.case)) for one in runs]
    if unknown := sorted(set(required) - set(selected.languages)):
        known = ", ".join(selected.languages)
        raise click.UsageError(f"--require {unknown[0]}: there is no such adapter; there are {known}")
    if not runs:
        raise HarnessFailure("no case fits: nothing to run")
    try:
        expected = baseline.read(baselines)
    except baseline.BaselineError as error:
        raise HarnessFailure(f"the baseline cannot be used:\n{error}") from error
    source = BrokerSource(address=address) if address else BrokerSource.launcher(broker) if broker else where.source
    kit = runner.Kit(
        selected.contract,
        source,
        selected.languages,
        out / "logs",
        jobs,
        keep,
        expected,
        where.launch,
        histories=out / "histories",
        options=tuple(word for option in given if option[1] not in _DEFAULTS for word in option),
    )
    if attached:
        kit = replace(kit, jobs=1, launch=attach.Attaching(kit.launch, holding.say))
    if keep and len(runs) == 1:
        kit = replace(kit, hold=holding.until_enter)
    plan = {
        "filters": selected.filters,
        "length": length,
        "part": str(selected.part),
        "jobs": jobs,
        "required": list(required),
    }
    sys.exit(playing.play(playing.Wanted(kit, runs, selected.known, plan, required), out))
