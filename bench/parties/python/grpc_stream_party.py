"""The bare gRPC stream's party, and its server (role `serve`), which forwards and does nothing else (harness.py).

Frames as Parley has them: all that waits, cut at 64 KiB. No broker logic: what a transport in Python can do at most.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import grpc.aio
from arrivals import Tally
from bare_pb2 import Frame, Message
from harness import Send, Work, record, record_codec, run_party

SERVICE = "parley.bench.bare.v1.Bare"
FRAME_BYTES = 64 * 1024
ROOM = 1024
"""How many messages may wait to be written before who adds one waits."""
CALL, EVENT, ARRIVALS = 0, 1, 2
CONTENTS = ("json", "protobuf")


class Writer:
    """Writes what waits, in frames."""

    def __init__(self, write: Callable[[Frame], Awaitable[Any]]) -> None:
        self._write = write
        self._waiting: list[Message] = []
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def put(self, messages: list[Message]) -> None:
        """Adds messages."""
        self._waiting += messages
        self._news.set()
        if len(self._waiting) >= ROOM:
            self._room.clear()

    async def room(self) -> None:
        """Returns when few messages wait."""
        await self._room.wait()

    async def run(self) -> None:
        """Writes until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            waiting, self._waiting = self._waiting, []
            self._room.set()
            start = size = 0
            for end, message in enumerate(waiting, 1):
                size += len(message.data)
                if size >= FRAME_BYTES or end == len(waiting):
                    await self._write(Frame(messages=waiting[start:end]))
                    start, size = end, 0


async def serve(address: str) -> None:
    """Forwards every message from the caller to the host and back, until the process ends."""
    writers: dict[str, Writer] = {}

    async def exchange(requests: AsyncIterator[Frame], context: Any) -> None:
        role = dict(context.invocation_metadata())["role"]
        writers[role] = Writer(context.write)
        writing = asyncio.create_task(writers[role].run())
        to = "host" if role == "caller" else "caller"
        try:
            while (frame := await context.read()) is not grpc.aio.EOF:
                writers[to].put(list(frame.messages))
                await writers[to].room()
        finally:
            writing.cancel()

    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(exchange, Frame.FromString, Frame.SerializeToString)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {"Exchange": handler})])
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


class StreamClient:
    """One stream: at a caller it matches replies with calls, at a host it answers and counts."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._last_id = 0
        self._asked: dict[int, asyncio.Future[bytes]] = {}
        self._tally = Tally()
        self._codecs = {content: record_codec(content) for content in CONTENTS}
        self._questions: set[asyncio.Task[None]] = set()
        self.writer = Writer(stream.write)

    def sending(self, work: Work) -> Send:
        """Returns what calls, or sends an event; an event counts as taken in when it waits to be written."""
        message = record(work)
        write, read = self._codecs[work.content]
        key = f"{work.content}.{work.key}"

        async def call() -> None:
            read(await self._ask(CALL, key, write(message)))

        async def publish() -> None:
            self.writer.put([Message(kind=EVENT, key=key, data=write(message))])
            await self.writer.room()

        return call if work.kind == "call" else publish

    async def arrived(self, work: Work, count: int) -> None:
        """Asks the host to answer when it has them all."""
        await self._ask(ARRIVALS, f"{work.content}.{work.key}", b"%d" % count)

    async def prepare(self, work: Work) -> None:
        """Nothing is to be made."""

    async def read_as_caller(self) -> None:
        """Hands replies to those who wait for them."""
        while (frame := await self._stream.read()) is not grpc.aio.EOF:
            for message in frame.messages:
                self._asked.pop(message.id).set_result(message.data)

    async def read_as_host(self) -> None:
        """Answers calls with what they brought, and counts events."""
        while (frame := await self._stream.read()) is not grpc.aio.EOF:
            replies = []
            for message in frame.messages:
                write, read = self._codecs[message.key.partition(".")[0]]
                if message.kind == CALL:
                    replies.append(Message(id=message.id, data=write(read(message.data))))
                elif message.kind == EVENT:
                    read(message.data)
                    self._tally.add(message.key)
                else:
                    question = asyncio.create_task(self._answer(message))
                    self._questions.add(question)
                    question.add_done_callback(self._questions.discard)
            if replies:
                self.writer.put(replies)

    async def _ask(self, kind: int, key: str, data: bytes) -> bytes:
        self._last_id += 1
        answer = self._asked[self._last_id] = asyncio.get_running_loop().create_future()
        self.writer.put([Message(id=self._last_id, kind=kind, key=key, data=data)])
        return await answer

    async def _answer(self, message: Message) -> None:
        reached = await self._tally.reached(message.key, int(message.data))
        self.writer.put([Message(id=message.id, data=b"%d" % reached)])


@asynccontextmanager
async def connect(role: str, url: str) -> AsyncIterator[StreamClient]:
    """Plays the role on the server at `url`."""
    async with grpc.aio.insecure_channel(url) as channel, asyncio.TaskGroup() as group:
        method = channel.stream_stream(f"/{SERVICE}/Exchange", Frame.SerializeToString, Frame.FromString)
        stream = method(metadata=[("role", role)])
        await stream.wait_for_connection()
        client = StreamClient(stream)
        reading = client.read_as_host() if role == "host" else client.read_as_caller()
        tasks = [group.create_task(client.writer.run()), group.create_task(reading)]
        yield client
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    with suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    if sys.argv[1] == "serve":
        asyncio.run(serve(sys.argv[2]))
    else:
        run_party(connect)
