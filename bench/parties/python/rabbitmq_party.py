"""RabbitMQ's party: a quorum queue, publisher confirms, each event acknowledged after handling (harness.py)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from arrivals import Tally
from harness import Send, Work, record, record_codec, run_party

QUEUE = "sink"
ASKED = "arrivals"
PREFETCH = 2000
"""Events on their way to the subscriber without an acknowledgement."""


async def host(connection: AbstractConnection) -> None:
    """Consumes the queue, and answers those who ask whether so many events have arrived, once they have."""
    tally = Tally()
    readers = {content: record_codec(content)[1] for content in ("json", "protobuf")}
    events = await connection.channel()
    await events.set_qos(prefetch_count=PREFETCH)
    questions = await connection.channel()

    async def sink(message: AbstractIncomingMessage) -> None:
        readers[message.content_type or ""](message.body)
        await message.ack()
        tally.add(message.type or "")

    async def arrivals(message: AbstractIncomingMessage) -> None:
        key, count = message.body.decode().split()
        reached = await tally.reached(key, int(count))
        await questions.default_exchange.publish(aio_pika.Message(b"%d" % reached), message.reply_to or "")

    queue = await events.declare_queue(QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
    await queue.consume(sink)
    asked = await questions.declare_queue(ASKED)
    await asked.consume(arrivals, no_ack=True)


class RabbitClient:
    """Publishes into the queue."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel

    def sending(self, work: Work) -> Send:
        """Returns what publishes and waits for the confirm, which comes when the event is on disk."""
        exchange, message = self._channel.default_exchange, record(work)
        write, _ = record_codec(work.content)

        async def publish() -> None:
            event = aio_pika.Message(
                write(message),
                content_type=work.content,
                type=work.key,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            )
            await exchange.publish(event, QUEUE, mandatory=False)

        return publish

    async def arrived(self, work: Work, count: int) -> None:
        """Asks the host to answer when it has them all."""
        answers = await self._channel.declare_queue(exclusive=True)
        question = aio_pika.Message(f"{work.key} {count}".encode(), reply_to=answers.name)
        await self._channel.default_exchange.publish(question, ASKED)
        async with answers.iterator(no_ack=True) as iterator:
            await anext(iterator)

    async def prepare(self, work: Work) -> None:
        """The queue is there from the start."""


@asynccontextmanager
async def connect(role: str, url: str) -> AsyncIterator[RabbitClient]:
    """Plays the role on the server at `url`."""
    async with await aio_pika.connect(url) as connection:
        if role == "host":
            await host(connection)
        yield RabbitClient(await connection.channel(publisher_confirms=True))


if __name__ == "__main__":
    run_party(connect)
