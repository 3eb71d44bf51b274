"""Runs a plan: a fresh broker and fresh adapters per run, slots in parallel, then the serial lane alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from parley_conformance import blame, broker_case, checks, history_file, pair_case, profiles, sdk_case, spec
from parley_conformance.adapter import Refused
from parley_conformance.attach import ATTACHED
from parley_conformance.baseline import Baseline
from parley_conformance.broker import Broker, BrokerSource
from parley_conformance.front import BROKER, Front, nothing
from parley_conformance.languages import Language
from parley_conformance.launch import PROCESSES, Launch
from parley_conformance.model import (
    Case,
    Failed,
    HarnessError,
    Inconclusive,
    Kind,
    Result,
    Run,
    Step,
    Unsupported,
    Verdict,
)
from parley_conformance.run_history import RunHistory
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


class Hold(Protocol):
    """Keeps everything of a case up."""

    async def __call__(self, result: Result, broker: str, folder: Path) -> None:
        """Returns when all may be ended.

        Args:
            result: What came of it so far.
            broker: Where the broker serves; empty: there is none.
            folder: With the logs.
        """


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
        baseline: What is known to fail.
        launch: How adapters and brokers are started.
        hold: Waited for when a case has its verdict, before what it started is ended.
        front: Puts something between parties and broker.
        histories: Gets a history file per run; None: they are not written.
        options: Those of the command line that are needed to run one of the runs again.
    """

    contract: spec.Spec
    source: BrokerSource
    languages: Mapping[str, Language]
    folder: Path
    jobs: int = 2
    keep: bool = False
    baseline: Baseline = field(default_factory=lambda: Baseline({}))
    launch: Launch = PROCESSES
    hold: Hold | None = None
    front: Front = nothing
    histories: Path | None = None
    options: tuple[str, ...] = ()
    lag: LagMeter = field(default_factory=LagMeter)


async def run_all(kit: Kit, runs: Sequence[Run], *, begun: Callable[[Run], None], ended: Ended) -> list[Result]:
    """Runs a plan; every planned run has exactly one result, in the plan's order.

    SIGINT and SIGTERM end it early: what runs is ended with all its processes, and what has no result by then is
    `not-run`.

    Args:
        kit: What the runs need.
        runs: The plan.
        begun: Told when a run begins.
        ended: Told its result, and whether it is final: an inconclusive one is run again at the end.
    """
    results: dict[Run, Result] = {}
    started: set[Run] = set()

    def begin(run: Run) -> None:
        started.add(run)
        begun(run)

    playing = asyncio.create_task(_play_all(kit, runs, results, begin, ended))
    with _ended_by_signals(playing) as signalled:
        try:
            await playing
        except asyncio.CancelledError:
            if not signalled:
                # Whoever runs the kit cancelled it, with nobody left to report to.
                raise
    for run in runs:
        if run not in results:
            when = "while it ran" if run in started else "before it began"
            text = f"the kit was interrupted by {signalled[0].name} {when}"
            results[run] = Result(run, Verdict.NOT_RUN, text, interrupted=True)
    reported = [results[run] for run in runs]
    checks.all_reported(runs, reported)
    return reported


async def _play_all(
    kit: Kit, runs: Sequence[Run], results: dict[Run, Result], begun: Callable[[Run], None], ended: Ended
) -> None:
    kit.lag.start()
    slots = {
        "parallel": asyncio.Semaphore(kit.jobs),
        "idle": asyncio.Semaphore(IDLE_SLOTS),
        "serial": asyncio.Semaphore(),
    }
    if kit.source.address:
        # What the broker holds is told for all that goes on there.
        slots = dict.fromkeys(slots, slots["serial"])

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


@contextlib.contextmanager
def _ended_by_signals(playing: asyncio.Task[None]) -> Iterator[list[signal.Signals]]:
    """Cancels a task at the first SIGINT or SIGTERM; the list gets the signals that came.

    Only the first one counts: a second Ctrl-C must not keep what runs from being ended in order, which is bounded.
    """
    loop = asyncio.get_running_loop()
    came: list[signal.Signals] = []

    def end(number: signal.Signals) -> None:
        came.append(number)
        if len(came) == 1:
            playing.cancel()

    watched = (signal.SIGINT, signal.SIGTERM)
    for number in watched:
        loop.add_signal_handler(number, end, number)
    try:
        yield came
    finally:
        for number in watched:
            loop.remove_signal_handler(number)


async def run_one(kit: Kit, run: Run) -> Result:
    """Plays one case at a table of its own and gives the verdict; never raises for what the case does."""
    for language in run.languages:
        if missing := kit.languages[language].missing:
            return Result(run, Verdict.NOT_RUN, missing)
    folder = kit.folder / run.file_name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    begin = time.monotonic()
    result, history = await _judged(kit, run, folder)
    duration_ms = round((time.monotonic() - begin) * 1000)
    result = kit.baseline.applied(replace(result, duration_ms=duration_ms, options=kit.options))
    kept = kit.keep or result.verdict is not Verdict.PASS
    if kit.histories is not None:
        # Not in the loop: other runs measure time meanwhile.
        result = await asyncio.to_thread(_stored, kit, result, history, folder if kept else None)
    if not kept:
        shutil.rmtree(folder, ignore_errors=True)
        return result
    return replace(result, trace=tuple(history.lines), logs=str(folder))


