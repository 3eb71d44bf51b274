"""A party of the bench in Python: hosts the agents that answer, or calls and publishes and says how fast it was.

`party.py host|caller URL` prints {"ready": true}, then an answer for each JSON line that it reads, until there is none.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bench_pb2 import Reading as ProtobufReading

from parley import (
    AgentId,
    DistributedRuntime,
    MessageContext,
    RoutedAgent,
    TopicId,
    TypeSubscription,
    create_distributed_runtime,
    event,
    rpc,
)
from parley.exceptions import ResourceExhaustedError

LANGUAGE = "python"
STEP = 0.6180339887498949
PAUSE = 0.005
"""How long a lane waits before it publishes again what the broker refused because a queue was full, in s."""
ARRIVAL_LIMIT = 20.0
"""How long the last event may take to arrive after the last publish was answered, in s."""


@dataclass
class Reading:
    """The JSON twin of parley.bench.v1.Reading."""

    number: int
    source: str
    values: list[float]
    text: str


@dataclass
class Arrivals:
    """Asks a sink to answer once so many events have arrived."""

    expected: int


class Echo(RoutedAgent):
    """Replies with what it was sent."""

    @rpc
    async def on_json(self, message: Reading, ctx: MessageContext) -> Reading:
        """Replies with the message."""
        return message

    @rpc
    async def on_protobuf(self, message: ProtobufReading, ctx: MessageContext) -> ProtobufReading:
        """Replies with the message."""
        return message


class Sink(RoutedAgent):
    """Counts events."""

    def __init__(self) -> None:
        super().__init__()
        self._arrived = 0
        self._news = asyncio.Event()

    @event
    async def on_json(self, message: Reading, ctx: MessageContext) -> None:
        """Counts the event."""
        self._arrived += 1
        self._news.set()

    @event
    async def on_protobuf(self, message: ProtobufReading, ctx: MessageContext) -> None:
        """Counts the event."""
        self._arrived += 1
        self._news.set()

    @rpc
    async def on_arrivals(self, message: Arrivals, ctx: MessageContext) -> Arrivals:
        """Replies as soon as as many events have arrived as are expected."""
        while self._arrived < message.expected:
            self._news.clear()
            await self._news.wait()
        return Arrivals(self._arrived)


async def host(runtime: DistributedRuntime) -> None:
    """Registers the agents that callers turn to."""
    await Echo.register(runtime, f"echo-{LANGUAGE}", Echo)
    await Sink.register(runtime, f"sink-{LANGUAGE}", Sink)
    await runtime.add_subscription(TypeSubscription(f"bench-{LANGUAGE}", f"sink-{LANGUAGE}"))


async def carry_out(runtime: DistributedRuntime) -> None:
    """Carries out the rounds that standard input asks for, until it ends; a host is asked for none."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            say(await run(runtime, json.loads(line)))
        except Exception as error:
            say({"error": f"{type(error).__name__}: {error}"})


async def run(runtime: DistributedRuntime, command: dict[str, Any]) -> dict[str, float]:
    """Carries out one round and returns count, seconds and percentiles in µs."""
    values = [(i + 1) * STEP for i in range(command["values"])]
    make = Reading if command["content"] == "json" else ProtobufReading
    message = make(number=0, source="bench", values=values, text="x" * command["text"])
    key = command["key"]
    if command["kind"] == "call":
        echo = AgentId(f"echo-{command['host']}", key)
        count, latencies, started = await flood(lambda: runtime.send_message(message, echo), command)
    else:
        topic = TopicId(f"bench-{command['host']}", key)
        ephemeral = command["kind"] == "publish-ephemeral"

        async def publish() -> None:
            while True:
                try:
                    return await runtime.publish_message(message, topic, ephemeral=ephemeral)
                except ResourceExhaustedError:
                    await asyncio.sleep(PAUSE)

        count, latencies, started = await flood(publish, command)
        sink = AgentId(f"sink-{command['host']}", key)
        await runtime.send_message(Arrivals(count), sink, timeout=ARRIVAL_LIMIT)
    seconds = time.perf_counter() - started
    latencies.sort()
    return {
        "count": count,
        "seconds": seconds,
        "p50_us": latencies[len(latencies) // 2] * 1e6,
        "p99_us": latencies[len(latencies) * 99 // 100] * 1e6,
    }


async def flood(send: Callable[[], Awaitable[Any]], command: dict[str, Any]) -> tuple[int, list[float], float]:
    """Keeps so many messages in flight for so long; returns their count, times to the answer in s, and the start."""
    clock = time.perf_counter
    latencies: list[float] = []
    started = clock()
    end = started + command["seconds"]

    async def one_lane() -> None:
        sent = clock()
        while sent < end:
            await send()
            answered = clock()
            latencies.append(answered - sent)
            sent = answered

    await asyncio.gather(*(one_lane() for _ in range(command["in_flight"])))
    return len(latencies), latencies, started


def say(line: dict[str, Any]) -> None:
    """Writes one JSON line to standard output."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def main(role: str, url: str) -> None:
    """Plays the role on the broker at `url`."""
    async with await create_distributed_runtime(url, f"bench-{role}-{LANGUAGE}") as runtime:
        if role == "host":
            await host(runtime)
        say({"ready": True})
        await carry_out(runtime)


if __name__ == "__main__":
    with suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main(sys.argv[1], sys.argv[2]))
