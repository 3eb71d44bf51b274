"""A door: where one party meets the broker while the recorder writes down and does what a case armed.

TCP relay → gRPC proxy → TCP relay → broker. The proxy hands every method on as a stream of bytes with metadata, status,
trailers, cancel and half-close. What is said on `Connect` is decoded to be written down and matched with the faults; a
frame that no fault touches goes on byte for byte.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import grpc
import grpc.aio

from parley_conformance import wire
from parley_conformance.faults import ENDING, Fault, Numbers, numbered, pieces, swapped
from parley_conformance.journal import Journal
from parley_conformance.labels import Labels
from parley_conformance.proxy import END_OF_STREAM, ENDED, SERVER_OPTIONS, Everything, hand_status, handed_on, pairs
from parley_conformance.record import Record, Said
from parley_conformance.relay import DOWN, UP, Relay
from parley_conformance.watch import UNNUMBERED, kind_of
from parley_wire.v1 import broker_service_pb2 as pb

_SETTLE_S = 0.1
"""What a relay has written is in the reader's socket; this is for the reader to take it out."""
_ARRIVAL_LIMIT_S = 1.0
_AROUND = 14
"""Bytes around a gRPC message at least: its own prefix, and the head of an HTTP/2 frame."""
_ARROWS = {UP: "=>", DOWN: "<="}

Write = Callable[[bytes], Awaitable[None]]


class Way:
    """One direction of one party's session.

    Attributes:
        highest: The highest number that came.
        gone: The highest number that went on.
        numbers: As they came and as they went on.
        kept: A message that is kept back, and its number.
    """

    def __init__(self, direction: str, relay: Relay) -> None:
        self.direction = direction
        self.highest = self.gone = 0
        self.numbers = Numbers()
        self.kept: tuple[pb.Message, int] | None = None
        self._relay = relay
        self._due = 0

    async def write(self, data: bytes, write: Write) -> None:
        """Writes a gRPC message, and counts what the relay behind will have passed with it."""
        self._due = max(self._due, self._relay.passed[self.direction]) + len(data) + _AROUND
        await write(data)

    async def has_arrived(self) -> None:
        """Waits until all that was written is with its reader."""
        await self._relay.has_passed(self.direction, self._due)
        await asyncio.sleep(_SETTLE_S)

    def begin(self) -> None:
        """A new session: numbers begin at 1."""
        self.highest = self.gone = 0
        self.numbers, self.kept = Numbers(), None


