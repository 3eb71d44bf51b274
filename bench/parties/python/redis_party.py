"""Redis Streams' party: one stream, a consumer group, acknowledged after handling (harness.py)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from arrivals import Tally
from batches import Batches
from harness import ARRIVAL_LIMIT, Send, Work, record, record_codec, run_party
from redis.asyncio import Redis
from redis.exceptions import ResponseError

STREAM = "sink"
GROUP = "hosts"
KEPT = 100_000
"""Entries that the stream keeps; cutting off old ones by the block costs less than deleting each once acknowledged."""
BATCH = 512
"""Entries read and acknowledged at once."""
WAIT_MS = 1000
"""How long a read waits for entries, in ms."""
CONNECTIONS = 8
"""Far more than are used at once: writes share one, each blocking read has its own."""


class RedisClient:
    """Adds entries to the stream."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._entries = Batches(self._add)

    def sending(self, work: Work) -> Send:
        """Returns what adds an entry and waits until it is in the append-only file on disk."""
        entries, message = self._entries, record(work)
        write, _ = record_codec(work.content)
        return lambda: entries.add({b"key": work.key, b"content": work.content, b"data": write(message)})

    async def arrived(self, work: Work, count: int) -> None:
        """Asks the host to answer when it has them all."""
        await self._redis.rpush("asked", f"{work.key} {count}")
        await self._redis.blpop([f"arrived:{work.key}"], timeout=ARRIVAL_LIMIT)

    async def prepare(self, work: Work) -> None:
        """The group is there from the start."""

    async def _add(self, entries: list[dict[str | bytes, str | bytes]]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for fields in entries:
            pipeline.xadd(STREAM, fields, maxlen=KEPT)
        await pipeline.execute()


async def read_stream(redis: Redis, tally: Tally) -> None:
    """Reads entries as a member of the group, handles them in order, acknowledges those of one read together."""
    readers = {content.encode(): record_codec(content)[1] for content in ("json", "protobuf")}
    while True:
        for _, entries in await redis.xreadgroup(GROUP, "host", {STREAM: ">"}, count=BATCH, block=WAIT_MS):
            for _, fields in entries:
                readers[fields[b"content"]](fields[b"data"])
            await redis.xack(STREAM, GROUP, *(entry for entry, _ in entries))
            for _, fields in entries:
                tally.add(fields[b"key"].decode())


async def answer_arrivals(redis: Redis, tally: Tally) -> None:
    """Answers those who ask whether so many events have arrived, once they have; one at a time, as the bench asks."""
    while True:
        _, asked = await redis.blpop(["asked"])
        key, count = asked.decode().split()
        await redis.rpush(f"arrived:{key}", await tally.reached(key, int(count)))


@asynccontextmanager
async def connect(role: str, url: str) -> AsyncIterator[RedisClient]:
    """Plays the role on the server at `url`."""
    # No limit of the client's own on an answer: a read that blocks is as long as it is.
    async with (
        Redis.from_url(url, max_connections=CONNECTIONS, socket_timeout=None) as redis,
        asyncio.TaskGroup() as group,
    ):
        tasks = []
        if role == "host":
            with suppress(ResponseError):  # the group is there already
                await redis.xgroup_create(STREAM, GROUP, mkstream=True)
            tally = Tally()
            tasks = [group.create_task(read_stream(redis, tally)), group.create_task(answer_arrivals(redis, tally))]
        yield RedisClient(redis)
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    run_party(connect)
