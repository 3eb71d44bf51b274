"""The bench's program: measures, compares, writes the report. bench/README.md says how it measures."""

import asyncio
import contextlib
import json
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from parley_bench import table
from parley_bench.compare import Change, change_table, changes_between, changes_in
from parley_bench.machine import provenance
from parley_bench.measure import Run, carry_out
from parley_bench.plan import Plan, plan, systems_of
from parley_bench.processes import BENCH, ROOT, BenchError
from parley_bench.report import plots
from parley_bench.report.page import ReportError, read, render
from parley_bench.results import FORMAT, by_case, ratios, rows
from parley_bench.scenarios import Scenario, ScenarioError, load_scenarios
from parley_bench.systems import SYSTEMS
from parley_bench.systems.base import System
from parley_bench.systems.parley import parley_of
from parley_bench.targets import judge
from parley_bench.trees import checked_out
from parley_bench.vocabulary import LANGUAGES, LENGTHS, Language, Length

RESULTS = ROOT / "build/bench/results.json"
COMPARED = ROOT / "build/bench/compared.json"
REPORT = ROOT / "build/bench/report.html"
REPORTED = [RESULTS.parent / name for name in ("results.json", "alternatives.json", "scaling.json")]
SCHEMA = BENCH / "schema/scenarios.schema.json"
RUN_LENGTHS = [length for length in LENGTHS if length != "compare"]
WIDTH = 150
"""Columns of the tables where the output is no terminal."""


class _RunByDefault(click.Group):
    """Takes a command line that begins with no command's name as one of `run`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_RunByDefault)
def main() -> None:
    """Parley's bench; without a command it runs."""


@main.command()
@click.option("--length", type=click.Choice(RUN_LENGTHS), default="short", help="Which scenarios, and on which axes.")
@click.option("--quick", is_flag=True, help="The same as --length quick: shows that everything runs, not how fast.")
@click.option("--language", "languages", type=click.Choice(LANGUAGES), multiple=True, help="Only pairs of these.")
@click.option("--scenario", "chosen", metavar="ID", multiple=True, help="Only these scenarios.")
@click.option("--turns", type=click.IntRange(1), help="How often each case is measured.")
@click.option("--seconds", type=click.FloatRange(0.01), help="How long a round sends, in s.")
@click.option(
    "--output", type=click.Path(path_type=Path), default=RESULTS, help=f"Default: {RESULTS.relative_to(ROOT)}."
)
def run(
    length: Length,
    quick: bool,
    languages: tuple[Language, ...],
    chosen: tuple[str, ...],
    turns: int | None,
    seconds: float | None,
    output: Path,
) -> None:
    """Measure what the scenarios of a length ask for, print the tables, write the results."""
    console = Console()
    length = "quick" if quick else length
    try:
        scenarios = _scenarios(length, chosen)
        missing = {name: SYSTEMS[name].missing() for name in systems_of(scenarios, length) if name in SYSTEMS}
        missing = {name: why for name, why in missing.items() if why}
        here = _languages(languages, missing)
        whole = plan(scenarios, length, SYSTEMS, here, list(missing))
        whole = replace(whole, turns=turns or whole.turns, seconds=seconds or whole.seconds)
        for name, why in missing.items():
            console.print(f"bench: left out: {_title(name)}: {why}", soft_wrap=True)
        results = measure(whole, scenarios, length, SYSTEMS, missing, output.parent / "data", console)
    except (BenchError, ScenarioError) as error:
        raise click.ClickException(str(error)) from error
    _write(results, output)
    wide = _wide(console)
    for each in table.measured(results, {scenario.id: scenario.title for scenario in scenarios}):
        wide.print(each)
    if results["targets"]:
        wide.print(table.expected(results["targets"]))
    console.print(f"bench: wrote {output}", soft_wrap=True)


@main.command()
@click.argument("old")
@click.argument("new", required=False)
@click.option("--turns", type=click.IntRange(2), help="How often each case is measured.")
@click.option(
    "--output", type=click.Path(path_type=Path), default=COMPARED, help=f"Default: {COMPARED.relative_to(ROOT)}."
)
def compare(old: str, new: str | None, turns: int | None, output: Path) -> None:
    """Say whether NEW is slower than OLD; exit code 1: it is.

    Both are commits, which are measured in turn in one run (without NEW: this tree as it is), or files of results.
    """
    console = Console()
    try:
        if new is not None and Path(old).is_file() and Path(new).is_file():
            changes = changes_between(json.loads(Path(old).read_text()), json.loads(Path(new).read_text()))
        else:
            changes = _changes_of_commits(old, new, turns, output, console)
    except (BenchError, ScenarioError, ValueError, KeyError) as error:
        raise click.ClickException(str(error)) from error
    _wide(console).print(change_table(changes))
    slower = sum(change.is_regression for change in changes)
    console.print(f"bench: {slower} of {len(changes)} cases became slower")
    sys.exit(1 if slower else 0)


