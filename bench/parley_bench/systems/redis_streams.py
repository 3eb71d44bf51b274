"""Redis Streams, with an append-only file that is on disk before the answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from parley_bench.systems import local
from parley_bench.systems.base import Server, ServerOptions, System

SERVER = "redis-server"
PACKAGES = ("redis", "hiredis", "uvloop")
OPTIONS = {
    "bind": "127.0.0.1",
    "appendonly": "yes",
    "appendfsync": "always",
    # No snapshots and no rewriting of the file meanwhile: they would only cost time here.
    "save": "",
    "auto-aof-rewrite-percentage": "0",
}


@asynccontextmanager
async def _server(folder: Path, options: ServerOptions) -> AsyncIterator[Server]:
    port = local.free_port()
    settings = {**OPTIONS, "port": str(port), "dir": str(folder)}
    command = [local.program(SERVER), *(part for name, value in settings.items() for part in (f"--{name}", value))]
    version = local.output_of(command[0], "--version").partition("v=")[2].partition(" ")[0]
    versions = {SERVER: version} | local.versions_in(local.CLIENTS, *PACKAGES)
    async with local.listening(SERVER, command, port, folder / "log") as process:
        yield Server(f"redis://127.0.0.1:{port}", (process.pid,), versions)


REDIS_STREAMS = System(
    name="redis-streams",
    title="Redis Streams (redis-py), appendfsync always",
    kinds=frozenset({"publish-stored"}),
    languages=("python",),
    missing=lambda: local.missing_of(local.CLIENTS, PACKAGES, [SERVER]),
    server=_server,
    party=lambda _, role, url: local.python_party(local.CLIENTS, "redis_party.py", role, url),
)
