"""Faults as a case arms them: which message they wait for, and what becomes of the frame around it.

Transport faults are what a network does; every rule holds under them. Peer faults play a party that says something
else. Pure: messages and frames in, pieces of frames out; the recorder acts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from parley_conformance import matching, wire
from parley_conformance.watch import UNNUMBERED, kind_of
from parley_wire.v1 import broker_service_pb2 as pb

BEFORE = frozenset({"hold", "cut_before", "freeze", "refuse"})
"""They act before their message goes on."""
ENDING = frozenset({"cut", "cut_before", "cut_after", "refuse"})
"""They end the connection."""
AT_ONCE = frozenset({"cut", "freeze", "refuse"})
"""They need no message: armed without one, they act when they are armed."""
PEER = frozenset({"drop", "duplicate", "reorder", "rewrite", "inject"})


@dataclass(eq=False)
class Fault:
    """One fault.

    Attributes:
        id: For the steps `fired` and `heal`.
        at: The party at whose connection it happens.
        do: What happens.
        direction: `up`, from the party to the broker, or `down`.
        item: The kind of message that it waits for, as the proto names it; empty: it happens at once.
        label: Of that message; empty: any.
        has: What that message has, as plain data.
        nth: Which of those that fit.
        value: `rewrite`: members set in the message; `inject`: the message that is put before it.
    """

    id: str
    at: str
    do: str
    direction: str = ""
    item: str = ""
    label: str = ""
    has: Mapping[str, Any] = field(default_factory=dict)
    nth: int = 1
    value: Mapping[str, Any] = field(default_factory=dict)
    fired: asyncio.Event = field(default_factory=asyncio.Event)
    healed: asyncio.Event = field(default_factory=asyncio.Event)
    seen: int = 0

    @property
    def takes_away(self) -> bool:
        """True if the party is off the network until it is healed, and nobody tells it."""
        return not self.item and self.do == "freeze"

    def meets(self, direction: str, message: pb.Message, label: str) -> bool:
        """True if this message, which goes by for the first time, is the one; counts those that fit."""
        if self.fired.is_set() or not self.item or direction != self.direction:
            return False
        if item_of(message) != self.item or (self.label and label != self.label):
            return False
        if self.has and not matching.matches(self.has, wire.plain(message)):
            return False
        self.seen += 1
        return self.seen == self.nth


def armed(members: Mapping[str, Any]) -> Fault:
    """Makes a fault of the step `arm`."""
    names = {"dir": "direction"}
    return Fault(**{names.get(name, name): value for name, value in members.items()})


def item_of(message: pb.Message) -> str:
    """The kind of a message as the proto names it, e.g. `RegisterAgentType`; empty: unknown."""
    kind = message.WhichOneof("kind")
    return str(getattr(message, kind).DESCRIPTOR.name) if kind else ""


def pieces(frame: pb.Frame, hits: Mapping[int, Fault]) -> list[pb.Frame | Fault]:
    """Splits a frame around the messages that faults wait for.

    Args:
        frame: As it came.
        hits: The faults by the index of their message in the frame.

    Returns:
        Frames, with the numbers that their messages had, and faults at the places where they act. `drop`, `duplicate`
        and `inject` stand where a message is missing or one more belongs.
    """
    made: list[pb.Frame | Fault] = []
    begin = 0
    for index in sorted(hits):
        fault = hits[index]
        if fault.do in BEFORE or fault.do in ("drop", "inject"):
            made += [*_part(frame, begin, index), fault]
            begin = index + (fault.do == "drop")
        elif fault.do in ("cut_after", "duplicate"):
            made += [*_part(frame, begin, index + 1), fault]
            begin = index + 1
        else:
            made += _part(frame, begin, index)
            if fault.do == "rewrite":
                (changed,) = _part(frame, index, index + 1)
                wire.fill(changed.messages[0], fault.value)
                made += [fault, changed]
            else:
                made += [fault]
            begin = index + 1
    return made + _part(frame, begin, len(frame.messages))


def swapped(kept: pb.Message, number: int, frame: pb.Frame) -> pb.Frame:
    """Puts a message that was kept back behind the first one of the frame that follows it.

    Args:
        kept: The message.
        number: Its own number, which the other one gets.
        frame: The next one that has a numbered message.
    """
    made = pb.Frame()
    made.CopyFrom(frame)
    del made.messages[:]
    made.messages.extend([frame.messages[0], kept, *frame.messages[1:]])
    made.first_seq = number
    return made


def numbered(messages: Iterable[pb.Message]) -> int:
    """How many of these have a number."""
    return sum(kind_of(message) not in UNNUMBERED for message in messages)


def _part(frame: pb.Frame, begin: int, end: int) -> list[pb.Frame]:
    messages: Sequence[pb.Message] = frame.messages[begin:end]
    if not messages:
        return []
    made = pb.Frame()
    made.CopyFrom(frame)
    del made.messages[:]
    made.messages.extend(messages)
    made.first_seq = frame.first_seq + numbered(frame.messages[:begin]) if numbered(messages) else 0
    return [made]


class Numbers:
    """One direction's sequence numbers as they came and as they went on, where messages were taken out or put in."""

    def __init__(self) -> None:
        self._changes: list[tuple[int, int]] = []

    @property
    def same(self) -> bool:
        """True while nothing was taken out or put in."""
        return not self._changes

    def took_out(self, number: int) -> None:
        """The message that came with this number did not go on."""
        self._changes.append((number, -1))

    def put_in(self, number: int) -> int:
        """One more went on before what came with this number; returns the number that it has."""
        there = self.forwarded(number)
        self._changes.append((number, 1))
        return there

    def forwarded(self, number: int) -> int:
        """The number under which it went on; of one that was taken out, the one before."""
        return number + sum(delta for at, delta in self._changes if at <= number)

    def came(self, received: int) -> int:
        """The highest number that came, if this one was received."""
        number = received
        while self.forwarded(number) > received:
            number -= 1
        while self._changes and self.forwarded(number + 1) <= received:
            number += 1
        return number
