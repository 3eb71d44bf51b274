"""Parley's party in Python: hosts the agents that answer, or calls and publishes (harness.py)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import cycle
from typing import Any

from arrivals import Arrivals
from bench_pb2 import Reading as ProtobufReading
from harness import Reading, Send, Work, record, run_party

from parley import (
    AgentId,
    AgentRuntime,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    TopicId,
    TypeSubscription,
    create_distributed_runtime,
    event,
    rpc,
)
from parley.exceptions import ResourceExhaustedError

LANGUAGE = "python"
PAUSE = 0.005
"""How long a lane waits before it publishes again what the broker refused because a queue was full, in s."""
ARRIVAL_LIMIT = 3600.0
"""How long a sink may wait for events, in s; the harness gives up before."""


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


class Once(RoutedAgent, mode="effectively-once"):
    """Keeps a count, and passes each event on to the outputs; both, and the settlement, are one commit."""

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    @event
    async def on_json(self, message: Reading, ctx: MessageContext) -> None:
        """Counts the event and passes it on."""
        await self._pass_on(message)

    @event
    async def on_protobuf(self, message: ProtobufReading, ctx: MessageContext) -> None:
        """Counts the event and passes it on."""
        await self._pass_on(message)

    async def save_state(self) -> Mapping[str, Any]:
        """Returns the count."""
        return {"count": self._count}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes the count."""
        self._count = state["count"]

    async def _pass_on(self, message: Reading | ProtobufReading) -> None:
        self._count += 1
        await self.publish_message(message, TopicId(f"outputs-{LANGUAGE}", self.id.key))


async def host(runtime: AgentRuntime) -> None:
    """Registers the agents that callers turn to."""
    await Echo.register(runtime, f"echo-{LANGUAGE}", Echo)
    await Sink.register(runtime, f"sink-{LANGUAGE}", Sink)
    await Sink.register(runtime, f"outputs-{LANGUAGE}", Sink)
    await Once.register(runtime, f"once-{LANGUAGE}", Once)
    for agent in ("sink", "outputs", "once"):
        await runtime.add_subscription(TypeSubscription(f"{agent}-{LANGUAGE}", f"{agent}-{LANGUAGE}"))


class ParleyClient:
    """Sends through a runtime, distributed or in process."""

    def __init__(self, runtime: AgentRuntime) -> None:
        self._runtime = runtime
        self._prepared = {1}

    def sending(self, work: Work) -> Send:
        """Returns what calls the echo, or publishes to the sinks."""
        runtime, message = self._runtime, record(work)
        if work.kind == "call":
            echoes = cycle([AgentId(f"echo-{work.host}", key) for key in work.keys])
            return lambda: runtime.send_message(message, next(echoes))
        topics = cycle([TopicId(_topic_type(work), key) for key in work.keys])
        ephemeral = work.kind == "publish-ephemeral"

        async def publish() -> None:
            topic = next(topics)
            while True:
                try:
                    return await runtime.publish_message(message, topic, ephemeral=ephemeral)
                except ResourceExhaustedError:
                    await asyncio.sleep(PAUSE)

        return publish

    async def arrived(self, work: Work, count: int) -> None:
        """Asks each sink to answer when it has them all."""
        asking = (
            self._runtime.send_message(Arrivals(share), AgentId(sink, key), timeout=ARRIVAL_LIMIT)
            for sink in _sinks(work)
            for key, share in work.shares(count)
        )
        await asyncio.gather(*asking)

    async def prepare(self, work: Work) -> None:
        """Registers a sink type for each of several subscribers."""
        if work.subscribers in self._prepared:
            return
        self._prepared.add(work.subscribers)
        for sink in _sinks(work):
            await Sink.register(self._runtime, sink, Sink, skip_direct_message_subscription=True)
            await self._runtime.add_subscription(TypeSubscription(_topic_type(work), sink))


def _topic_type(work: Work) -> str:
    agent = "once" if work.kind == "effectively-once" else "sink"
    return f"{agent}-{work.host}" if work.subscribers == 1 else f"{agent}-{work.host}-{work.subscribers}"


def _sinks(work: Work) -> list[str]:
    if work.kind == "effectively-once":
        return [f"outputs-{work.host}"]
    topic_type = _topic_type(work)
    return [topic_type] if work.subscribers == 1 else [f"{topic_type}-{i}" for i in range(work.subscribers)]


@asynccontextmanager
async def connect(role: str, url: str) -> AsyncIterator[ParleyClient]:
    """Plays the role on the broker at `url`, or all of them in this process."""
    if role == "in-process":
        alone = SingleThreadedAgentRuntime()
        await host(alone)
        alone.start()
        yield ParleyClient(alone)
        await alone.stop()
        return
    async with await create_distributed_runtime(url, f"bench-{role}-{LANGUAGE}") as runtime:
        if role == "host":
            await host(runtime)
        yield ParleyClient(runtime)


if __name__ == "__main__":
    run_party(connect)
