"""Programs that the end-to-end tests run as processes of their own: `python programs.py NAME URL`."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import dataclass

from parley import AgentId, MessageContext, RoutedAgent, TypeSubscription, event, rpc
from parley.distributed import create_distributed_runtime


@dataclass
class Work:
    number: int
    seconds: float = 0.0
    block: bool = False
    via: str = ""


@dataclass
class Done:
    number: int
    pid: int


@dataclass
class Seen:
    pid: int
    numbers: list[int]


@dataclass
class AskSeen:
    pass


class Worker(RoutedAgent):
    """Works as it is told: at once, slowly, blocking its event loop, or by calling another agent."""

    def __init__(self) -> None:
        super().__init__("worker")
        self.numbers: list[int] = []

    @rpc
    async def work(self, message: Work, ctx: MessageContext) -> Done:
        await self.take(message)
        if message.via:
            onward = Work(message.number)
            return await self.send_message(onward, AgentId.from_str(message.via), response_type=Done)
        return Done(message.number, os.getpid())

    @event
    async def told(self, message: Work, ctx: MessageContext) -> None:
        await self.take(message)
        self.numbers.append(message.number)

    @rpc
    async def seen(self, message: AskSeen, ctx: MessageContext) -> Seen:
        return Seen(os.getpid(), self.numbers)

    async def take(self, message: Work) -> None:
        if message.block:
            time.sleep(message.seconds)  # noqa: ASYNC251 - that is what is tested
        elif message.seconds:
            await asyncio.sleep(message.seconds)


async def worker(url: str, type: str = "worker") -> None:
    """Hosts workers until it is stopped."""
    runtime = await create_distributed_runtime(url, type)
    await Worker.register(runtime, type, Worker)
    await runtime.add_subscription(TypeSubscription("jobs", type))
    await runtime.start()
    print("ready", flush=True)  # noqa: T201 - the test reads it
    await runtime.wait_until_stopped()
    print("stopped", flush=True)  # noqa: T201 - the test reads it


if __name__ == "__main__":
    asyncio.run(worker(*sys.argv[1:]))
