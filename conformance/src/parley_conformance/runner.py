"""Runs a plan: a fresh broker and fresh adapters per run, slots in parallel, then the serial lane alone."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from parley_conformance import broker_case, pair_case, sdk_case, spec
from parley_conformance.broker import Broker, BrokerSource
from parley_conformance.languages import Language
from parley_conformance.model import Failed, HarnessError, Inconclusive, Kind, Result, Run, Unsupported, Verdict
from parley_conformance.timing import LagMeter
from parley_conformance.workloads import registry

CLOSE_LIMIT_S = 10.0
IDLE_SLOTS = 2
"""Cases that mostly wait run beside the others, this many at once."""


AnyTable = broker_case.Table | pair_case.Table | sdk_case.Table


class Ended(Protocol):
    """Told that a run ended."""

    def __call__(self, result: Result, *, final: bool) -> None:
        """Takes the result; one that is not final is run again at the end."""


@dataclass(frozen=True)
class Kit:
    """All that runs need.

    Attributes:
        contract: SPEC.md as read.
        source: Where brokers come from.
        languages: The adapters by language, those that are missing included.
        folder: Gets a folder per run with the logs and data; those of passed runs are removed.
        jobs: Runs at the same time.
        keep: Keeps the folders of passed runs too.
    """

    contract: spec.Spec
    source: BrokerSource
    languages: Mapping[str, Language]
    folder: Path
    jobs: int = 2
    keep: bool = False
    lag: LagMeter = field(default_factory=LagMeter)


async def run_all(kit: Kit, runs: Sequence[Run], *, begun: Callable[[Run], None], ended: Ended) -> list[Result]:
    """Runs a plan; every planned run has exactly one result, in the plan's order.

    Args:
        kit: What the runs need.
        runs: The plan.
        begun: Told when a run begins.
        ended: Told its result, and whether it is final: an inconclusive one is run again at the end.
    """
    kit.lag.start()
    results: dict[Run, Result] = {}
    slots = {
        "parallel": asyncio.Semaphore(kit.jobs),
        "idle": asyncio.Semaphore(IDLE_SLOTS),
        "serial": asyncio.Semaphore(),
    }

    async def one(run: Run) -> None:
        async with slots[run.case.lane]:
            begun(run)
            results[run] = result = await run_one(kit, run)
            # Only what the machine was too slow for is run again, once, at the end and alone.
            ended(result, final=not result.lag)

    try:
        async with asyncio.TaskGroup() as group:
            for run in runs:
                if run.case.lane != "serial":
                    group.create_task(one(run), name=run.name)
        for run in runs:
            if run.case.lane == "serial":
                await one(run)
        for run in runs:
            if results[run].lag:
                begun(run)
                results[run] = await run_one(kit, run)
                ended(results[run], final=True)
    finally:
        await kit.lag.stop()
    return [results[run] for run in runs]


async def run_one(kit: Kit, run: Run) -> Result:
    """Plays one case at a table of its own and gives the verdict; never raises for what the case does."""
    for language in run.languages:
        if missing := kit.languages[language].missing:
            return Result(run, Verdict.NOT_RUN, missing)
    folder = kit.folder / re.sub(r"[^\w.-]+", "_", run.name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    begin = time.monotonic()
    result, trace = await _judged(kit, run, folder)
    result = replace(result, duration_ms=round((time.monotonic() - begin) * 1000))
    if result.verdict is Verdict.PASS and not kit.keep:
        shutil.rmtree(folder, ignore_errors=True)
        return result
    return replace(result, trace=trace, logs=str(folder))


async def _judged(kit: Kit, run: Run, folder: Path) -> tuple[Result, tuple[str, ...]]:
    trace: tuple[str, ...] = ()
    broker: Broker | None = None
    table: AnyTable | None = None
    result = Result(run, Verdict.PASS)
    try:
        async with asyncio.timeout(run.case.limit_ms / 1000):
            commands = {name: kit.languages[name].command for name in run.languages}
            workload = registry.ALL[run.case.kind].get(run.case.workload)
            if run.case.kind is Kind.SDK:
                table = sdk_case.Table(run, commands, folder, kit.lag)
                await sdk_case.play(table, run.case)
                return result, trace
            broker = await Broker.launch(kit.source, run.case.broker, folder)
            if run.case.kind is Kind.BROKER:
                table = broker_case.Table(broker, kit.contract, kit.lag)
                await broker_case.play(table, run.case, workload)
            else:
                table = pair_case.Table(broker, run, commands, folder, kit.lag)
                await pair_case.play(table, run.case, workload)
    except Failed as failed:
        rule = failed.rule or (run.case.covers[0] if len(run.case.covers) == 1 else "")
        result = Result(run, Verdict.FAIL, str(failed), rule, failed.party)
    except Unsupported as unsupported:
        result = Result(run, Verdict.UNSUPPORTED, str(unsupported), excused=unsupported.excused)
    except Inconclusive as inconclusive:
        result = Result(run, Verdict.INCONCLUSIVE, str(inconclusive), lag=inconclusive.lag)
    except HarnessError as error:
        result = Result(run, Verdict.HARNESS_ERROR, str(error))
    except TimeoutError:
        result = Result(run, Verdict.HARNESS_ERROR, f"the case did not end within {run.case.limit_ms} ms")
    except Exception as error:
        result = Result(run, Verdict.HARNESS_ERROR, f"the kit failed: {type(error).__name__}: {error}")
    finally:
        if table is not None:
            trace = table.journal.lines()
        await _close(table, broker)
    return result, trace


async def _close(table: AnyTable | None, broker: Broker | None) -> None:
    for party in (table, broker):
        if party is not None:
            try:
                async with asyncio.timeout(CLOSE_LIMIT_S):
                    await party.close()
            except TimeoutError:
                # Killed already; what is left of it ends with the kit.
                continue
