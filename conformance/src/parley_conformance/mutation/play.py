"""Plays mutants: the runner of every case, with another broker, another adapter, or something between them."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from parley_conformance import runner
from parley_conformance.broker import REFERENCE, BrokerSource
from parley_conformance.front import nothing
from parley_conformance.languages import Language
from parley_conformance.model import HarnessError, Result, Run, Verdict
from parley_conformance.mutation.alteration import Alteration
from parley_conformance.mutation.catalogue import LANGUAGES, Mutant
from parley_conformance.mutation.fronts import Fronts
from parley_conformance.mutation.kills import Played
from parley_conformance.paths import MUTANTS

REACHED = "PARLEY_MUTANT_REACHED"
"""Names the file that a launcher appends to where its bug is reached."""
CHOSEN = "PARLEY_MUTANT"
"""Names the bug to a launcher that is built once for all."""
TRIES = 3
"""How often a run that did not catch its bug is played in all."""


@dataclass(frozen=True)
class Stable:
    """Where mutants come from.

    Attributes:
        kit: What unbroken runs have; its jobs are how many runs go on at the same time.
        launchers: The command of the broken adapter by language, `{name}` standing for the bug; absent: see `missing`.
        missing: Why a language's mutants cannot be run.
    """

    kit: runner.Kit
    launchers: dict[str, tuple[str, ...]]
    missing: dict[str, str]


async def stable(kit: runner.Kit, mutants: Iterable[Mutant], folder: Path = MUTANTS) -> Stable:
    """Finds the launchers that these mutants need: `python.py` is one, `dotnet.py` tells one, `{"command": [...]}`.

    Raises:
        HarnessError: As `told_command`.
    """
    launchers: dict[str, tuple[str, ...]] = {"python": (sys.executable, str(folder / "python.py"), "{name}")}
    missing = {name: one.missing for name, one in kit.languages.items() if one.missing}
    if "dotnet" not in missing and any(mutant.component == "dotnet" for mutant in mutants):
        launchers["dotnet"] = await told_command(folder / "dotnet.py")
    return Stable(kit, launchers, missing)


async def told_command(launcher: Path) -> tuple[str, ...]:
    """Asks a launcher for its command; it may have to build what it starts.

    Raises:
        HarnessError: It ended with an error, or told no command.
    """
    asked = await asyncio.create_subprocess_exec(
        sys.executable, str(launcher), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asked.communicate()
    if asked.returncode:
        raise HarnessError(f"{launcher.name} ended with exit code {asked.returncode}")
    try:
        return tuple(json.loads(out.splitlines()[-1])["command"])
    except (ValueError, LookupError, TypeError) as error:
        raise HarnessError(f"{launcher.name} told no command: {out[-200:]!r}") from error


async def play(
    stable: Stable,
    mutants: Sequence[Mutant],
    told: Callable[[Mutant, Played], None],
    caught: Callable[[Mutant, Played], bool] = lambda mutant, played: True,
) -> dict[tuple[Mutant, Run], Played]:
    """Runs every mutant in every run of its checks.

    Args:
        stable: Where they come from.
        mutants: Which.
        told: Told each run when it ends for good.
        caught: Whether the run's checks caught the mutant. One that was not caught is played again, alone, up to TRIES
            times in all: a bug may have two consequences, and which comes first is not the check's doing.
    """
    slots = asyncio.Semaphore(stable.kit.jobs)
    played: dict[tuple[Mutant, Run], Played] = {}

    def again(mutant: Mutant, one: Played) -> bool:
        return one.result.lag or (one.result.verdict is not Verdict.NOT_RUN and not caught(mutant, one))

    async def one(mutant: Mutant, run: Run) -> None:
        async with slots:
            played[mutant, run] = await play_one(stable, mutant, run)
        if not again(mutant, played[mutant, run]):
            told(mutant, played[mutant, run])

    async with asyncio.TaskGroup() as group:
        for mutant in mutants:
            for run in mutant.runs:
                group.create_task(one(mutant, run), name=f"{mutant.name}: {run.name}")
    for (mutant, run), before in list(played.items()):
        if again(mutant, before):
            for number in range(2, TRIES + 1):
                played[mutant, run] = replace(await play_one(stable, mutant, run), tries=number)
                if not again(mutant, played[mutant, run]):
                    break
            told(mutant, played[mutant, run])
    return played


async def play_one(stable: Stable, mutant: Mutant, run: Run) -> Played:
    """Runs one mutant in one run."""
    if mutant.component in stable.missing:
        return Played(Result(run, Verdict.NOT_RUN, stable.missing[mutant.component]), False)
    folder = stable.kit.folder / f"{mutant.component}-{mutant.name}"
    folder.mkdir(parents=True, exist_ok=True)
    reached = folder / f"reached-{run.name.replace('/', '_')}"
    reached.unlink(missing_ok=True)
    fronts = Fronts(mutant.at, Alteration(**_members(mutant.alter))) if mutant.alter else None
    kit = replace(_broken(stable, mutant, run, reached), folder=folder, front=fronts.front if fronts else nothing)
    try:
        result = await runner.run_one(kit, run)
    finally:
        if fronts is not None:
            await fronts.close()
    been = bool(fronts.alteration.met) if fronts else reached.exists()
    if result.verdict is Verdict.FAIL and been and not kit.keep:
        shutil.rmtree(folder / "logs", ignore_errors=True)
    return Played(result, been)


def _members(alter: Any) -> dict[str, Any]:
    return {{"dir": "direction"}.get(name, name): value for name, value in alter.items()}


def _broken(stable: Stable, mutant: Mutant, run: Run, reached: Path) -> runner.Kit:
    """The kit with the mutant in place of what is not broken; a wire mutant on messages is not among them."""
    kit = stable.kit
    told = {REACHED: str(reached), CHOSEN: mutant.name}
    if mutant.component == "broker":
        broker = f"{sys.executable} {MUTANTS / 'broker.py'} {mutant.name}"
        launcher = _with(told | {"PARLEY_BROKER_COMMAND": broker}, (sys.executable, str(REFERENCE)))
        return replace(kit, source=BrokerSource(command=launcher))
    if mutant.component in LANGUAGES:
        command = tuple(part.replace("{name}", mutant.name) for part in stable.launchers[mutant.component])
        language = Language(mutant.component, _with(told, command))
        return replace(kit, languages={**kit.languages, mutant.component: language})
    if mutant.line:
        lines = (sys.executable, str(MUTANTS / "lines.py"), json.dumps(mutant.line))
        broken = [replace(one, command=_with(told, (*lines, *one.command))) for one in kit.languages.values()]
        return replace(kit, languages={one.name: one for one in broken})
    return kit


def _with(told: dict[str, str], command: Iterable[str]) -> tuple[str, ...]:
    # Each run has an environment of its own.
    return ("env", *(f"{name}={value}" for name, value in told.items()), *command)
