"""A broker whose every word a test writes: raw frames over gRPC, no logic of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from parley_wire.v1 import broker_service_pb2, session_pb2

Message = broker_service_pb2.Message
Frame = broker_service_pb2.Frame

ALL_KINDS = [field.number for field in Message.DESCRIPTOR.oneofs_by_name["kind"].fields]
PATIENCE = 5.0  # seconds, for whatever the SDK is expected to do


class Ended(Exception):
    """Raised in the servicer to end the stream."""

    def __init__(self, code: grpc.StatusCode | None, text: str) -> None:
        self.code = code
        self.text = text


class Peer:
    """One connection of an SDK, seen from the broker's side."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[Message | None] = asyncio.Queue()
        self.outgoing: asyncio.Queue[bytes | Ended] = asyncio.Queue()
        self.frames: list[Frame] = []
        self.hello = Message()
        self.seq = 0
        self.sent: list[Message] = []  # numbered ones
        self.received = 0
        self.receipt = 0  # what the SDK says that it has
        self.numbers: list[int] = []  # of what came
        self.credit = (0, 0)  # what the SDK has granted
        self.heartbeats = 0
        self.answer_heartbeats = True
        self.closed = asyncio.Event()

    async def next(self) -> Message:
        """The next message of the SDK; heartbeats are answered and not shown."""
        message = await asyncio.wait_for(self.incoming.get(), PATIENCE)
        assert message is not None, "the SDK closed its side"
        return message

    async def expect(self, kind: str) -> Message:
        """The next message, which must be of this kind."""
        message = await self.next()
        assert message.WhichOneof("kind") == kind, f"expected {kind}, got {message}"
        return message

    async def silent(self) -> bool:
        """True if nothing has come: asked after a causal round trip through a heartbeat with an id."""
        await self.fence()
        return self.incoming.empty()

    async def fence(self) -> None:
        """Returns once the SDK has handled everything sent so far."""
        self.fenced = asyncio.Event()
        self.send(Message(id=2**40, heartbeat=session_pb2.Heartbeat()), numbered=False)
        await asyncio.wait_for(self.fenced.wait(), PATIENCE)

    def send(self, *messages: Message, numbered: bool = True, credit: tuple[int, int] = (0, 0)) -> None:
        """Writes one frame."""
        frame = Frame(received=self.received, credit_messages=credit[0], credit_bytes=credit[1], messages=messages)
        if numbered and messages:
            frame.first_seq = self.seq + 1
            self.seq += len(messages)
            self.sent += messages
        self.outgoing.put_nowait(frame.SerializeToString())

    def take_over(self, before: Peer, received: int | None = None) -> None:
        """Resumes the session of another connection, of which the first `received` messages came; default: all."""
        self.received = before.received if received is None else received
        self.seq, self.sent = before.seq, before.sent
        self.welcome(resumed=True, received=self.received)
        lacking = self.hello.hello.resume.received
        if lacking < self.seq:
            again = self.sent[lacking:]
            frame = Frame(first_seq=lacking + 1, received=self.received, messages=again)
            self.outgoing.put_nowait(frame.SerializeToString())

    def send_raw(self, data: bytes) -> None:
        """Writes bytes that may be no frame."""
        self.outgoing.put_nowait(data)

    def done(self, command: Message) -> None:
        """Answers a command with Done."""
        self.send(Message(re=command.id, done=broker_service_pb2.Done()))

    def end(self, code: grpc.StatusCode | None = None, text: str = "") -> None:
        """Ends the stream."""
        self.outgoing.put_nowait(Ended(code, text))

    def welcome(self, *, credit: tuple[int, int] = (1000, 2**24), **fields: Any) -> None:
        """Answers Hello."""
        known: dict[str, Any] = {
            "version": 1,
            "session_id": "s-1",
            "resume_token": b"secret",
            "incarnation": "i-1",
            "session_grace_ms": 0,
            "heartbeat_interval_ms": 5000,
            "suspect_limit_ms": 60000,
            "kinds": ALL_KINDS,
            "limits": session_pb2.Limits(max_envelope_bytes=2**20, max_call_timeout_ms=3_600_000),
            "broker_name": "scripted",
        }
        welcome = session_pb2.Welcome(**{**known, **fields})
        self.send(Message(re=self.hello.id, welcome=welcome), numbered=False, credit=credit)

    async def _read(self, requests: AsyncIterator[bytes]) -> None:
        async for data in requests:
            frame = Frame.FromString(data)
            self.frames.append(frame)
            self.credit = (max(self.credit[0], frame.credit_messages), max(self.credit[1], frame.credit_bytes))
            self.receipt = max(self.receipt, frame.received)
            number = frame.first_seq
            for message in frame.messages:
                kind = message.WhichOneof("kind")
                if kind == "heartbeat":
                    self._heartbeat(message)
                    continue
                if kind != "hello":
                    self.numbers.append(number)
                    self.received = max(self.received, number)
                    number += 1
                self.incoming.put_nowait(message)
        self.incoming.put_nowait(None)

    def _heartbeat(self, message: Message) -> None:
        self.heartbeats += 1
        if message.re:
            self.fenced.set()
        elif message.id and self.answer_heartbeats:
            self.send(Message(re=message.id, heartbeat=session_pb2.Heartbeat()), numbered=False)


class ScriptedBroker:
    """A gRPC server that hands each connection to the test as a Peer."""

    def __init__(self) -> None:
        self.url = ""
        self.peers: asyncio.Queue[Peer] = asyncio.Queue()

    async def accept(self) -> Peer:
        """The next connection, its Hello read and not yet answered."""
        peer = await asyncio.wait_for(self.peers.get(), PATIENCE)
        peer.hello = await peer.expect("hello")
        return peer

    async def _connect(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        peer = Peer()
        self.peers.put_nowait(peer)
        reading = asyncio.ensure_future(peer._read(requests))
        try:
            while True:
                item = await peer.outgoing.get()
                if isinstance(item, Ended):
                    if item.code is not None:
                        await context.abort(item.code, item.text)
                    return
                yield item
        finally:
            reading.cancel()
            peer.closed.set()


@asynccontextmanager
async def scripted_broker() -> AsyncIterator[ScriptedBroker]:
    """A scripted broker that listens on a free port."""
    broker = ScriptedBroker()
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 65 << 20), ("grpc.so_reuseport", 0)])
    handler = grpc.stream_stream_rpc_method_handler(broker._connect)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("parley.v1.BrokerService", {"Connect": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    broker.url = f"grpc://127.0.0.1:{port}"
    await server.start()
    try:
        yield broker
    finally:
        await server.stop(None)
