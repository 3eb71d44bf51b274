"""What both runtimes must do alike: one suite, run on each; `world` is the runtime that a test runs on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from parley import AgentRuntime, SingleThreadedAgentRuntime
from parley.distributed import DistributedRuntime, create_distributed_runtime
from parley_testing import InProcessBroker


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
    async with InProcessBroker(max_attempts=1) as broker:  # in one process no event is delivered again
        host = await create_distributed_runtime(broker.url, "host")
        caller = await create_distributed_runtime(broker.url, "caller")
        yield BrokerWorld(host, caller)
        for runtime in (caller, host):
            await runtime._host.stop()
            await runtime.stop()
