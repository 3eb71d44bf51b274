"""The scripted peer: a client of the broker made of gRPC and generated messages alone.

It shares no code with any SDK, so that it can also say what no SDK says. What every client has to do is done unless a
case switches it off: messages are numbered, receipts and heartbeats sent, Activate answered. What the broker writes is
checked as it comes: numbers without gaps (SES-7), answers only to what was asked (MSG-3), error flags (ERR-2).
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import grpc
import grpc.aio

from parley_conformance import spec, wire
from parley_conformance.inbox import WITHIN_MS, Inbox, short
from parley_conformance.journal import Journal
from parley_conformance.model import Failed
from parley_conformance.proxy import END_OF_STREAM
from parley_conformance.watch import UNNUMBERED, Watch, kind_of
from parley_wire.v1 import broker_service_pb2 as pb
from parley_wire.v1 import errors_pb2

_MANY = 100
_CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", 65 * 1024 * 1024),
    ("grpc.max_send_message_length", 65 * 1024 * 1024),
    # Each peer is a process of its own as far as the broker can see.
    ("grpc.use_local_subchannel_pool", 1),
    # A proxy of the environment is not for loopback.
    ("grpc.enable_http_proxy", 0),
]


@dataclass(frozen=True)
class Habits:
    """What a peer does by itself.

    Attributes:
        heartbeats: Sends heartbeats, and answers those with an id.
        activates: Answers Activate with Done.
        credit_messages: Deliveries and root requests that the broker may send in all, from the start.
        credit_bytes: The same in bytes of envelopes.
        receipts: Says what it has received.
        greedy: Sends covered messages without asking whether there is credit.
        any_reason: Takes errors with reasons that the contract does not have: another client made them.
    """

    heartbeats: bool = True
    activates: bool = True
    credit_messages: int = 1_000_000
    credit_bytes: int = 1 << 40
    receipts: bool = True
    greedy: bool = False
    any_reason: bool = False


class Peer(Inbox):
    """The scripted peer, one connection at a time; see the module. Made by `connect`.

    Attributes:
        older: The connection that the newest one took the place of.
    """

    def __init__(self, name: str, habits: Habits, contract: spec.Spec, journal: Journal) -> None:
        super().__init__(name)
        self.habits = habits
        self.welcome: dict[str, Any] = {}
        self.journal = journal
        self.tally: Counter[str] | None = None
        self.writable = True
        self._parted = False
        self._watch = Watch(name, contract.reasons, any_reason=habits.any_reason)
        self._ids = itertools.count(1)
        self._greeting = 0
        self._reading = asyncio.Event()
        self._reading.set()
        self._writing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self.older: Inbox | None = None
        self._reasons = contract.reasons
        self._kept: dict[int, pb.Message] = {}
        self._past: list[Failed] = []
        self._channels: list[grpc.aio.Channel] = []
        self._stream: Any = None
        self._seat = journal.tape.seat(name)
        self._tape("begin", 0, habits.any_reason)

    @classmethod
    async def connect(cls, address: str, name: str, habits: Habits, contract: spec.Spec, journal: Journal) -> Peer:
        """Opens a stream to the broker at `grpc://HOST:PORT`; nothing is said on it yet."""
        peer = cls(name, habits, contract, journal)
        peer.dial(address)
        return peer

    def dial(self, address: str) -> None:
        """Opens another stream, which takes the place of the one that was; nothing is said on it yet."""
        channel = grpc.aio.insecure_channel(address.removeprefix("grpc://"), options=_CHANNEL_OPTIONS)
        connect = channel.stream_stream(
            wire.CONNECT, request_serializer=_serialize, response_deserializer=pb.Frame.FromString
        )
        self._channels.append(channel)
        if self._stream is not None:
            self.older = Inbox(f"{self.name}'s older connection")
            if self._end is not None:
                self.older.end(*self._end)
        self.reopen()
        self._parted, self.writable = False, True
        self._stream = connect(None)
        self._tasks.append(asyncio.create_task(self._read(self._stream), name=f"{self.name}: read"))

    # -- saying ---------------------------------------------------------------------------------------------------

    async def hello(self, **fields: Any) -> dict[str, Any]:
        """Says Hello with the first credit; returns the answer, a Welcome or an Error (plain)."""
        defaults = {
            "min_version": 1,
            "max_version": 1,
            "instance_id": self.name,
            "producer_id": f"producer-{self.name}",
            "sdk_name": "parley-conformance",
            "sdk_language": "raw",
            "sdk_version": "1",
            "kinds": wire.ALL_KINDS,
        }
        identity = self._greeting = next(self._ids)
        await self.write({"id": identity, "hello": {**defaults, **fields}}, credit=True)
        answer = await self.answer_to(identity)
        if "welcome" in answer:
            self.welcome = answer["welcome"]
            if self.habits.heartbeats:
                self._tasks.append(asyncio.create_task(self._beat(), name=f"{self.name}: beat"))
        return answer

    @property
    def _receipt(self) -> int:
        return self._watch.received if self.habits.receipts else 0

    async def resume(self, address: str, **fields: Any) -> dict[str, Any]:
        """Dials again and wants its session back; sends again what the broker had not received.

        Args:
            address: The broker's.
            fields: Of Hello; those of `resume` replace what the peer knows (session_id, resume_token, received).

        Returns:
            The answer, a Welcome or an Error; after a Welcome without `resumed` the peer has a new session.
        """
        known = {key: self.welcome.get(key, "") for key in ("session_id", "resume_token")}
        wanted = {**known, "received": self._watch.received, **fields.pop("resume", {})}
        self._watch.goes_back(wanted["received"])
        self._tape("goes_back", wanted["received"])
        self.dial(address)
        answer = await self.hello(**fields, resume=wanted)
        welcome = answer.get("welcome", {})
        again = sorted(number for number in self._kept if number > welcome.get("received", 0))
        if welcome.get("resumed") and again:
            frame = pb.Frame(received=self._receipt, first_seq=again[0])
            frame.messages.extend(self._kept[number] for number in again)
            self._note_all("->", frame.messages)
            self._tape("again", frame=frame)
            async with self._writing:
                await self._put_on_wire(frame)
        return answer

    async def cut(self) -> None:
        """Breaks the connection off, without Goodbye; it can be resumed."""
        self._stream.cancel()
        await self.ended()

    async def send(self, plain: Mapping[str, Any]) -> int:
        """Sends one message as it stands; returns its id (0: none)."""
        await self.write(plain)
        return int(plain.get("id", 0))

    async def ask(self, plain: Mapping[str, Any], within_ms: int = WITHIN_MS) -> dict[str, Any]:
        """Sends a command with a fresh id and waits for its answer."""
        return await self.answer_to(await self.start(plain), within_ms)

    async def start(self, plain: Mapping[str, Any]) -> int:
        """Sends a command with a fresh id and returns the id at once."""
        return await self.send({**plain, "id": next(self._ids)})

    async def do(self, plain: Mapping[str, Any]) -> dict[str, Any]:
        """Sends a command that must be carried out.

        Raises:
            Failed: The answer is an error.
        """
        answer = await self.ask(plain)
        if "error" in answer:
            raise Failed(f"{self.name}: {next(iter(plain))} was refused: {answer['error']}")
        return answer

    async def write(self, *plains: Mapping[str, Any], first_seq: int | None = None, credit: bool = False) -> None:
        """Writes one frame with these messages.

        Args:
            plains: Messages as plain data.
            first_seq: Instead of the right number.
            credit: Say again what the broker may send in all.
        """
        built = [wire.message(plain) for plain in plains]
        for message in built:
            await self._room_for(message)
        frame = pb.Frame(received=self._receipt, messages=built, first_seq=first_seq or 0)
        if credit:
            frame.credit_messages, frame.credit_bytes = self.habits.credit_messages, self.habits.credit_bytes
        await self._write(frame)

    async def write_many(self, messages: list[pb.Message]) -> None:
        """Writes one frame with many commands, quickly and without asking for credit.

        Their answers are best counted: set `tally` to a Counter before. Its keys are the kinds of the answers, for
        errors the reason.
        """
        self._note("->", f"{len(messages)} messages like {short(wire.plain(messages[0]))}")
        await self._write(pb.Frame(received=self._receipt, messages=messages))

    async def tallied(self, number: int, within_ms: int) -> Counter[str]:
        """Waits until that many answers were counted, or the connection ended."""
        assert self.tally is not None
        tally = self.tally
        if not await self.wait(lambda: tally.total() >= number, within_ms) and self.connected:
            raise Failed(f"{self.name}: {tally.total()} of {number} answers within {within_ms} ms")
        return tally

    async def write_bytes(self, data: bytes) -> None:
        """Writes bytes where a frame belongs."""
        self._note("->", f"{len(data)} bytes that are no frame")
        await self._write(data)

    @property
    def credit_messages(self) -> int:
        """Covered messages that this peer may send in all, as the broker said last."""
        return self._watch.credit_messages

    @property
    def sent(self) -> int:
        """The number of the last message that was written."""
        return self._watch.sent

    @property
    def acknowledged(self) -> int:
        """The highest number that the broker says it has received (SES-8)."""
        return self._watch.acknowledged

    @property
    def heartbeats(self) -> int:
        """How many heartbeats the broker sent by itself."""
        return self._watch.heartbeats

    def take_number(self) -> int:
        """The next sequence number, for a message that `write_bytes` writes."""
        self._tape("take_number")
        return self._watch.take_number()

    def expect_answer(self, identity: int) -> None:
        """An answer to this id will be legal: for a message that `write_bytes` writes."""
        self._tape("expect_answer", identity)
        self._watch.expect_answer(identity)

    async def grant(self, messages: int, size: int) -> None:
        """Raises the credit of the broker to these totals."""
        await self._write(pb.Frame(received=self._receipt, credit_messages=messages, credit_bytes=size))

    async def half_close(self) -> None:
        """Says that nothing more will be written."""
        self._parted = True
        await self._stream.done_writing()

    def mute(self) -> None:
        """Sends and answers no more heartbeats."""
        self.habits = replace(self.habits, heartbeats=False)

    def deafen(self) -> None:
        """Stops reading: what the broker writes piles up on its side."""
        self._reading.clear()

    def hear(self) -> None:
        """Goes on reading."""
        self._reading.set()

    async def close(self) -> None:
        """Cuts the connection; harmless when it has ended."""
        for task in self._tasks:
            task.cancel()
        if self._stream is not None:
            self._stream.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for channel in self._channels:
            await channel.close(None)

    # -- what it knows --------------------------------------------------------------------------------------------

    @property
    def violations(self) -> list[Failed]:
        """The rules that the broker broke towards this peer."""
        return [*self._past, *self._watch.violations]

    @property
    def answering(self) -> bool:
        """True while it can be asked to prove that its session works: greeted, connected, reading, not parted."""
        return bool(self.welcome) and self.connected and self._reading.is_set() and not self._parted

    async def fence(self) -> None:
        """Makes sure that what the broker wrote to this peer before now was read, and that it still answers."""
        if self.answering:
            await self.ask({"heartbeat": {}})

    async def prove(self) -> None:
        """Proves that the session still works: a command is answered, and a bad one is refused by name."""
        await self.fence()
        await self.do({"list_subscriptions": {}})

    # -- inside ---------------------------------------------------------------------------------------------------

    async def _room_for(self, message: pb.Message) -> None:
        while not self.habits.greedy and not self._watch.may_send(message) and self.connected:
            await self.wait(lambda: self._watch.may_send(message), WITHIN_MS)

    async def _write(self, frame: pb.Frame | bytes) -> None:
        # gRPC takes one write at a time, and the numbers must be in the order written.
        async with self._writing:
            if isinstance(frame, pb.Frame):
                for message in frame.messages:
                    self._watch.said(message)
                    if kind_of(message) not in UNNUMBERED:
                        self._kept[self._watch.sent] = message
                    self._parted |= kind_of(message) == "goodbye"
                frame.first_seq = frame.first_seq or self._watch.first_seq(frame)
                self._tape("wrote", frame=frame)
                if len(frame.messages) < _MANY:
                    self._note_all("->", frame.messages)
            await self._put_on_wire(frame)

    async def _put_on_wire(self, frame: pb.Frame | bytes) -> None:
        try:
            await self._stream.write(frame)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError, grpc.aio.UsageError):
            self.writable = False
            self._note("--", "not written: the connection has ended")

    def _note_all(self, direction: str, messages: Iterable[pb.Message]) -> None:
        for message in messages:
            if kind_of(message) != "heartbeat" or message.id or message.re:
                self._note(direction, short(wire.plain(message)))

    async def _beat(self) -> None:
        interval = int(self.welcome.get("heartbeat_interval_ms") or 5_000)
        while self.connected:
            await asyncio.sleep(interval / 2_000)
            if not self.habits.heartbeats:
                return
            await self.write({"heartbeat": {}})

    async def _read(self, stream: Any) -> None:
        status_name, text = "UNKNOWN", "the peer's reader failed"
        try:
            while True:
                await self._reading.wait()
                frame = await stream.read()
                if frame is END_OF_STREAM:
                    break
                if stream is self._stream:
                    await self._frame(frame)
            status_name, text = (await stream.code()).name, (await stream.details()) or ""
        except grpc.aio.AioRpcError as error:
            status_name, text = error.code().name, error.details() or ""
        except asyncio.CancelledError:
            status_name, text = "CANCELLED", "by the peer itself"
            if not stream.cancelled():
                raise
        finally:
            ended = self if stream is self._stream else self.older
            assert ended is not None
            status_name, text = ended.end(status_name, text)
            self._note("--", f"ended: {status_name} {text}")

    async def _frame(self, frame: pb.Frame) -> None:
        if any(kind_of(message) == "welcome" and not message.welcome.resumed for message in frame.messages):
            self._begin()
        self._tape("read", frame=frame)
        self._watch.heard_frame(frame)
        for number in [number for number in self._kept if number <= frame.received]:
            del self._kept[number]
        for message in frame.messages:
            self._watch.heard(message)
            if self.tally is not None and message.re:
                self.tally[_tally_key(message)] += 1
            else:
                await self._message(message, kind_of(message))
        self.wake()

    def _begin(self) -> None:
        """A new session: numbers and credit begin anew, and nothing of the one before is outstanding but Hello."""
        if not self.welcome:
            return
        self._past += self._watch.violations
        self._watch = Watch(self.name, self._reasons, any_reason=self.habits.any_reason)
        self._watch.expect_answer(self._greeting)
        self._tape("begin", self._greeting, self.habits.any_reason)
        self._kept.clear()

    async def _message(self, message: pb.Message, kind: str) -> None:
        self._note_all("<-", [message])
        beat = kind == "heartbeat" and not message.re
        if beat and message.id and self.habits.heartbeats:
            await self.write({"re": message.id, "heartbeat": {}})
        if kind == "activate" and self.habits.activates:
            await self.write({"re": message.id, "done": {}})
        if not beat:
            self.put(wire.plain(message))

    def _note(self, direction: str, text: str) -> None:
        self.journal.note(self.name, direction, text)

    def _tape(self, op: str, *values: int, frame: pb.Frame | None = None) -> None:
        self.journal.tape.note(self._seat, len(self._channels), op, *values, frame=frame)


def _serialize(frame: pb.Frame | bytes) -> bytes:
    return frame if isinstance(frame, bytes) else frame.SerializeToString()


def _tally_key(message: pb.Message) -> str:
    kind = kind_of(message)
    return errors_pb2.ErrorReason.Name(message.error.reason).removeprefix("ERROR_REASON_") if kind == "error" else kind
