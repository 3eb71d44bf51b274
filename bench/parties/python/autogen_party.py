"""AutoGen's party: its distributed runtime, its host (role `serve`), its runtime in one process (harness.py)."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# AutoGen's documentation names this to save the work of tracing; it is read when a runtime is made.
os.environ["AUTOGEN_DISABLE_RUNTIME_TRACING"] = "true"

from arrivals import Arrivals, Tally
from autogen_core import (
    AgentId,
    AgentRuntime,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    TopicId,
    TypeSubscription,
    event,
    rpc,
    try_get_known_serializers_for_type,
)
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntime, GrpcWorkerAgentRuntimeHost
from harness import Reading, Send, Work, record, run_party

TALLY = Tally()


class Echo(RoutedAgent):
    """Replies with what it was sent."""

    @rpc
    async def on_reading(self, message: Reading, ctx: MessageContext) -> Reading:
        """Replies with the message."""
        return message


class Sink(RoutedAgent):
    """Counts events."""

    @event
    async def on_reading(self, message: Reading, ctx: MessageContext) -> None:
        """Counts the event."""
        TALLY.add(self.id.key)

    @rpc
    async def on_arrivals(self, message: Arrivals, ctx: MessageContext) -> Arrivals:
        """Replies as soon as as many events have arrived as are expected."""
        return Arrivals(await TALLY.reached(self.id.key, message.expected))


async def host(runtime: AgentRuntime) -> None:
    """Registers the agents that callers turn to."""
    await Echo.register(runtime, "echo", lambda: Echo("echo"))
    await Sink.register(runtime, "sink", lambda: Sink("sink"))
    await runtime.add_subscription(TypeSubscription("bench", "sink"))


class AutoGenClient:
    """Sends through a runtime, distributed or in process."""

    def __init__(self, runtime: AgentRuntime) -> None:
        self._runtime = runtime

    def sending(self, work: Work) -> Send:
        """Returns what calls the echo, or publishes to the sink; a publish returns when the runtime has taken it."""
        if work.content != "json":
            raise ValueError(f"content {work.content!r}: AutoGen's RPC between Python workers is always JSON")
        runtime, message = self._runtime, record(work)
        if work.kind == "call":
            echo = AgentId("echo", work.key)
            return lambda: runtime.send_message(message, echo)
        topic = TopicId("bench", work.key)

        return lambda: runtime.publish_message(message, topic)

    async def arrived(self, work: Work, count: int) -> None:
        """Asks the sink to answer when it has them all."""
        await self._runtime.send_message(Arrivals(count), AgentId("sink", work.key))

    async def prepare(self, work: Work) -> None:
        """The agents are registered from the start."""


@asynccontextmanager
async def connect(role: str, url: str) -> AsyncIterator[AutoGenClient]:
    """Plays the role on the host server at `url`, or all of them in this process."""
    if role == "in-process":
        alone = SingleThreadedAgentRuntime()
        await host(alone)
        alone.start()
        yield AutoGenClient(alone)
        await alone.stop()
        return
    runtime = GrpcWorkerAgentRuntime(url)
    await runtime.start()
    for message_type in (Reading, Arrivals):
        runtime.add_message_serializer(try_get_known_serializers_for_type(message_type))
    if role == "host":
        await host(runtime)
    yield AutoGenClient(runtime)
    await runtime.stop()


async def serve(address: str) -> None:
    """Runs AutoGen's host until it is told to end."""
    server = GrpcWorkerAgentRuntimeHost(address)
    server.start()
    await server.stop_when_signal(grace=1)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        asyncio.run(serve(sys.argv[2]))
    else:
        run_party(connect)
