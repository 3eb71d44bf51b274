"""Runs the bench: prints one table, writes build/bench/results.json. bench/README.md says how it measures."""

import asyncio
import json
import shutil
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from parley_bench.content import recipe
from parley_bench.machine import provenance
from parley_bench.measure import Parties, running_parties
from parley_bench.plan import Plan, Round, full_plan, quick_plan
from parley_bench.processes import ROOT, BenchError
from parley_bench.results import FORMAT, Sample, summarise
from parley_bench.systems import SYSTEMS
from parley_bench.systems.base import ServerOptions
from parley_bench.table import table
from parley_bench.vocabulary import LANGUAGES, Language

RESULTS = ROOT / "build/bench/results.json"
ANSWER_LIMIT = 90.0
"""How long a party may take for a round, beyond the round itself, in s."""
WARM_UP_SECONDS = 0.4
"""How long each kind of work is done before anything of it counts, in s."""
TIME_LIMIT = 270.0
"""How long a run may measure, in s; a slow machine gets fewer rounds, not a longer run."""


@click.command()
@click.option("--quick", is_flag=True, help="A smoke run of under a minute: shows that everything runs, not how fast.")
@click.option("--language", "languages", type=click.Choice(LANGUAGES), multiple=True, help="Only pairs of these.")
@click.option(
    "--output", type=click.Path(path_type=Path), default=RESULTS, help=f"Default: {RESULTS.relative_to(ROOT)}."
)
def main(quick: bool, languages: tuple[Language, ...], output: Path) -> None:
    """Measure calls and events, JSON against protobuf, over every pair of languages."""
    console = Console()
    chosen: tuple[Language, ...] = languages or LANGUAGES
    if "dotnet" in chosen and shutil.which("dotnet") is None:
        if languages:
            raise click.ClickException("--language dotnet: there is no dotnet here")
        console.print("bench: there is no dotnet here, so only Python is measured")
        chosen = ("python",)
    plan = quick_plan(chosen) if quick else full_plan(chosen)
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        samples = asyncio.run(_measure(plan, chosen, output.parent / "data", console))
    except asyncio.CancelledError:
        raise click.ClickException("stopped by SIGTERM; nothing was written") from None
    except BenchError as error:
        raise click.ClickException(str(error)) from error
    result = {
        "format": FORMAT,
        **provenance(ROOT, "dotnet" in chosen),
        "quick": quick,
        "seconds": plan.seconds,
        "rows": summarise(plan, samples),
    }
    output.write_text(json.dumps(result, indent=2) + "\n")
    # Wide enough for every column, also where the output is no terminal.
    Console(width=max(console.width, 130)).print(table(result["rows"]))
    console.print(f"bench: wrote {output}")


async def _measure(
    plan: Plan, languages: tuple[Language, ...], data: Path, console: Console
) -> list[tuple[Round, Sample]]:
    """Carries out the plan, turn by turn, as far as the time allows; the first turn is always whole."""
    this = asyncio.current_task()
    assert this is not None
    # Ended from outside, the run must take its processes along.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    shutil.rmtree(data, ignore_errors=True)
    samples: list[tuple[Round, Sample]] = []
    known: set[tuple[str, ...]] = set()
    started = time.monotonic()
    try:
        system = SYSTEMS["parley"]
        async with (
            system.server(data, ServerOptions()) as server,
            running_parties(system, server.url, languages) as parties,
        ):
            for number, turn in enumerate(plan.turns(), 1):
                if number > 1 and (time.monotonic() - started) * number / (number - 1) > TIME_LIMIT:
                    console.print(f"bench: {number - 1} of {plan.rounds} turns, since one more would take too long")
                    break
                for round_ in turn:
                    key = str(len(samples))
                    kind = (round_.cell.measure.kind, round_.cell.caller, round_.cell.host, round_.content)
                    if kind not in known:
                        known.add(kind)
                        await _run(round_, parties, f"warm-up-{key}", min(WARM_UP_SECONDS, plan.seconds))
                    samples.append((round_, await _run(round_, parties, key, plan.seconds)))
                if console.is_terminal:
                    console.print(f"bench: turn {number} of {plan.rounds} done")
    finally:
        shutil.rmtree(data, ignore_errors=True)
    return samples


async def _run(round_: Round, parties: Parties, key: str, seconds: float) -> Sample:
    """Runs one round; `key` names the agent, a new one for each round."""
    cell = round_.cell
    command: dict[str, Any] = {
        "kind": cell.measure.kind,
        "in_flight": cell.measure.in_flight,
        "rate": 0,
        "host": cell.host,
        "key": key,
        "content": round_.content,
        "seconds": seconds,
        **asdict(recipe(cell.size)),
    }
    sample = Sample(**await parties["caller", cell.caller].ask(command, seconds + ANSWER_LIMIT))
    if sample.count == 0:
        raise BenchError(f"{command}: nothing arrived")
    return sample


if __name__ == "__main__":
    sys.exit(main())
