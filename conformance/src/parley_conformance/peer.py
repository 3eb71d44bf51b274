"""The scripted peer: a client of the broker made of gRPC and generated messages alone.

It shares no code with any SDK, so that it can also say what no SDK says. What every client has to do is done unless
a case switches it off: messages are numbered, receipts and heartbeats sent, Activate answered. What the broker writes is
checked as it comes: numbers without gaps (SES-7), answers only to what was asked (MSG-3), error flags (ERR-2).
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from parley_conformance import matching, spec, wire
from parley_conformance.journal import Journal, shortened
from parley_conformance.model import Failed
from parley_wire.v1 import broker_service_pb2 as pb
from parley_wire.v1 import errors_pb2

METHOD = "/parley.v1.BrokerService/Connect"
WITHIN_MS = 5_000
_UNNUMBERED = frozenset({"hello", "welcome", "heartbeat"})
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
        greedy: Sends covered messages without asking whether there is credit.
    """

    heartbeats: bool = True
    activates: bool = True
    credit_messages: int = 1_000_000
    credit_bytes: int = 1 << 40
    greedy: bool = False


@dataclass
class _Credit:
    messages: int = 0
    bytes: int = 0
    used_messages: int = 0
    used_bytes: int = 0
    grown: asyncio.Event = field(default_factory=asyncio.Event)