@main.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), default=REPORT, help=f"Default: {REPORT.relative_to(ROOT)}.")
def report(files: tuple[Path, ...], output: Path) -> None:
    """Make one page of files of results; without any, of those that the runs of the bench have left."""
    chosen = files or [path for path in REPORTED if path.exists()]
    if not chosen:
        raise click.ClickException(f"there are no results in {RESULTS.parent.relative_to(ROOT)}: run the bench first")
    try:
        titles = {scenario.id: scenario.title for scenario in load_scenarios(BENCH / "scenarios", SCHEMA)}
        page = render([read(path) for path in chosen], titles)
    except (ReportError, ScenarioError) as error:
        raise click.ClickException(str(error)) from error
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page)
    if lacking := plots.missing():
        click.echo(f"bench: {lacking}")
    click.echo(f"bench: wrote {output}")


def _changes_of_commits(old: str, new: str | None, turns: int | None, output: Path, console: Console) -> list[Change]:
    with contextlib.ExitStack() as stack:
        before = stack.enter_context(checked_out(ROOT, old, output.parent / "tree-old"))
        after = ROOT if new is None else stack.enter_context(checked_out(ROOT, new, output.parent / "tree-new"))
        systems = {
            "parley-old": parley_of(before, "parley-old", f"Parley, {old}"),
            "parley-new": parley_of(after, "parley-new", f"Parley, {new or 'this tree'}"),
        }
        scenarios = _scenarios("compare", ())
        whole = plan(scenarios, "compare", systems, ["python"])
        whole = replace(whole, turns=turns or whole.turns)
        results = measure(whole, scenarios, "compare", systems, {}, output.parent / "data-compare", console)
    _write(results, output)
    console.print(f"bench: wrote {output}", soft_wrap=True)
    return changes_in(results)


def measure(
    whole: Plan,
    scenarios: Sequence[Scenario],
    length: Length,
    systems: Mapping[str, System],
    missing: dict[str, str],
    data: Path,
    console: Console,
) -> dict[str, Any]:
    """Carries out the plan and returns the results as the schema has them; the data of servers goes below `data`.

    Raises:
        BenchError: there is nothing to measure, or the bench cannot go on.
    """
    if not whole.groups:
        raise BenchError("nothing to measure: no scenario that was asked for can be run here")

    def tell(text: str) -> None:
        if console.is_terminal or "turns" in text:
            console.print(f"bench: {text}")

    shutil.rmtree(data, ignore_errors=True)
    try:
        done = asyncio.run(_until_told_to_end(whole, systems, data, tell))
    except asyncio.CancelledError:
        raise BenchError("stopped by SIGTERM; nothing was written") from None
    finally:
        shutil.rmtree(data, ignore_errors=True)
    for name, why in done.failed.items():
        console.print(f"bench: {_title(name)}: {why}", soft_wrap=True)
    missing = missing | done.failed
    rounds = by_case(pair for pair in done.measured if pair[0].system not in done.failed)
    about = provenance(ROOT, any("dotnet" in (case.caller, case.host) for case in whole.cases))
    about["versions"] |= done.versions
    return {
        "format": FORMAT,
        **about,
        "length": length,
        "seconds": whole.seconds,
        "turns": {"planned": whole.turns, "done": done.turns},
        "missing": [{"name": name, "title": _title(name), "why": why} for name, why in missing.items()],
        "rows": rows(whole, rounds),
        "ratios": ratios(whole, scenarios, rounds),
        "targets": judge(scenarios, whole, rounds, missing),
    }


async def _until_told_to_end(
    whole: Plan, systems: Mapping[str, System], data: Path, tell: Callable[[str], None]
) -> Run:
    this = asyncio.current_task()
    assert this is not None
    # Ended from outside, the run must take its processes along.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    return await carry_out(whole, systems, data, tell)


def _scenarios(length: Length, ids: Sequence[str]) -> list[Scenario]:
    """Returns those of a length, or those of them that were asked for."""
    scenarios = load_scenarios(BENCH / "scenarios", BENCH / "schema/scenarios.schema.json")
    known = [scenario.id for scenario in scenarios if length in scenario.lengths]
    for unknown in set(ids) - set(known):
        raise ScenarioError(f"no scenario {unknown!r} in a {length} run; there are {', '.join(known)}")
    return [scenario for scenario in scenarios if scenario.id in (ids or known) and scenario.id in known]


def _languages(asked: Sequence[Language], missing: dict[str, str]) -> Sequence[Language]:
    """Returns the languages that can be measured; enters in `missing` what cannot."""
    wanted = asked or LANGUAGES
    if "dotnet" not in wanted or shutil.which("dotnet") is not None:
        return wanted
    if asked:
        raise BenchError("--language dotnet: there is no dotnet here")
    missing["dotnet"] = "there is no dotnet here; its SDK 10 is at https://dotnet.microsoft.com/download"
    return [language for language in wanted if language != "dotnet"]


def _write(results: Mapping[str, Any], output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=1) + "\n")


def _wide(console: Console) -> Console:
    """Wide enough for every column, also where the output is no terminal."""
    return Console(width=max(console.width, WIDTH))


def _title(name: str) -> str:
    return SYSTEMS[name].title if name in SYSTEMS else ".NET"


if __name__ == "__main__":
    sys.exit(main())
