"""NATS core's party: requests to a queue group, events by publish and subscribe; nothing is stored (harness.py)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import nats
from arrivals import Tally
from harness import ARRIVAL_LIMIT, Send, Work, record, record_codec, run_party
from nats.aio.client import Client as Connection
from nats.aio.msg import Msg

CALL_LIMIT = 30.0
"""How long a request may wait for its reply, in s; nats-py's default of 0.5 s is too little for a busy machine."""
CONTENTS = ("json", "protobuf")


def key_of(message: Msg) -> str:
    """Returns the agent's key: the last part of a subject such as `sink.json.KEY`."""
    return message.subject.rpartition(".")[2]


async def answer_arrivals(connection: Connection, tally: Tally) -> None:
    """Answers those who ask whether so many events have arrived, once they have."""

    async def arrivals(message: Msg) -> None:
        await message.respond(b"%d" % await tally.reached(key_of(message), int(message.data)))

    await connection.subscribe("arrivals.*", cb=arrivals)
    await connection.flush()


async def ask_arrivals(connection: Connection, key: str, count: int) -> None:
    """Returns when so many events have arrived."""
    await connection.request(f"arrivals.{key}", b"%d" % count, timeout=ARRIVAL_LIMIT)


async def host(connection: Connection) -> None:
    """Subscribes what answers and what counts. No limit on what waits here, or nats-py would drop events."""
    tally = Tally()

    def handlers(content: str) -> tuple[Callable[[Msg], Awaitable[None]], Callable[[Msg], Awaitable[None]]]:
        write, read = record_codec(content)

        async def echo(message: Msg) -> None:
            await message.respond(write(read(message.data)))

        async def sink(message: Msg) -> None:
            read(message.data)
            tally.add(key_of(message))

        return echo, sink

    for content in CONTENTS:
        echo, sink = handlers(content)
        await connection.subscribe(f"echo.{content}.*", "hosts", cb=echo, pending_msgs_limit=0, pending_bytes_limit=0)
        await connection.subscribe(f"sink.{content}.*", cb=sink, pending_msgs_limit=0, pending_bytes_limit=0)
    await answer_arrivals(connection, tally)


class NatsClient:
    """Requests and publishes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sending(self, work: Work) -> Send:
        """Returns what requests an answer, or publishes; a publish returns when it is in the client's buffer."""
        connection, message = self._connection, record(work)
        write, read = record_codec(work.content)
        if work.kind == "call":
            subject = f"echo.{work.content}.{work.key}"

            async def call() -> None:
                read((await connection.request(subject, write(message), timeout=CALL_LIMIT)).data)

            return call
        subject = f"sink.{work.content}.{work.key}"
        return lambda: connection.publish(subject, write(message))

    async def arrived(self, work: Work, count: int) -> None:
        """Asks the host to answer when it has them all."""
        await ask_arrivals(self._connection, work.key, count)

    async def prepare(self, work: Work) -> None:
        """Subscriptions are there from the start."""


@asynccontextmanager
async def connect(role: str, url: str) -> AsyncIterator[NatsClient]:
    """Plays the role on the server at `url`."""
    connection = await nats.connect(url)
    try:
        if role == "host":
            await host(connection)
        yield NatsClient(connection)
    finally:
        await connection.close()


if __name__ == "__main__":
    run_party(connect)
