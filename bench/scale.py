"""Measures how the broker bends with subscriptions, agents, sessions and payload; docs/scaling.md says how."""

import asyncio
import gc
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

# Before gRPC is imported: it would meddle with the processes that are started beside it, and tell of them.
os.environ |= {"GRPC_ENABLE_FORK_SUPPORT": "0", "GRPC_VERBOSITY": "NONE"}

from parley_bench.machine import provenance
from parley_bench.processes import ROOT, BenchError
from parley_bench.results import FORMAT
from parley_bench.scale import values
from parley_bench.scale.curves import CURVES, Curve
from parley_bench.scale.plan import LENGTHS, TARGETS, Length
from parley_bench.scale.results import judge, scaling
from parley_bench.scale.runner import Point, measure
from parley_bench.scale.table import curve_table, value_table
from parley_bench.table import expected

RESULTS = ROOT / "build/bench/scaling.json"
WIDTH = 130
"""Columns of the tables where the output is no terminal."""


@click.command()
@click.option("--length", type=click.Choice(tuple(LENGTHS)), default="short", help="How many points and rounds.")
@click.option("--curve", "chosen", type=click.Choice([c.id for c in CURVES]), multiple=True, help="Only these curves.")
@click.option("--turns", type=click.IntRange(1), help="How often each point is measured.")
@click.option(
    "--output", type=click.Path(path_type=Path), default=RESULTS, help=f"Default: {RESULTS.relative_to(ROOT)}."
)
def main(length: str, chosen: tuple[str, ...], turns: int | None, output: Path) -> None:
    """Measure the curves and what has none, print the tables, write the results."""
    console = Console()
    console = Console(width=max(console.width, WIDTH))
    planned = LENGTHS[length]
    curves = [curve for curve in CURVES if not chosen or curve.id in chosen]
    _allow_files()
    began = time.monotonic()
    try:
        measured, others = _run(_measure(curves, planned, turns or planned.turns, not chosen, console))
    except BenchError as error:
        raise click.ClickException(str(error)) from error
    targets = judge(TARGETS, measured)
    done = turns or planned.turns
    results = {
        "format": FORMAT,
        **provenance(ROOT, dotnet=False),
        "length": "scale" if length != "quick" else length,
        "seconds": planned.seconds,
        "turns": {"planned": done, "done": done},
        "missing": [],
        "rows": [],
        "ratios": [],
        "targets": targets,
        "scaling": scaling(curves, measured, others),
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=1) + "\n")
    console.print(expected(targets))
    console.print(f"bench: wrote {output} after {time.monotonic() - began:.0f} s", soft_wrap=True)


def _run(work: Any) -> Any:
    """Runs the load generator's event loop: uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    else:
        factory = uvloop.new_event_loop
    # Pauses of the load generator would be taken for the broker's. A run is short, and what it makes has no cycles.
    gc.disable()
    with asyncio.Runner(loop_factory=factory) as runner:
        try:
            return runner.run(work)
        except asyncio.CancelledError:
            raise BenchError("stopped by SIGTERM; nothing was written") from None


async def _measure(
    curves: list[Curve], planned: Length, turns: int, whole: bool, console: Console
) -> tuple[dict[str, list[Point]], list[values.Value]]:
    this = asyncio.current_task()
    assert this is not None
    # Ended from outside, the run must take its processes along.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    folder = Path(tempfile.mkdtemp(prefix="scale-", dir=_build()))
    measured: dict[str, list[Point]] = {}
    others: list[values.Value] = []
    try:
        for curve in curves:
            measured[curve.id] = await measure(curve, planned.points[curve.id], turns, planned.seconds, folder)
            console.print(curve_table(curve, measured[curve.id]))
        if whole:
            others += await values.start(folder)
            others += await values.connect(folder / "connect")
            others += await values.queued(folder / "queued", planned.queued)
            others += await values.recover(folder / "recover", planned.events)
            others += await values.start_over_subscriptions(folder / "subscriptions", planned.many)
            others += await values.subscribe_unhosted(folder / "unhosted", planned.many)
            others += await values.give_back(folder / "back", planned.many)
            console.print(value_table(others))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return measured, others


def _build() -> Path:
    folder = RESULTS.parent
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _allow_files() -> None:
    """Lets this process, and those it starts, have as many connections as the machine allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