class Door:
    """Where one party meets the broker; see the module. Its record and journal are the case's."""

    def __init__(self, party: str, broker: Callable[[], str], record: Record, journal: Journal, host: str) -> None:
        self.party = party
        self.connections = 0
        self._record = record
        self._journal = journal
        self._labels = Labels()
        self._proxy_port = 0
        self._broken = False
        self._near = Relay(lambda: ("127.0.0.1", self._proxy_port), host=host)
        self._far = Relay(lambda: _host_port(broker()), self._lost)
        self._ways = {UP: Way(UP, self._far), DOWN: Way(DOWN, self._near)}
        self._server: grpc.aio.Server | None = None

    @property
    def address(self) -> str:
        """What the party dials."""
        return self._near.address

    async def open(self) -> None:
        """Begins to take connections."""
        self._server = grpc.aio.server(options=SERVER_OPTIONS)
        self._server.add_generic_rpc_handlers((Everything(self._serve),))
        self._proxy_port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        await self._near.start()
        await self._far.start()

    def act(self, fault: Fault) -> None:
        """Does what a fault does to the connection as a whole."""
        self._journal.note(self.party, "!!", f"{fault.id}: {fault.do}")
        if fault.do == "freeze":
            self._near.freeze()
            self._far.freeze()
        if fault.do == "refuse":
            self._near.refuse()
        if fault.do in ENDING:
            self._near.reset()
            self._far.reset()
        fault.fired.set()

    async def recover(self) -> None:
        """Passes on and takes connections again, if no other fault forbids it."""
        lasting = [f for f in self._record.faults.values() if f.at == self.party and not f.healed.is_set()]
        doing = {f.do for f in lasting if f.fired.is_set()}
        if "freeze" not in doing:
            self._near.thaw()
            self._far.thaw()
        if "refuse" not in doing:
            await self._near.accept()

    async def close(self) -> None:
        """Ends its connections."""
        await asyncio.gather(self._near.close(), self._far.close())
        if self._server is not None:
            await self._server.stop(None)

    def _lost(self) -> None:
        self._broken = True

    # -- the proxy ------------------------------------------------------------------------------------------------

    async def _serve(self, details: grpc.HandlerCallDetails, context: Any) -> None:
        method = str(details.method)
        self._broken = False
        if method == wire.CONNECT:
            self.connections += 1
        target = f"127.0.0.1:{self._far.port}"
        async with handed_on(target, details, context, lambda call: self._hand_up(method, context, call)) as call:
            await self._hand_down(method, context, call)
            await self._hand_status(context, call)

    async def _hand_up(self, method: str, context: Any, call: Any) -> None:
        # Whatever ends the call, the other direction sees it.
        with contextlib.suppress(*ENDED, _Cut):
            while (data := await context.read()) is not END_OF_STREAM:
                await self._hand_on(method, self._ways[UP], data, call.write)
            await call.done_writing()

    async def _hand_down(self, method: str, context: Any, call: Any) -> None:
        with contextlib.suppress(*ENDED, _Cut):
            first = await call.initial_metadata()
            await context.send_initial_metadata(pairs(first))
            while (data := await call.read()) is not END_OF_STREAM:
                await self._hand_on(method, self._ways[DOWN], data, context.write)

    async def _hand_status(self, context: Any, call: Any) -> None:
        if not call.done():
            # A fault cut the connection: nobody hears a status.
            return
        if await call.code() is grpc.StatusCode.UNAVAILABLE and self._broken:
            # The broker's connection broke: so does the party's, when what came before has arrived.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ARRIVAL_LIMIT_S):
                    await self._ways[DOWN].has_arrived()
            self._near.reset()
            return
        await hand_status(context, call)

    async def _hand_on(self, method: str, way: Way, data: bytes, write: Write) -> None:
        try:
            frame = pb.Frame.FromString(data) if method == wire.CONNECT else None
        except Exception:
            self._journal.note(self.party, "=>", f"{len(data)} bytes that are no frame")
            frame = None
        if frame is None:
            await write(data)
            return
        came = self._write_down(way, frame)
        hits = {i: f for i, one in enumerate(came) if (f := self._record.fault_for(one)) is not None}
        if not hits and way.kept is None and all(w.numbers.same for w in self._ways.values()):
            for one in came:
                self._note_gone(way, one)
            await way.write(data, write)
            return
        at = {fault: index for index, fault in hits.items()}
        # A frame without messages has a receipt or credit.
        for piece in pieces(frame, hits) or [frame]:
            if isinstance(piece, pb.Frame):
                await self._forward(way, piece, write)
            else:
                await self._meet(way, piece, came[at[piece]], write)

    def _write_down(self, way: Way, frame: pb.Frame) -> list[Said]:
        now = asyncio.get_running_loop().time()
        came: list[Said] = []
        number = frame.first_seq
        for message in frame.messages:
            kind = kind_of(message)
            if (kind == "hello" and not message.hello.HasField("resume")) or (
                kind == "welcome" and not message.welcome.resumed
            ):
                for each in self._ways.values():
                    each.begin()
            own = 0 if kind in UNNUMBERED else number
            number += own > 0
            again = 0 < own <= way.highest
            way.highest = max(way.highest, own)
            label = self._labels.of(way.direction, message)
            said = Said(now, self.party, self.connections, way.direction, own, again, label, message)
            came.append(said)
            if kind != "heartbeat":
                self._journal.note(self.party, _ARROWS[way.direction], said)
        self._record.came += came
        return came

    async def _meet(self, way: Way, fault: Fault, said: Said, write: Write) -> None:
        """Does what a fault does at the place in the stream that is reached now."""
        if fault.do in ENDING:
            await way.has_arrived()
        self.act(fault)
        if fault.do in ENDING:
            raise _Cut
        if fault.do == "hold":
            await fault.healed.wait()
        elif fault.do == "drop":
            way.numbers.took_out(said.number)
        elif fault.do == "reorder":
            way.kept = (said.message, said.number)
        elif fault.do in ("duplicate", "inject"):
            one = said.message if fault.do == "duplicate" else wire.message(fault.value)
            number = way.numbers.put_in(said.number + (fault.do == "duplicate")) if numbered([one]) else 0
            await self._write_frame(way, pb.Frame(messages=[one], first_seq=number), write)

    async def _forward(self, way: Way, frame: pb.Frame, write: Write) -> None:
        """Hands on a frame with the numbers that it came with."""
        if way.kept is not None and numbered(frame.messages[:1]):
            (message, number), way.kept = way.kept, None
            frame = swapped(message, number, frame)
        other = self._ways[DOWN if way.direction == UP else UP].numbers
        if not (way.numbers.same and other.same):
            frame.received = other.came(frame.received)
            frame.first_seq = way.numbers.forwarded(frame.first_seq) if frame.first_seq else 0
            for message in frame.messages:
                if message.HasField("hello") and message.hello.HasField("resume"):
                    message.hello.resume.received = other.came(message.hello.resume.received)
                elif message.HasField("welcome"):
                    message.welcome.received = other.came(message.welcome.received)
        await self._write_frame(way, frame, write)

    async def _write_frame(self, way: Way, frame: pb.Frame, write: Write) -> None:
        now, number = asyncio.get_running_loop().time(), frame.first_seq
        for message in frame.messages:
            own = number if numbered([message]) else 0
            number += own > 0
            label = self._labels.of(way.direction, message)
            self._note_gone(way, Said(now, self.party, self.connections, way.direction, own, False, label, message))
        await way.write(frame.SerializeToString(), write)

    def _note_gone(self, way: Way, said: Said) -> None:
        # What comes again may go on for the first time: the connection was cut before it.
        again = 0 < said.number <= way.gone
        way.gone = max(way.gone, said.number)
        self._record.went.append(said if said.again == again else replace(said, again=again))


class _Cut(Exception):
    """A fault ended the connection."""


def _host_port(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("grpc://").rpartition(":")
    return host, int(port)
