"""Carries out a plan: servers and parties that run side by side, rounds one after the other."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from parley_bench.content import recipe
from parley_bench.plan import Case, Plan
from parley_bench.processes import START_LIMIT, BenchError, Process
from parley_bench.resources import cpu_seconds
from parley_bench.results import Round
from parley_bench.systems.base import Server, ServerOptions, System
from parley_bench.vocabulary import Language, Role, Storage

Parties = Mapping[tuple[Role, Language], Process]

ANSWER_LIMIT = 120.0
"""How long a party may take for a round, beyond the round itself, in s."""
WARM_UP_ROUNDS: Mapping[Language, int] = {"python": 1, "dotnet": 5}
"""How long each kind of work is done before anything of it counts, in rounds, by the language that needs longer.

.NET compiles what is called often once more, in the background: until then most of its CPU time is the compiler's.
"""
BESIDE_RATE = 20
"""Events per second of a stream beside the calls."""


@dataclass(frozen=True)
class Ground:
    """A system that runs: its server, and its parties."""

    server: Server
    parties: Parties


@dataclass
class Run:
    """What came of a plan.

    Attributes:
        measured: the rounds, in the order in which they were carried out.
        turns: how many turns were whole.
        versions: what each system's server says of itself, as `SYSTEM: NAME`.
        failed: alternatives that gave up on the way, by name, and why.
    """

    measured: list[tuple[Case, Round]] = field(default_factory=list)
    turns: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


async def carry_out(plan: Plan, systems: Mapping[str, System], folder: Path, tell: Callable[[str], None]) -> Run:
    """Carries out the plan, turn by turn, as far as the time allows; the first turn is always whole.

    Args:
        plan: what to measure.
        systems: those that the plan names.
        folder: where servers keep their data.
        tell: is told in words how it goes.

    Raises:
        BenchError: Parley, or the bench itself, cannot go on. An alternative that cannot is left out from there on.
    """
    run = Run()
    async with contextlib.AsyncExitStack() as stack:
        grounds = await _prepare_all(plan, systems, folder, stack, run)
        known: set[tuple[str, ...]] = set()
        started = time.monotonic()
        warming_up = 0.0
        for number, cases in enumerate(plan.order(), 1):
            whole_turns = time.monotonic() - started - warming_up
            if number > 1 and warming_up + whole_turns * number / (number - 1) > plan.limit:
                tell(f"{number - 1} of {plan.turns} turns, since one more would take too long")
                break
            for index, case in enumerate(cases):
                if case.system in run.failed:
                    continue
                ground = grounds[case.system, case.storage]
                try:
                    warm_up = (case.system, case.storage, case.kind, case.caller, case.host, case.content)
                    if warm_up not in known:
                        known.add(warm_up)
                        rounds = max(WARM_UP_ROUNDS[language] for language in (case.caller, case.host))
                        before = time.monotonic()
                        await _round(ground, case, 0, f"warm-up-{index}", rounds * plan.seconds)
                        warming_up += time.monotonic() - before
                    key = f"{number}-{index}"
                    run.measured.append((case, await _round(ground, case, number, key, plan.seconds)))
                except BenchError as error:
                    _give_up(case.system, error, run)
            run.turns = number
            tell(f"turn {number} of {plan.turns} done")
    return run


async def _prepare_all(
    plan: Plan, systems: Mapping[str, System], folder: Path, stack: contextlib.AsyncExitStack, run: Run
) -> dict[tuple[str, Storage], Ground]:
    grounds: dict[tuple[str, Storage], Ground] = {}
    for case in plan.cases:
        name, system = (case.system, case.storage), systems[case.system]
        if name in grounds or case.system in run.failed:
            continue
        cases = [each for each in plan.cases if (each.system, each.storage) == name]
        data = folder / f"{case.system}-{case.storage}"
        try:
            ground = await stack.enter_async_context(_running(system, case.storage, data, cases))
        except BenchError as error:
            _give_up(case.system, error, run)
            continue
        grounds[name] = ground
        run.versions |= {f"{case.system}: {what}": version for what, version in ground.server.versions.items()}
    return grounds


def _give_up(system: str, error: BenchError, run: Run) -> None:
    if system.startswith("parley"):
        raise error
    run.failed[system] = f"gave up: {error}"


@contextlib.asynccontextmanager
async def _running(system: System, storage: Storage, data: Path, cases: Sequence[Case]) -> AsyncIterator[Ground]:
    languages = list(dict.fromkeys(language for case in cases for language in (case.caller, case.host)))
    data.mkdir(parents=True)
    async with (
        system.server(data, ServerOptions(storage)) as server,
        running_parties(system, server.url, languages) as parties,
    ):
        for host, subscribers in {(case.host, case.subscribers) for case in cases if case.subscribers > 1}:
            case = next(case for case in cases if (case.host, case.subscribers) == (host, subscribers))
            await parties["host", host].ask(_command(case, "", 1.0), ANSWER_LIMIT)
        yield Ground(server, parties)


@contextlib.asynccontextmanager
async def running_parties(system: System, url: str, languages: Sequence[Language]) -> AsyncIterator[Parties]:
    """Runs a host and a caller per language, connected to the server at `url`; or the one process that is both.

    Raises:
        BenchError: one of them is missing or was not ready in time.
    """
    roles: tuple[Role, ...] = ("in-process",) if system.in_process else ("host", "caller")
    async with contextlib.AsyncExitStack() as stack:
        parties: dict[tuple[Role, Language], Process] = {}
        for role in roles:
            for language in languages:
                party = await Process.start(f"{system.name} {role} {language}", system.party(language, role, url))
                stack.push_async_callback(party.stop)
                parties[role, language] = party
        for party in parties.values():
            await party.read(START_LIMIT)
        yield parties


async def _round(ground: Ground, case: Case, turn: int, key: str, seconds: float) -> Round:
    """Runs one round; `key` names the agent, a new one for each round."""
    caller = ground.parties.get(("caller", case.caller)) or ground.parties["in-process", case.caller]
    host = ground.parties.get(("host", case.host))
    hosts = (host.pid,) if host else ()
    before = cpu_seconds(ground.server.pids), cpu_seconds(hosts)
    command = _command(case, key, seconds)
    answer = await caller.ask(command, seconds + ANSWER_LIMIT)
    if answer["count"] == 0:
        raise BenchError(f"{command}: nothing arrived")
    used = answer.pop("cpu_s")
    return Round(
        turn=turn,
        cpu_s={
            "server": cpu_seconds(ground.server.pids) - before[0],
            "caller": used,
            "host": cpu_seconds(hosts) - before[1],
        },
        **answer,
    )


def _command(case: Case, key: str, seconds: float) -> dict[str, Any]:
    """Returns what a party is told, as bench/parties/python/harness.py has it."""
    command = {
        "kind": case.kind,
        "in_flight": case.in_flight,
        "rate": case.rate,
        "host": case.host,
        "key": key,
        "content": case.content,
        "seconds": seconds,
        **asdict(recipe(case.size)),
        "agents": case.agents,
        "subscribers": case.subscribers,
    }
    if case.beside:
        command["beside"] = {"rate": BESIDE_RATE, **asdict(recipe(case.beside))}
    return command
