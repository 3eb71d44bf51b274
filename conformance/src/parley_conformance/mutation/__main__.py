"""`python -m parley_conformance.mutation`: runs the mutants and writes the kill matrix."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from parley_conformance import coverage, languages, runner, spec, suite
from parley_conformance.broker import BrokerSource
from parley_conformance.model import HarnessError, Result, Run
from parley_conformance.mutation import catalogue, earlier, kills, matrix, play
from parley_conformance.paths import CONFORMANCE
from parley_conformance.workloads import registry

DEFAULT_OUT = CONFORMANCE.parent / "build" / "conformance"
CONTROL_JOBS = 3
"""Unbroken runs at the same time; they work, where broken ones mostly wait."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, metavar="[MUTANT]...")
@click.option("--component", "components", multiple=True, type=click.Choice(catalogue.COMPONENTS), help="Only these.")
@click.option("--jobs", default=12, show_default=True, type=click.IntRange(1, 64), help="Broken runs at the same time.")
@click.option("--keep", is_flag=True, help="Keep the logs of all runs.")
@click.option(
    "--out", default=DEFAULT_OUT, type=click.Path(path_type=Path, file_okay=False), help="For the matrix and logs."
)
def main(names: tuple[str, ...], components: tuple[str, ...], jobs: int, keep: bool, out: Path) -> None:
    """Runs implementations with one bug each: every check that is named for a bug must fail, by its signature.

    MUTANT is a mutant's name; none: all. What is not broken must pass the same runs; those that passed in OUT's
    results.json are not made again unless something has changed since.

    Where all are run, every check of a MUST rule must have caught one, but those in mutants/uncaught.yaml.

    Exit codes: 0 every bug was caught, 1 one was not or a check caught none, 2 harness error, which is also a mutant
    that could not be run.
    """
    try:
        contract = spec.read()
        cases = suite.load(rules=contract.rules, workloads=registry.ALL)
        mutants = catalogue.load(cases, components=components or catalogue.COMPONENTS)
        uncaught = catalogue.uncaught()
    except (suite.SuiteError, catalogue.CatalogueError, OSError, ValueError) as error:
        click.echo(f"mutants: {error}", err=True)
        sys.exit(2)
    if unknown := set(names) - {mutant.name for mutant in mutants}:
        raise click.UsageError(f"there is no mutant {', '.join(sorted(unknown))}")
    mutants = [mutant for mutant in mutants if not names or mutant.name in names]
    out.mkdir(parents=True, exist_ok=True)
    kit = runner.Kit(contract, BrokerSource(), languages.discover(), out / "mutants", jobs, keep)
    begin = time.monotonic()
    try:
        found = asyncio.run(_run(kit, mutants, out / "results.json"))
        tests = _tests()
        took_ms = round((time.monotonic() - begin) * 1000)
        content = matrix.as_json(found, cases, contract.rules, tests, took_ms, uncaught)
    except HarnessError as error:
        click.echo(f"mutants: {error}", err=True)
        sys.exit(2)
    (out / "kill-matrix.json").write_text(json.dumps(content, indent=2) + "\n", encoding="ascii")
    (out / "kill-matrix.md").write_text(matrix.as_markdown(content), encoding="utf-8")
    matrix.as_junit(found).write(str(out / "kill-matrix.xml"), pretty=True)
    sys.exit(_tell(found, content, time.monotonic() - begin, whole=not names and not components))


async def _run(kit: runner.Kit, mutants: list[catalogue.Mutant], results: Path) -> list[kills.Kill]:
    stable = await play.stable(kit, mutants)
    present = [mutant for mutant in mutants if mutant.component not in stable.missing]
    runs = kills.controls(present)
    by_run = earlier.passed(results, runs)
    click.echo(f"{len(mutants)} mutants; {len(by_run)} of {len(runs)} runs of what is not broken passed already")
    controls = await runner.run_all(
        _controlling(kit),
        [run for run in runs if run not in by_run],
        begun=lambda run: None,
        ended=lambda result, *, final: _told_control(result),
    )
    by_run |= {result.run: result for result in controls}
    kit.lag.start()
    try:
        played = await play.play(
            stable,
            mutants,
            told=lambda mutant, one: _told(mutant, one, by_run),
            caught=lambda mutant, one: not _uncaught(mutant, one, by_run),
        )
    finally:
        await kit.lag.stop()
    return [
        kills.judge(mutant, check, played[mutant, check.run], by_run.get(check.run) or played[mutant, check.run].result)
        for mutant in mutants
        for check in mutant.checks
    ]


def _controlling(kit: runner.Kit) -> runner.Kit:
    return runner.Kit(kit.contract, kit.source, kit.languages, kit.folder / "unbroken", CONTROL_JOBS, kit.keep)


def _told_control(result: Result) -> None:
    if result.verdict != "pass":
        click.echo(f"  unbroken {result.run.name}: {result.verdict}: {result.reason}")


def _told(mutant: catalogue.Mutant, played: kills.Played, controls: dict[Run, Result]) -> None:
    for kill in _uncaught(mutant, played, controls):
        click.echo(f"  {kill.fate} {mutant.component} {mutant.name}: {kill.check.name}: {kill.why}")


def _uncaught(mutant: catalogue.Mutant, played: kills.Played, controls: dict[Run, Result]) -> list[kills.Kill]:
    run = played.result.run
    checks = [check for check in mutant.checks if check.run == run]
    judged = [kills.judge(mutant, check, played, controls.get(run) or played.result) for check in checks]
    return [kill for kill in judged if kill.fate is not kills.Fate.KILLED]


def _tests() -> dict[str, list[str]]:
    return coverage.shown(())


def _tell(found: list[kills.Kill], content: Mapping[str, Any], seconds: float, *, whole: bool) -> int:
    """Says what came of it; returns the exit code. What caught nothing counts where all mutants were run."""
    fates = Counter(kill.fate for kill in found)
    mutants = Counter(mutant.component for mutant in {kill.mutant for kill in found})
    click.echo("mutants: " + ", ".join(f"{number} {component}" for component, number in mutants.items()))
    if left := fates[kills.Fate.NOT_RUN]:
        why = sorted({kill.why for kill in found if kill.fate is kills.Fate.NOT_RUN})
        click.echo(f"{left} not run: {'; '.join(why)}")
    for kill in found:
        if kill.fate is kills.Fate.KILLED and kill.played and kill.played.tries > 1:
            name = f"{kill.mutant.component} {kill.mutant.name}: {kill.check.name}"
            click.echo(f"  caught at try {kill.played.tries} only: {name}")
    failed = sum(number for fate, number in fates.items() if fate not in (kills.Fate.KILLED, kills.Fate.NOT_RUN))
    lacking = matrix.lacking(content) if whole and not left else []
    for text in lacking:
        click.echo(f"  {text}")
    click.echo(f"{fates[kills.Fate.KILLED]} passed, {failed + len(lacking)} failed in {seconds:.0f} s")
    if failed or lacking or not found:
        return 1
    return 2 if left else 0


if __name__ == "__main__":
    main()
