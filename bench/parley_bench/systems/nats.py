"""NATS core: subjects, queue groups, requests; nothing is stored."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from parley_bench.systems import local
from parley_bench.systems.base import Server, ServerOptions, System

SERVER = "nats-server"
PACKAGES = ("nats-py", "uvloop")


def missing() -> str:
    """Returns what NATS lacks here."""
    return local.missing_of(local.CLIENTS, PACKAGES, [SERVER])


@asynccontextmanager
async def running_nats(folder: Path, configuration: str = "") -> AsyncIterator[Server]:
    """Runs a NATS server with its defaults and this configuration.

    Raises:
        BenchError: it does not start, ended, or was not ready in time.
    """
    port = local.free_port()
    file = folder / "nats.conf"
    file.write_text(f'listen: "127.0.0.1:{port}"\n{configuration}')
    command = [local.program(SERVER), "-c", str(file)]
    versions = {SERVER: server_version()} | local.versions_in(local.CLIENTS, *PACKAGES)
    async with local.listening(SERVER, command, port, folder / "log") as process:
        yield Server(f"nats://127.0.0.1:{port}", (process.pid,), versions)


def server_version() -> str:
    """Returns the server's version, e.g. `2.9.10`."""
    return local.output_of(local.program(SERVER), "--version").rpartition(" ")[2].lstrip("v")


@asynccontextmanager
async def _server(folder: Path, options: ServerOptions) -> AsyncIterator[Server]:
    async with running_nats(folder) as server:
        yield server


NATS = System(
    name="nats",
    title="NATS core (nats-py)",
    kinds=frozenset({"call", "publish-ephemeral"}),
    languages=("python",),
    missing=missing,
    server=_server,
    party=lambda _, role, url: local.python_party(local.CLIENTS, "nats_party.py", role, url),
)
