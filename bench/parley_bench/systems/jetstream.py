"""JetStream, NATS's store: as it comes, answering before fsync; and, from 2.10 on, with fsync before the answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from parley_bench.systems import local, nats
from parley_bench.systems.base import Server, ServerOptions, System

SYNC_SINCE = (2, 10)
"""The first version of the server that can be told to call fsync before it answers."""


def configuration(folder: Path, sync: bool) -> str:
    """Returns the part of the server's configuration that is JetStream's."""
    always = ", sync_interval: always" if sync else ""
    return f'jetstream {{ store_dir: "{folder / "store"}"{always} }}\n'


def can_sync(version: str) -> bool:
    """Tells whether a server of this version can be told to call fsync before it answers."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    return numbers >= SYNC_SINCE


def _missing_with_sync() -> str:
    if missing := nats.missing():
        return missing
    version = nats.server_version()
    if can_sync(version):
        return ""
    since = ".".join(map(str, SYNC_SINCE))
    return f"nats-server {version} cannot call fsync before it answers; install {since} or newer on the PATH"


@asynccontextmanager
async def _server(folder: Path, options: ServerOptions) -> AsyncIterator[Server]:
    async with nats.running_nats(folder, configuration(folder, sync=False)) as server:
        yield server


@asynccontextmanager
async def _server_with_sync(folder: Path, options: ServerOptions) -> AsyncIterator[Server]:
    async with nats.running_nats(folder, configuration(folder, sync=True)) as server:
        yield server


JETSTREAM = System(
    name="jetstream",
    title="JetStream (nats-py), answers before fsync",
    kinds=frozenset({"publish-stored"}),
    languages=("python",),
    missing=nats.missing,
    server=_server,
    party=lambda _, role, url: local.python_party(local.CLIENTS, "jetstream_party.py", role, url),
)

JETSTREAM_SYNC = replace(
    JETSTREAM,
    name="jetstream-sync",
    title="JetStream (nats-py), sync_interval always",
    missing=_missing_with_sync,
    server=_server_with_sync,
)
