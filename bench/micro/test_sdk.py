"""How long the Python SDK takes for 64 messages, without sockets: as caller, as host, and both in one process."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from bare_line import BareLine, answer, runtime_on, said

from parley import (
    AgentId,
    AgentRuntime,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    TopicId,
    TypeSubscription,
    event,
    rpc,
)
from parley_wire.v1 import broker_service_pb2 as wire

BATCH = 64
ECHO, TOPIC = AgentId("echo", "k"), TopicId("bench", "k")
PLACE = {"type": ECHO.type, "key": ECHO.key}
EPOCH = 7


@dataclass
class Note:
    number: int
    text: str


NOTE = Note(1, "x" * 200)


class Echo(RoutedAgent):
    """Replies with what it was sent, and counts events."""

    told = 0

    @rpc
    async def on_call(self, message: Note, ctx: MessageContext) -> Note:
        """Replies with the message."""
        return message

    @event
    async def on_event(self, message: Note, ctx: MessageContext) -> None:
        """Counts the event."""
        Echo.told += 1


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner() as runner:
        yield runner.get_loop()


def calls(runtime: AgentRuntime) -> Callable[[], Awaitable[Any]]:
    """Returns what makes 64 calls and waits for their replies."""
    return lambda: asyncio.gather(*(runtime.send_message(NOTE, ECHO) for _ in range(BATCH)))


def events(runtime: AgentRuntime) -> Callable[[], Awaitable[Any]]:
    """Returns what publishes 64 events and waits until the broker has them."""
    return lambda: asyncio.gather(*(runtime.publish_message(NOTE, TOPIC, ephemeral=True) for _ in range(BATCH)))


@pytest.mark.parametrize("work", [calls, events])
def test_64_from_a_caller(benchmark: Any, loop: asyncio.AbstractEventLoop, work: Any) -> None:
    runtime = loop.run_until_complete(runtime_on(BareLine(answer)))
    send = work(runtime)

    results = benchmark(lambda: loop.run_until_complete(send()))

    assert results == [NOTE if work is calls else None] * BATCH
    loop.run_until_complete(runtime.stop())


@pytest.mark.parametrize("kind", ["request", "delivery"])
def test_64_for_a_host(benchmark: Any, loop: asyncio.AbstractEventLoop, kind: str) -> None:
    line = BareLine(answer)
    runtime = loop.run_until_complete(runtime_on(line))

    async def begin() -> bytes:
        await Echo.register(runtime, ECHO.type, Echo)
        await runtime.start()
        line.say(said([wire.Message(id=2, activate={"agent": PLACE, "epoch": EPOCH})]))
        caught = BareLine(answer)
        caller = await runtime_on(caught)
        await caller.send_message(NOTE, ECHO)
        await caller.stop()
        return caught.envelope

    envelope = loop.run_until_complete(begin())
    ids = iter(range(100, 1 << 40))

    def message(id: int) -> wire.Message:
        if kind == "request":
            request = {"target": PLACE, "epoch": EPOCH, "timeout_ms": 60_000, "envelope": envelope}
            return wire.Message(id=id, request=request)
        about = {"topic": {"type": "bench", "source": "k"}, "recipient": PLACE, "epoch": EPOCH, "position": id}
        return wire.Message(delivery={**about, "envelope": envelope})

    async def handle(messages: Any) -> None:
        heard = line.heard + BATCH  # a reply or an Ack for each
        line.say(messages)
        while line.heard < heard:  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0)

    def batch() -> Any:
        return (said([message(next(ids)) for _ in range(BATCH)]),), {}

    benchmark.pedantic(lambda messages: loop.run_until_complete(handle(messages)), setup=batch, rounds=50)

    loop.run_until_complete(runtime.stop())


@pytest.mark.parametrize("work", [calls, events])
def test_64_in_one_process(benchmark: Any, loop: asyncio.AbstractEventLoop, work: Any) -> None:
    runtime = SingleThreadedAgentRuntime()

    async def begin() -> None:
        await Echo.register(runtime, ECHO.type, Echo)
        await runtime.add_subscription(TypeSubscription(TOPIC.type, ECHO.type))
        await runtime.start()

    loop.run_until_complete(begin())
    send = work(runtime)

    async def done() -> Any:
        told = Echo.told + BATCH
        results = await send()
        while work is events and Echo.told < told:  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0)
        return results

    results = benchmark(lambda: loop.run_until_complete(done()))

    assert results == [NOTE if work is calls else None] * BATCH
    loop.run_until_complete(runtime.close())
