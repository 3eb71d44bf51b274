"""AutoGen 0.7.5: its distributed runtime with its own host as the server, and its runtime in one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from parley_bench.processes import ROOT
from parley_bench.systems import local
from parley_bench.systems.base import Server, ServerOptions, System

ENVIRONMENT = ROOT / "build/bench/venv-autogen"
"""A virtual environment of its own, since AutoGen wants older grpcio and protobuf."""
PACKAGES = {"autogen-core": "0.7.5", "autogen-ext": "0.7.5", "grpcio": "1.70.0"}
PARTY = "autogen_party.py"


@asynccontextmanager
async def _server(folder: Path, options: ServerOptions) -> AsyncIterator[Server]:
    port = local.free_port()
    address = f"127.0.0.1:{port}"
    command = local.python_party(ENVIRONMENT, PARTY, "serve", address)
    async with local.listening("AutoGen's host", command, port, folder / "log") as process:
        yield Server(address, (process.pid,), _versions())


@asynccontextmanager
async def _no_server(folder: Path, options: ServerOptions) -> AsyncIterator[Server]:
    yield Server("", versions=_versions())


def _versions() -> dict[str, str]:
    return local.versions_in(ENVIRONMENT, *PACKAGES, "protobuf", "uvloop")


AUTOGEN = System(
    name="autogen",
    title="AutoGen 0.7.5 (gRPC runtime)",
    kinds=frozenset({"call", "publish-ephemeral"}),
    languages=("python",),
    missing=lambda: local.missing_of(ENVIRONMENT, PACKAGES),
    server=_server,
    party=lambda _, role, url: local.python_party(ENVIRONMENT, PARTY, role, url),
)

AUTOGEN_IN_PROCESS = replace(
    AUTOGEN,
    name="autogen-in-process",
    title="AutoGen 0.7.5, in one process",
    server=_no_server,
    in_process=True,
)
