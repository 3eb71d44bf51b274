"""Events between processes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from parley import AgentId, TopicId
from parley.distributed import DistributedRuntime, create_distributed_runtime
from parley.exceptions import OutcomeUnknownError, UnavailableError
from parley_testing import BrokerProcess

from .conftest import PATIENCE, Workers
from .programs import AskSeen, Seen, Work


async def seen(caller: DistributedRuntime, agent: AgentId, count: int) -> list[int]:
    deadline = time.monotonic() + PATIENCE
    while True:
        reply: Seen = await caller.send_message(AskSeen(), agent, response_type=Seen)
        if len(reply.numbers) >= count or time.monotonic() > deadline:
            return reply.numbers
        await asyncio.sleep(0.02)


async def test_events_arrive_once_and_in_order(caller: DistributedRuntime, workers: Workers) -> None:
    await workers.start("a")
    await workers.start("b")
    for number in range(100):
        await caller.publish_message(Work(number), TopicId("jobs", "k"))
    for type in ("a", "b"):
        assert await seen(caller, AgentId(type, "k"), 100) == list(range(100))


async def test_a_blocked_event_loop_loses_neither_session_nor_events(
    caller: DistributedRuntime, workers: Workers
) -> None:
    await workers.start("blocked")
    for number in range(5):
        await caller.publish_message(Work(number, seconds=2.5 if number == 1 else 0, block=True), TopicId("jobs", "b"))
    assert await seen(caller, AgentId("blocked", "b"), 5) == list(range(5))


async def test_events_wait_for_a_worker(caller: DistributedRuntime, workers: Workers) -> None:
    worker = await workers.start("late")
    await worker.end()
    for number in range(3):
        await caller.publish_message(Work(number), TopicId("jobs", "w"))
    await workers.start("late")
    assert await seen(caller, AgentId("late", "w"), 3) == [0, 1, 2]


async def test_a_killed_broker_ends_the_runtime(tmp_path: Path) -> None:
    with BrokerProcess(data=tmp_path) as broker:
        runtime = await create_distributed_runtime(broker.url)
        await runtime.start()
        calling = asyncio.ensure_future(runtime.send_message(Work(1), AgentId("nobody", "k"), wait_for_ready=True))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(calling), 0.1)
        broker.kill()
        with pytest.raises(OutcomeUnknownError):
            await asyncio.wait_for(calling, PATIENCE)
        with pytest.raises(UnavailableError):
            await asyncio.wait_for(runtime.wait_until_stopped(), PATIENCE)
