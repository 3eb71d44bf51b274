"""Events between processes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from parley import AgentId, TopicId
from parley.distributed import DistributedRuntime, create_distributed_runtime
from parley.exceptions import OutcomeUnknownError
from parley_testing import BrokerProcess

from .conftest import PATIENCE, WorkerProcess, Workers
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


async def test_a_killed_broker_is_found_again_and_agents_go_on(tmp_path: Path) -> None:
    with BrokerProcess(data=tmp_path, claim_window_ms=300) as broker:
        worker = await WorkerProcess.start(broker.url, "keeper")
        caller = await create_distributed_runtime(broker.url)
        await caller.start()
        await caller.publish_message(Work(1), TopicId("jobs", "k"))
        assert await seen(caller, AgentId("keeper", "k"), 1) == [1]
        calling = asyncio.ensure_future(caller.send_message(Work(1), AgentId("nobody", "k"), wait_for_ready=True))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(calling), 0.1)
        broker.kill()
        publishing = asyncio.ensure_future(caller.publish_message(Work(2), TopicId("jobs", "k")))
        broker.start()
        with pytest.raises(OutcomeUnknownError):
            await asyncio.wait_for(calling, PATIENCE)
        await asyncio.wait_for(publishing, PATIENCE)
        assert await seen(caller, AgentId("keeper", "k"), 2) == [1, 2]  # the same agent: it has both in memory
        await caller.stop()
        await worker.end()
