"""Fixtures of the SDK's tests: a scripted broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import Any

import pytest_asyncio

from parley.distributed import DistributedRuntime, create_distributed_runtime

from .scripted import PATIENCE, Peer, ScriptedBroker, scripted_broker

collect_ignore = [] if find_spec("pydantic") else ["test_pydantic.py"]


@pytest_asyncio.fixture
async def scripted() -> AsyncIterator[ScriptedBroker]:
    """A broker whose every word the test writes."""
    async with scripted_broker() as broker:
        yield broker


class Connected:
    """A runtime and the scripted side of its connection."""

    def __init__(self, runtime: DistributedRuntime, peer: Peer) -> None:
        self.runtime = runtime
        self.peer = peer


async def close(connected: Connected) -> None:
    """Ends both sides at once: nothing is drained, what runs is cancelled."""
    connected.peer.end()
    line = connected.runtime._uplink._line
    assert line is not None
    await asyncio.wait_for(asyncio.shield(line.ended), PATIENCE)
    await connected.runtime.stop()


async def connect(scripted: ScriptedBroker, *, welcome: dict[str, Any] | None = None, **options: Any) -> Connected:
    """A runtime that has had its Welcome."""
    making = asyncio.ensure_future(create_distributed_runtime(scripted.url, **options))
    peer = await scripted.accept()
    peer.welcome(**(welcome or {}))
    return Connected(await making, peer)
