"""The bare gRPC stream: batched frames through a server in Python that forwards them and does nothing else."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from parley_bench.machine import versions_of
from parley_bench.systems import local
from parley_bench.systems.base import Server, ServerOptions, System
from parley_bench.vocabulary import Language, Role

PARTY = local.PARTIES / "grpc_stream_party.py"


@asynccontextmanager
async def _server(folder: Path, options: ServerOptions) -> AsyncIterator[Server]:
    port = local.free_port()
    address = f"127.0.0.1:{port}"
    command = [sys.executable, str(PARTY), "serve", address]
    async with local.listening("the bare stream's server", command, port, folder / "log") as process:
        yield Server(address, (process.pid,), versions_of("grpcio", "protobuf", "uvloop"))


def _party(language: Language, role: Role, url: str) -> list[str]:
    return [sys.executable, str(PARTY), role, url]


GRPC_STREAM = System(
    name="grpc-stream",
    title="bare gRPC stream (grpc.aio)",
    kinds=frozenset({"call", "publish-ephemeral"}),
    languages=("python",),
    missing=lambda: "",
    server=_server,
    party=_party,
)
