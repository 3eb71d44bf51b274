"""Fixtures of the SDK's tests: both runtimes, and a scripted broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import Any

import pytest
import pytest_asyncio

from parley import AgentRuntime, SingleThreadedAgentRuntime
from parley.distributed import DistributedRuntime, create_distributed_runtime
from parley_testing import InProcessBroker

from .scripted import Peer, ScriptedBroker, scripted_broker

collect_ignore = [] if find_spec("pydantic") else ["test_pydantic.py"]


class World:
    """Where a test's runtimes live: `host` hosts the agents, `caller` calls; in one process they are the same."""

    host: AgentRuntime
    caller: AgentRuntime
    distributed = False

    async def start(self) -> None:
        """Starts the runtimes."""
        raise AssertionError("one of the two worlds")


class LocalWorld(World):
    def __init__(self) -> None:
        self.host = self.caller = SingleThreadedAgentRuntime()

    async def start(self) -> None:
        assert isinstance(self.host, SingleThreadedAgentRuntime)
        await self.host.start()


class BrokerWorld(World):
    distributed = True

    def __init__(self, host: DistributedRuntime, caller: DistributedRuntime) -> None:
        self.host = host
        self.caller = caller

    async def start(self) -> None:
        for runtime in (self.host, self.caller):
            assert isinstance(runtime, DistributedRuntime)
            await runtime.start()


@pytest_asyncio.fixture(params=["in-process", "distributed"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The same test on each runtime."""
    if request.param == "in-process":
        local = LocalWorld()
        yield local
        assert isinstance(local.host, SingleThreadedAgentRuntime)
        await local.host.close()
        return
    async with InProcessBroker() as broker:
        host = await create_distributed_runtime(broker.url, "host")
        caller = await create_distributed_runtime(broker.url, "caller")
        yield BrokerWorld(host, caller)
        for runtime in (caller, host):
            await runtime._host.stop()
            await runtime.stop()


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


async def connect(scripted: ScriptedBroker, *, welcome: dict[str, Any] | None = None, **options: Any) -> Connected:
    """A runtime that has had its Welcome."""
    making = asyncio.ensure_future(create_distributed_runtime(scripted.url, **options))
    peer = await scripted.accept()
    peer.welcome(**(welcome or {}))
    return Connected(await making, peer)