class Peer:
    """One connection of the scripted peer; see the module. Made by `connect`."""

    def __init__(self, name: str, habits: Habits, contract: spec.Spec, journal: Journal) -> None:
        self.name = name
        self.habits = habits
        self.welcome: dict[str, Any] = {}
        self.journal = journal
        self.violations: list[Failed] = []
        self.received = 0
        self.tally: Counter[str] | None = None
        self.writable = True
        self._reasons = contract.reasons
        self._ids = itertools.count(1)
        self._asked: set[int] = set()
        self._sent = 0
        self._credit = _Credit()
        self._inbox: list[dict[str, Any]] = []
        self._arrived = asyncio.Event()
        self._end: tuple[str, str] | None = None
        self._reading = asyncio.Event()
        self._reading.set()
        self._tasks: list[asyncio.Task[None]] = []
        self._channel: grpc.aio.Channel | None = None
        self._stream: Any = None

    @classmethod
    async def connect(cls, address: str, name: str, habits: Habits, contract: spec.Spec, journal: Journal) -> Peer:
        """Opens a stream to the broker at `grpc://HOST:PORT`; nothing is said on it yet."""
        peer = cls(name, habits, contract, journal)
        peer._channel = grpc.aio.insecure_channel(address.removeprefix("grpc://"), options=_CHANNEL_OPTIONS)
        connect = peer._channel.stream_stream(
            METHOD, request_serializer=_serialize, response_deserializer=pb.Frame.FromString
        )
        peer._stream = connect()
        peer._tasks.append(asyncio.create_task(peer._read(), name=f"{name}: read"))
        return peer

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
        identity = next(self._ids)
        await self.write({"id": identity, "hello": {**defaults, **fields}}, credit=True)
        answer = await self.answer_to(identity)
        if "welcome" in answer:
            self.welcome = answer["welcome"]
            if self.habits.heartbeats:
                self._tasks.append(asyncio.create_task(self._beat(), name=f"{self.name}: beat"))
        return answer

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
        frame = pb.Frame(received=self.received)
        if credit:
            frame.credit_messages, frame.credit_bytes = self.habits.credit_messages, self.habits.credit_bytes
        for plain in plains:
            message = frame.messages.add()
            wire.fill(message, plain)
            await self._before(message)
        if first_seq is not None:
            frame.first_seq = first_seq
        await self._write(frame)

    async def write_many(self, messages: list[pb.Message]) -> None:
        """Writes one frame with many commands, quickly and without asking for credit.

        Their answers are best counted: set `tally` to a Counter before. Its keys are the kinds of the answers, for
        errors the reason.
        """
        self._sent += len(messages)
        self._asked.update(message.id for message in messages if message.id)
        self._note("->", f"{len(messages)} messages like {_short(wire.plain(messages[0]))}")
        await self._write(pb.Frame(received=self.received, messages=messages))

    async def tallied(self, number: int, within_ms: int) -> Counter[str]:
        """Waits until that many answers were counted, or the connection ended."""
        assert self.tally is not None
        try:
            async with asyncio.timeout(within_ms / 1000):
                while self.tally.total() < number and self.connected:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            raise Failed(f"{self.name}: {self.tally.total()} of {number} answers within {within_ms} ms") from None
        return self.tally

    async def write_bytes(self, data: bytes) -> None:
        """Writes bytes where a frame belongs."""
        self._note("->", f"{len(data)} bytes that are no frame")
        await self._write(data)

    @property
    def credit_messages(self) -> int:
        """Covered messages that this peer may send in all, as the broker said last."""
        return self._credit.messages

    def take_number(self) -> int:
        """The next sequence number, for a message that `write_bytes` writes."""
        self._sent += 1
        return self._sent

    def expect_answer(self, identity: int) -> None:
        """An answer to this id will be legal: for a message that `write_bytes` writes."""
        self._asked.add(identity)

    async def grant(self, messages: int, size: int) -> None:
        """Raises the credit of the broker to these totals."""
        await self._write(pb.Frame(received=self.received, credit_messages=messages, credit_bytes=size))

    async def half_close(self) -> None:
        """Says that nothing more will be written."""
        await self._stream.done_writing()

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
        if self._channel is not None:
            await self._channel.close()

    # -- hearing --------------------------------------------------------------------------------------------------

    async def get(self, expected: Mapping[str, Any], within_ms: int = WITHIN_MS) -> dict[str, Any]:
        """Takes the first message out of the inbox that has what is expected; waits for it.

        Raises:
            Failed: None came in time, or the connection ended first.
        """
        found = await self._take(expected, within_ms)
        if found is not None:
            return found
        ended = f"; the connection ended: {self._end[0]} {self._end[1]!r}" if self._end else ""
        waiting = "; there were: " + "; ".join(_short(m) for m in self._inbox[:5]) if self._inbox else "; nothing was there"
        raise Failed(f"{self.name}: expected {dict(expected)!r} within {within_ms} ms{waiting}{ended}")

    async def look(self, expected: Mapping[str, Any], within_ms: int) -> dict[str, Any] | None:
        """As `get`, but None if no such message came in time."""
        return await self._take(expected, within_ms)

    async def answer_to(self, identity: int, within_ms: int = WITHIN_MS) -> dict[str, Any]:
        """Waits for the answer to the message with this id."""
        return await self.get({"re": identity}, within_ms)

    def has(self, expected: Mapping[str, Any]) -> bool:
        """True if such a message is in the inbox now."""
        return any(matching.matches(expected, m) for m in self._inbox)

    def count(self, expected: Mapping[str, Any]) -> int:
        """How many such messages are in the inbox now."""
        return sum(matching.matches(expected, m) for m in self._inbox)

    async def ended(self, within_ms: int = WITHIN_MS) -> tuple[str, str]:
        """Waits for the end of the connection: gRPC status name and text.

        Raises:
            Failed: It did not end in time.
        """
        try:
            async with asyncio.timeout(within_ms / 1000):
                while self._end is None:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            raise Failed(f"{self.name}: the broker did not end the connection within {within_ms} ms") from None
        return self._end

    @property
    def connected(self) -> bool:
        """True while the stream has not ended."""
        return self._end is None

    @property
    def listening(self) -> bool:
        """False after `deafen`."""
        return self._reading.is_set()

    async def fence(self) -> None:
        """Makes sure that what the broker wrote to this peer before now was read, and that it still answers."""
        if self.connected and self.listening:
            await self.ask({"heartbeat": {}})

    async def prove(self) -> None:
        """Proves that the session still works: a command is answered, and a bad one is refused by name."""
        await self.fence()
        await self.do({"list_subscriptions": {}})

    # -- inside ---------------------------------------------------------------------------------------------------

    @property
    def arrived(self) -> asyncio.Event:
        """Set whenever something came, or the connection ended."""
        return self._arrived

    def take_now(self, expected: Mapping[str, Any]) -> dict[str, Any] | None:
        """Takes such a message out of the inbox if it is there."""
        # Answers are looked up by the thousand: compare their `re` before anything else.
        answered = expected.get("re")
        for index, message in enumerate(self._inbox):
            if (answered is None or message.get("re") == answered) and matching.matches(expected, message):
                return self._inbox.pop(index)
        return None

    async def _take(self, expected: Mapping[str, Any], within_ms: int) -> dict[str, Any] | None:
        deadline = asyncio.get_running_loop().time() + within_ms / 1000
        while True:
            self._arrived.clear()
            found = self.take_now(expected)
            remaining = deadline - asyncio.get_running_loop().time()
            if found is not None or self._end is not None or remaining <= 0:
                return found
            try:
                await asyncio.wait_for(self._arrived.wait(), remaining)
            except TimeoutError:
                return self.take_now(expected)

    async def _before(self, message: pb.Message) -> None:
        kind = message.WhichOneof("kind") or "(unknown kind)"
        if kind not in _UNNUMBERED:
            self._sent += 1
        if message.id and kind != "(unknown kind)":
            self._asked.add(message.id)
        size = _covered_size(message)
        if size is not None:
            while not self.habits.greedy and not self._has_credit() and self.connected:
                self._credit.grown.clear()
                await self._credit.grown.wait()
            self._credit.used_messages += 1
            self._credit.used_bytes += size
        self._note("->", _short(wire.plain(message)))

    def _has_credit(self) -> bool:
        credit = self._credit
        return credit.used_messages < credit.messages and credit.used_bytes < credit.bytes

    async def _write(self, frame: pb.Frame | bytes) -> None:
        if isinstance(frame, pb.Frame) and not frame.first_seq:
            numbered = sum(m.WhichOneof("kind") not in _UNNUMBERED for m in frame.messages)
            frame.first_seq = self._sent - numbered + 1 if numbered else 0
        try:
            await self._stream.write(frame)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError, grpc.aio.UsageError):
            self.writable = False
            self._note("--", "not written: the connection has ended")

    async def _beat(self) -> None:
        interval = int(self.welcome.get("heartbeat_interval_ms") or 5_000)
        while self.connected:
            await asyncio.sleep(interval / 2_000)
            await self._write(pb.Frame(received=self.received, messages=[wire.message({"heartbeat": {}})]))

    async def _read(self) -> None:
        try:
            while True:
                await self._reading.wait()
                frame = await self._stream.read()
                if frame is grpc.aio.EOF:
                    break
                await self._frame(frame)
            status = await self._stream.code()
            self._end = (status.name, (await self._stream.details()) or "")
        except grpc.aio.AioRpcError as error:
            self._end = (error.code().name, error.details() or "")
        except asyncio.CancelledError:
            self._end = ("CANCELLED", "by the peer itself")
            raise
        finally:
            self._end = self._end or ("UNKNOWN", "the peer's reader failed")
            self._note("--", f"ended: {self._end[0]} {self._end[1]}")
            self._arrived.set()
            self._credit.grown.set()

    async def _frame(self, frame: pb.Frame) -> None:
        if frame.credit_messages or frame.credit_bytes:
            credit = self._credit
            if (frame.credit_messages or credit.messages) < credit.messages:
                self._violation(f"credit_messages fell from {credit.messages} to {frame.credit_messages}", "FLOW-1")
            credit.messages = frame.credit_messages or credit.messages
            credit.bytes = frame.credit_bytes or credit.bytes
            credit.grown.set()
        if frame.received > self._sent:
            self._violation(f"received {frame.received}, but only {self._sent} were sent", "SES-8")
        number = frame.first_seq
        for message in frame.messages:
            kind = message.WhichOneof("kind")
            # Without a session, before Welcome, nothing is numbered: the answer to a refused Hello.
            if kind not in _UNNUMBERED and (self.welcome or number):
                if number != self.received + 1:
                    self._violation(f"number {number} where {self.received + 1} was due", "SES-7")
                self.received = number
                number += 1
            await self._message(message, kind or "(unknown kind)")
        self._arrived.set()

    async def _message(self, message: pb.Message, kind: str) -> None:
        if self.tally is not None and message.re:
            self.tally[_tally_key(message, kind)] += 1
            self._asked.discard(message.re)
            return
        told = wire.plain(message)
        self._note("<-", _short(told))
        if message.re:
            if message.re not in self._asked:
                self._violation(f"an answer to {message.re}, which nothing outstanding has: {_short(told)}", "MSG-3")
            self._asked.discard(message.re)
        if kind == "error":
            self._check_flags(told["error"])
        if kind == "heartbeat" and not message.re:
            if message.id and self.habits.heartbeats:
                await self._write(pb.Frame(received=self.received, messages=[wire.message({"re": message.id, "heartbeat": {}})]))
            return
        if kind == "activate" and self.habits.activates:
            await self.write({"re": message.id, "done": {}})
        self._inbox.append(told)

    def _check_flags(self, error: dict[str, Any]) -> None:
        reason = error.get("reason", "")
        allowed = self._reasons.get(str(reason))
        if allowed is None:
            self._violation(f"an error with a reason that the contract does not have: {error}", "ERR-1")
        elif error.get("retryable", False) not in allowed.retryable or error.get("may_have_run", False) not in allowed.may_have_run:
            self._violation(f"{reason} with flags that its row does not allow: {error}", "ERR-2")
        elif not error.get("message"):
            self._violation(f"{reason} without a text", "ERR-1")

    def _violation(self, text: str, rule: str) -> None:
        self._note("!!", f"{rule}: {text}")
        self.violations.append(Failed(f"{self.name}: {text}", rule=rule, party="broker"))

    def _note(self, direction: str, text: str) -> None:
        self.journal.note(self.name, direction, text)


