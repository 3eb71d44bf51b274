"""Calls between processes: whose reply is whose, and what a dead worker leaves."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

from parley import AgentId
from parley.distributed import DistributedRuntime, create_distributed_runtime
from parley.exceptions import NoRespondersError, OutcomeUnknownError, ResourceExhaustedError
from parley_testing import BrokerProcess

from .conftest import GRACE_MS, Workers
from .programs import Done, Work


async def test_two_callers_with_equal_ids_get_their_own_replies(broker: BrokerProcess, workers: Workers) -> None:
    worker = await workers.start()
    callers = [await create_distributed_runtime(broker.url) for _ in range(2)]
    calls = [
        caller.send_message(Work(1000 * index + number), AgentId("worker", "one"), response_type=Done)
        for number in range(1000)
        for index, caller in enumerate(callers)
    ]
    replies = await asyncio.gather(*calls)
    assert replies == [Done(1000 * index + number, worker.pid) for number in range(1000) for index in range(2)]
    for caller in callers:
        await caller.stop()


async def test_nested_calls_across_processes_do_not_starve(caller: DistributedRuntime, workers: Workers) -> None:
    await workers.start("outer")
    inner = await workers.start("inner")
    calls = [
        caller.send_message(Work(number, via=f"inner/{number % 5}"), AgentId("outer", str(number % 3)))
        for number in range(200)
    ]
    assert await asyncio.gather(*calls) == [Done(number, inner.pid) for number in range(200)]


async def test_nobody_is_there(caller: DistributedRuntime) -> None:
    began = time.monotonic()
    with pytest.raises(NoRespondersError):
        await caller.send_message(Work(1), AgentId("nobody", "k"))
    assert time.monotonic() - began < 1


async def test_a_killed_worker_ends_its_calls_when_its_grace_is_over(
    caller: DistributedRuntime, workers: Workers
) -> None:
    worker = await workers.start("victim")
    assert isinstance(await caller.send_message(Work(0), AgentId("victim", "k")), Done)
    calling = asyncio.ensure_future(caller.send_message(Work(1, seconds=60), AgentId("victim", "k")))
    await caller.send_message(Work(2), AgentId("victim", "k"))  # so the first one runs
    began = time.monotonic()
    await worker.end(signal.SIGKILL)
    with pytest.raises(OutcomeUnknownError):
        await calling
    assert time.monotonic() - began < GRACE_MS / 1000 + 0.5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_that_is_told_to_stop_finishes_what_it_does(
    caller: DistributedRuntime, workers: Workers, number: signal.Signals
) -> None:
    worker = await workers.start("leaver")
    calling = asyncio.ensure_future(caller.send_message(Work(1, seconds=0.5), AgentId("leaver", "k")))
    await caller.send_message(Work(2), AgentId("leaver", "k"))
    assert await worker.end(number) == 0
    assert await worker.line() == "stopped"
    assert await calling == Done(1, worker.pid)


async def test_three_workers_share_the_keys_and_keep_each(caller: DistributedRuntime, workers: Workers) -> None:
    pids = {(await workers.start("shared")).pid for _ in range(3)}
    first: dict[str, int] = {}
    for _ in range(2):
        for key in map(str, range(12)):
            reply: Done = await caller.send_message(Work(0), AgentId("shared", key), response_type=Done)
            assert first.setdefault(key, reply.pid) == reply.pid
    assert set(first.values()) == pids


async def test_a_message_over_the_limit(caller: DistributedRuntime) -> None:
    from parley.exceptions import PayloadTooLargeError

    with pytest.raises(PayloadTooLargeError, match="the broker's limit is 1048576"):
        await caller.send_message(Work(1, via="x" * 2**20), AgentId("worker", "k"))
    assert not issubclass(PayloadTooLargeError, ResourceExhaustedError)
