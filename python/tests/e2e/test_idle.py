"""After the work, the broker is as it was before: tables empty, memory back (FLOW-7)."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import grpc.aio

from parley import AgentId, TopicId
from parley.distributed import DistributedRuntime, create_distributed_runtime
from parley_testing import BrokerProcess
from parley_wire.v1 import admin_service_pb2

from .conftest import Workers
from .programs import Done, Work

AMOUNT = 100_000 if os.environ.get("LENGTH") == "full" else 5_000
"""Calls, and events, that are made."""
IN_FLIGHT = 256
PATIENCE = 30.0
JUSTIFIED = frozenset({"connections", "sessions", "hosts", "agents", "producers", "subscriptions", "subscribers"})
"""Tables whose entries stand for clients and what they host, not for work."""
MEMORY_GROWTH = 1.05


async def calls(runtime: DistributedRuntime, amount: int) -> None:
    """Makes so many calls, `IN_FLIGHT` at once."""
    numbers = iter(range(amount))

    async def caller() -> None:
        for number in numbers:
            done: Done = await runtime.send_message(Work(number), AgentId("idle", f"k{number % 50}"))
            assert done.number == number

    await asyncio.gather(*(caller() for _ in range(IN_FLIGHT)))


async def events(runtime: DistributedRuntime, amount: int) -> None:
    """Publishes so many events, `IN_FLIGHT` at once."""
    numbers = iter(range(amount))

    async def publisher() -> None:
        for number in numbers:
            await runtime.publish_message(Work(number), TopicId("jobs", f"k{number % 50}"))

    await asyncio.gather(*(publisher() for _ in range(IN_FLIGHT)))


async def status(broker: BrokerProcess) -> dict[str, int]:
    """The broker's tables."""
    async with grpc.aio.insecure_channel(broker.url.removeprefix("grpc://")) as channel:
        ask = channel.unary_unary(
            "/parley.v1.AdminService/GetStatus",
            request_serializer=admin_service_pb2.GetStatusRequest.SerializeToString,
            response_deserializer=admin_service_pb2.GetStatusResponse.FromString,
        )
        return dict((await ask(admin_service_pb2.GetStatusRequest())).tables)


async def pending(broker: BrokerProcess) -> dict[str, int]:
    """What is not empty although the work is done, once it has had time to become empty."""
    deadline = time.monotonic() + PATIENCE
    while True:
        left = {name: count for name, count in (await status(broker)).items() if count and name not in JUSTIFIED}
        if not left or time.monotonic() > deadline:
            return left
        await asyncio.sleep(0.1)


def memory(broker: BrokerProcess) -> int:
    """Resident bytes of the broker."""
    pages = int(Path(f"/proc/{broker.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def test_tables_are_empty_and_memory_is_back_after_much_work(tmp_path: Path) -> None:
    """Row 14 of docs/guarantees.md; covers: FLOW-7."""
    with BrokerProcess(data=tmp_path) as broker:
        workers = Workers(broker.url)
        await workers.start("idle")
        async with await create_distributed_runtime(broker.url) as runtime:
            # The first round makes what stays for good: agents, caches, the allocator's arenas.
            await calls(runtime, AMOUNT)
            await events(runtime, AMOUNT // 2)
            assert await pending(broker) == {}
            before = memory(broker)
            await calls(runtime, AMOUNT)
            await events(runtime, AMOUNT)
            assert await pending(broker) == {}
            after = memory(broker)
        for worker in workers.all:
            await worker.end()
    assert after <= before * MEMORY_GROWTH, f"{before} bytes before, {after} bytes after"
