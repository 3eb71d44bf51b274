"""JetStream's party: events in a file stream, a push consumer that acknowledges each after handling (harness.py)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import nats
from arrivals import Tally
from harness import Send, Work, record, record_codec, run_party
from nats.aio.client import Client as Connection
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, StorageType, StreamConfig
from nats_party import CONTENTS, answer_arrivals, ask_arrivals, key_of

STREAM = "BENCH"
STREAM_BYTES = 512 << 20
"""What the stream keeps, in bytes; the oldest go first, which costs less than removing each when it is acknowledged."""
ACK_WINDOW = 8192
"""Events on their way to the subscriber without an acknowledgement; the default of 1,000 is no faster."""


async def host(connection: Connection) -> None:
    """Makes the stream and a durable consumer for each content."""
    tally = Tally()
    stream = connection.jetstream()
    await stream.add_stream(
        StreamConfig(
            name=STREAM,
            subjects=["sink.>"],
            storage=StorageType.FILE,
            max_bytes=STREAM_BYTES,
            discard=DiscardPolicy.OLD,
        )
    )

    def handler(content: str) -> Callable[[Msg], Awaitable[None]]:
        _, read = record_codec(content)

        async def sink(message: Msg) -> None:
            read(message.data)
            await message.ack()
            tally.add(key_of(message))

        return sink

    for content in CONTENTS:
        await stream.subscribe(
            f"sink.{content}.*",
            durable=f"sink-{content}",
            stream=STREAM,
            cb=handler(content),
            manual_ack=True,
            config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, max_ack_pending=ACK_WINDOW, ack_wait=60),
            pending_msgs_limit=0,
            pending_bytes_limit=0,
        )
    await answer_arrivals(connection, tally)


class JetStreamClient:
    """Publishes into the stream."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stream = connection.jetstream()

    def sending(self, work: Work) -> Send:
        """Returns what publishes and waits until the server has the event in its file."""
        stream, message = self._stream, record(work)
        write, _ = record_codec(work.content)
        subject = f"sink.{work.content}.{work.key}"

        async def publish() -> None:
            # Cheaper than `publish`, which makes a timer for each.
            await (await stream.publish_async(subject, write(message)))

        return publish

    async def arrived(self, work: Work, count: int) -> None:
        """Asks the host to answer when it has them all."""
        await ask_arrivals(self._connection, work.key, count)

    async def prepare(self, work: Work) -> None:
        """The consumers are there from the start."""


@asynccontextmanager
async def connect(role: str, url: str) -> AsyncIterator[JetStreamClient]:
    """Plays the role on the server at `url`."""
    connection = await nats.connect(url)
    try:
        if role == "host":
            await host(connection)
        yield JetStreamClient(connection)
    finally:
        await connection.close()


if __name__ == "__main__":
    run_party(connect)
