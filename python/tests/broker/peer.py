"""A client on the raw wire: says exactly what it is told to say."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio

from parley_wire.v1 import broker_service_pb2 as wire
from parley_wire.v1 import call_pb2, envelope_pb2

PATIENCE = 20.0
"""How long a test waits for what must come, in seconds."""
CREDIT = 1 << 40


class Ended(Exception):
    """The broker ended the stream."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        super().__init__(f"{code.name}: {text}")
        self.code = code
        self.text = text


class Peer:
    """One stream to a broker; numbers what it sends, and keeps what it receives."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stream: Any = channel.stream_stream("/parley.v1.BrokerService/Connect")()
        self.sent = 0
        self.received = 0
        self.next_id = 1_000_000
        self.inbox: list[wire.Message] = []
        self.credit_messages = 0
        self.credit_bytes = 0
        self.welcome: Any = None

    async def write(self, data: bytes) -> None:
        """Writes bytes as one gRPC message."""
        await self._stream.write(data)

    async def say(self, *messages: wire.Message, first_seq: int | None = None, **fields: Any) -> None:
        """Writes one frame with these messages, numbered unless `first_seq` says otherwise, and a receipt."""
        numbered = [m for m in messages if m.WhichOneof("kind") not in ("hello", "welcome", "heartbeat")]
        first = (self.sent + 1 if numbered else 0) if first_seq is None else first_seq
        self.sent += len(numbered)
        frame = wire.Frame(first_seq=first, messages=messages, **({"received": self.received} | fields))
        await self.write(frame.SerializeToString())

    async def command(self, **kind: Any) -> wire.Message:
        """Says one command with a new id and returns its answer."""
        self.next_id += 1
        message_id = self.next_id
        await self.say(wire.Message(id=message_id, **kind))
        return await self.hear(lambda m: m.re == message_id)

    async def read(self) -> wire.Frame:
        """The next frame.

        Raises:
            Ended: There is none any more.
        """
        data = await asyncio.wait_for(self._stream.read(), PATIENCE)
        if data is grpc.aio.EOF:
            raise Ended(await self._stream.code(), await self._stream.details())
        frame = wire.Frame.FromString(data)
        self.credit_messages = max(self.credit_messages, frame.credit_messages)
        self.credit_bytes = max(self.credit_bytes, frame.credit_bytes)
        number = frame.first_seq
        for message in frame.messages:
            if message.WhichOneof("kind") not in ("hello", "welcome", "heartbeat"):
                assert number == self.received + 1, "the broker left a number out"
                self.received = number
                number += 1
            self.inbox.append(message)
        return frame

    async def hear(self, wanted: Callable[[wire.Message], Any]) -> wire.Message:
        """The first message, heard already or to come, for which `wanted` is true; removed from the inbox."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for index, message in enumerate(self.inbox):
                    if wanted(message):
                        return self.inbox.pop(index)
                await self.read()

    async def hear_kind(self, kind: str) -> wire.Message:
        """The first message of this kind."""
        return await self.hear(lambda m: m.WhichOneof("kind") == kind)

    async def end(self) -> Ended:
        """Reads until the broker ends the stream."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    await self.read()
        except Ended as ended:
            return ended
        except grpc.aio.AioRpcError as error:
            return Ended(error.code(), error.details() or "")

    async def hello(self, credit: int = CREDIT, credit_bytes: int = CREDIT, **fields: Any) -> wire.Message:
        """Begins a session, gives this credit, and returns what the broker answered."""
        hello = {"min_version": 1, "max_version": 1, "producer_id": "test", "instance_id": "test"} | fields
        await self.say(wire.Message(id=1, hello=hello), credit_messages=credit, credit_bytes=credit_bytes)
        answer = await self.hear(lambda m: m.re == 1)
        self.welcome = answer.welcome
        return answer

    async def resume(self, older: Peer, **fields: Any) -> wire.Message:
        """Asks for the session of a connection that broke, and returns what the broker answered."""
        self.sent, self.received, self.next_id = older.sent, older.received, older.next_id
        resume = {
            "session_id": older.welcome.session_id,
            "resume_token": older.welcome.resume_token,
            "received": older.received,
        }
        return await self.hello(resume=resume | fields)

    async def register(self, agent_type: str, **fields: Any) -> wire.Message:
        """Hosts an agent type."""
        answer = await self.command(register_agent_type={"type": agent_type} | fields)
        assert answer.WhichOneof("kind") == "done", answer
        return answer

    async def half_close(self) -> None:
        """Says that nothing more will be said."""
        await self._stream.done_writing()

    async def close(self) -> None:
        """Breaks the stream."""
        self._stream.cancel()


def agent(text: str) -> envelope_pb2.AgentId:
    """`type/key` as an agent id."""
    agent_type, _, key = text.partition("/")
    return envelope_pb2.AgentId(type=agent_type, key=key)


def topic(text: str) -> envelope_pb2.TopicId:
    """`type/source` as a topic id."""
    topic_type, _, source = text.partition("/")
    return envelope_pb2.TopicId(type=topic_type, source=source)


def request(target: str, envelope: bytes = b"?", **fields: Any) -> call_pb2.Request:
    """A request to `type/key`."""
    return call_pb2.Request(target=agent(target), envelope=envelope, **fields)


def message(message_id: int = 0, re: int = 0, **kind: Any) -> wire.Message:
    """A message of one kind."""
    return wire.Message(id=message_id, re=re, **kind)


@contextlib.asynccontextmanager
async def connected(address: str) -> AsyncIterator[Callable[[], Peer]]:
    """Opens streams to the broker at `address`, each on a connection of its own."""
    channels: list[grpc.aio.Channel] = []

    def open_peer() -> Peer:
        options = (
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_receive_message_length", 65 << 20),
            ("grpc.max_send_message_length", 80 << 20),
        )
        channels.append(grpc.aio.insecure_channel(address, options=options))
        return Peer(channels[-1])

    try:
        yield open_peer
    finally:
        for channel in channels:
            await channel.close()
