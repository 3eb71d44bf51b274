"""Carries out rounds: the parties of a system, what they are asked, and what they and the server used meanwhile."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence

from parley_bench.processes import START_LIMIT, Process
from parley_bench.systems.base import System
from parley_bench.vocabulary import Language, Role

Parties = Mapping[tuple[Role, Language], Process]


@contextlib.asynccontextmanager
async def running_parties(system: System, url: str, languages: Sequence[Language]) -> AsyncIterator[Parties]:
    """Runs a host and a caller per language, connected to the server at `url`.

    Raises:
        BenchError: one of them is missing or was not ready in time.
    """
    roles: tuple[Role, ...] = ("host", "caller")
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