def _stored(kit: Kit, result: Result, history: RunHistory, folder: Path | None) -> Result:
    """Writes the history file of a run; the result says where it is."""
    assert kit.histories is not None
    path = kit.histories / f"{result.run.file_name}.json.gz"
    top = kit.histories.parent
    logs = {log.stem: os.path.relpath(log, top) for log in sorted(folder.glob("*.log"))} if folder else {}
    commands = {name: one.command for name, one in kit.languages.items()}
    usual = kit.source.command == BrokerSource().command
    played = history_file.Played(() if usual else kit.source.command, kit.source.address, commands)
    try:
        history_file.write(history_file.as_json(history, result, played, logs), path)
    except OSError as error:
        return replace(result, verdict=Verdict.HARNESS_ERROR, reason=f"its history cannot be written: {error}")
    return replace(result, history=os.path.relpath(path, top))


async def _judged(kit: Kit, run: Run, folder: Path) -> tuple[Result, RunHistory]:
    history, steps = RunHistory(run), tuple[Step, ...]()
    broker: Broker | None = None
    table: AnyTable | None = None
    result = Result(run, Verdict.PASS)
    try:
        commands = {name: kit.languages[name].command for name in run.languages}
        # Whoever starts an adapter by hand looks at it as long as they like.
        limit = None if ATTACHED in commands.values() else run.case.limit_ms / 1000
        async with asyncio.timeout(limit):
            workload = registry.ALL[run.case.kind].get(run.case.workload)
            if run.case.kind is not Kind.SDK:
                broker = await Broker.launch(kit.source, run.case.broker, folder, kit.launch)
                _admit(broker, run.case)
                broker.front = await kit.front(BROKER, broker.address)
            if broker is None:
                table = sdk_case.Table(run, commands, folder, kit.lag, kit.launch, kit.front)
                await sdk_case.play(table, run.case)
            elif run.case.kind is Kind.BROKER:
                table = broker_case.Table(broker, run, kit.contract, kit.lag)
                await broker_case.play(table, run.case, workload)
            else:
                table = pair_case.Table(broker, run, commands, folder, kit.lag, kit.launch, kit.front)
                await pair_case.play(table, run.case, workload)
    except Failed as failed:
        rule = failed.rule or (run.case.covers[0] if len(run.case.covers) == 1 else "")
        result = Result(
            run, Verdict.FAIL, str(failed), rule, failed.party or blame.alone(run.case.kind), judged=failed.judged
        )
    except Refused as refused:
        # A command that the case needs: nothing else was wrong with it.
        result = Result(run, Verdict.FAIL, str(refused), run.case.covers[0] if len(run.case.covers) == 1 else "")
    except Unsupported as unsupported:
        excused = unsupported.excused or not _counts(unsupported, broker, run.case)
        result = Result(run, Verdict.UNSUPPORTED, str(unsupported), excused=excused)
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
            # Before it is closed: what that brings is not the case's.
            history, steps = replace(table.history(), lines=table.journal.lines()), tuple(table.steps)
        if kit.hold is not None:
            await kit.hold(result, broker.address if broker is not None else "", folder)
        left = await _close(table, broker)
    if left and result.verdict is not Verdict.FAIL:
        result = Result(run, Verdict.HARNESS_ERROR, left)
    return replace(result, steps=steps), history


def _admit(broker: Broker, case: Case) -> None:
    """Makes sure that a case is for this broker.

    Raises:
        Unsupported: It is of a profile that the broker does not claim.
    """
    frozen = profiles.current()
    if untried := frozen.untried(case, frozen.claimed(broker.claims, "the broker")):
        raise Unsupported(f"the broker does not claim profile {', '.join(untried)}", excused=True)


def _counts(unsupported: Unsupported, broker: Broker | None, case: Case) -> bool:
    """True if whoever lacks something claims the profiles of the case."""
    claims = unsupported.claims
    if claims is None and broker is not None and case.kind is Kind.BROKER:
        claims = broker.claims
    frozen = profiles.current()
    return frozen.counts(case, frozen.claimed(claims, "it"))


async def _close(table: AnyTable | None, broker: Broker | None) -> str:
    """Ends what is left of a case; says what was not as it must be."""
    left = ""
    for party in (table, broker):
        if party is not None:
            try:
                async with asyncio.timeout(CLOSE_LIMIT_S):
                    await party.close()
            except TimeoutError:
                # Killed already; what is left of it ends with the kit.
                continue
            except HarnessError as error:
                left = str(error)
    return left
