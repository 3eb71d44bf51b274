"""Parley: the reference broker, with parties in Python and .NET."""

import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from parley_bench.machine import versions_of
from parley_bench.processes import BENCH, Process
from parley_bench.systems.base import Server, ServerOptions, System, no_server
from parley_bench.vocabulary import LANGUAGES, Language, Role

DOTNET_PARTY = BENCH / "parties/dotnet/bin/Release/net10.0/Parley.Bench.Party.dll"


@contextlib.asynccontextmanager
async def running_broker(
    folder: Path, options: ServerOptions, python: Sequence[str] = (sys.executable,)
) -> AsyncIterator[Server]:
    """Runs the reference broker with its defaults on a free port, storing below the folder.

    Args:
        folder: for its data.
        options: how to run it.
        python: the command that runs Python with the broker to measure.

    Raises:
        BenchError: it ended, or was not ready in time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    command = [
        *python, "-m", "parley_broker", "serve", "--listen", "127.0.0.1:0",
        *(["--memory"] if options.storage == "memory" else ["--data", str(folder / "store")]),
        "--ready-file", str(ready), "--log-level", "warning",
    ]  # fmt: skip
    broker = await Process.start("parley-broker", command)
    try:
        await broker.ready(ready.exists)
        address = json.loads(ready.read_text())["address"]
        yield Server(f"grpc://{address}", (broker.pid,), versions_of("parley", "grpcio", "protobuf", "uvloop"))
    finally:
        await broker.stop()


def party_command(language: Language, role: Role, url: str, python: Sequence[str] = (sys.executable,)) -> list[str]:
    """Returns the command line of a party; `python` runs Python with the SDK to measure."""
    if language == "python":
        program = [*python, str(BENCH / "parties/python/party.py")]
    else:
        # .NET compiles what has run often better, but by default only when nothing new has run for 100 ms: that comes
        # in the middle of what is measured. So it is compiled as soon as it is known.
        program = ["env", "DOTNET_TC_CallCountingDelayMs=0", "dotnet", str(DOTNET_PARTY)]
    return [*program, role, url]


PARLEY = System(
    name="parley",
    title="Parley",
    kinds=frozenset({"call", "publish-ephemeral", "publish-stored", "effectively-once"}),
    languages=LANGUAGES,
    missing=lambda: "",
    server=running_broker,
    party=party_command,
    storages=("memory", "sqlite"),
)

PARLEY_IN_PROCESS = replace(
    PARLEY,
    name="parley-in-process",
    title="Parley, in one process",
    languages=("python",),
    server=no_server,
    storages=(),
    in_process=True,
)


def parley_of(tree: Path, name: str, title: str) -> System:
    """Returns Parley as it is in another tree: its broker and Python SDK; the party is the bench's own."""
    python = ("env", f"PYTHONPATH={tree / 'python/src'}", sys.executable)
    return replace(
        PARLEY,
        name=name,
        title=title,
        languages=("python",),
        server=partial(running_broker, python=python),
        party=partial(party_command, python=python),
    )