async def first_of(
    peers: Mapping[str, Peer], expected: Mapping[str, Any], within_ms: int = WITHIN_MS
) -> tuple[str, dict[str, Any]]:
    """Takes the first such message that any of these peers gets; tells which peer, by its key.

    Raises:
        Failed: None got one in time.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_ms / 1000
    while True:
        for peer in peers.values():
            peer.arrived.clear()
        for name, peer in peers.items():
            if (found := peer.take_now(expected)) is not None:
                return name, found
        waiting = [asyncio.create_task(peer.arrived.wait()) for peer in peers.values()]
        await asyncio.wait(waiting, timeout=max(0.0, deadline - loop.time()), return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if loop.time() >= deadline:
            raise Failed(f"expected {dict(expected)!r} at one of {', '.join(peers)} within {within_ms} ms; nobody got it")


def _serialize(frame: pb.Frame | bytes) -> bytes:
    return frame if isinstance(frame, bytes) else frame.SerializeToString()


def _tally_key(message: pb.Message, kind: str) -> str:
    return errors_pb2.ErrorReason.Name(message.error.reason).removeprefix("ERROR_REASON_") if kind == "error" else kind


def _covered_size(message: pb.Message) -> int | None:
    kind = message.WhichOneof("kind")
    if kind == "publish":
        return len(message.publish.envelope)
    if kind == "request" and not message.request.call_chain:
        return len(message.request.envelope)
    return None


def _short(plain: Mapping[str, Any]) -> str:
    return shortened(repr(dict(plain)))
