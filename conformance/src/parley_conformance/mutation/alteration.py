"""Wire mutants: what becomes of messages on their way, as data.

Before the broker it is a broken broker, before a party a broken SDK. Pure: frames in, frames out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from parley_conformance import matching, wire
from parley_conformance.faults import Fault, Numbers, item_of, numbered, pieces, swapped
from parley_conformance.labels import Labels
from parley_conformance.relay import DOWN, UP
from parley_wire.v1 import broker_service_pb2 as pb

FRAME = "Frame"
"""As an item: not a message but the frame, with `received`, `first_seq` and the credit."""


@dataclass(eq=False)
class Alteration:
    """One bug that messages show.

    Attributes:
        do: `drop`, `duplicate`, `reorder` (behind the next one), `rewrite` or `inject` (before it), as faults do.
        direction: `up`, to the broker, or `down`.
        item: The kind of message as the proto names it; `Frame`: the frame around any.
        label: Of that message; empty: any.
        has: What that message has, as plain data.
        nth: Which of those that fit, counted over all connections; 0: every one.
        value: `rewrite`: members set, see `rewritten`; `inject`: the message.
        met: How many messages it has altered.
    """

    do: str
    direction: str
    item: str
    label: str = ""
    has: Mapping[str, Any] = field(default_factory=dict)
    nth: int = 0
    value: Mapping[str, Any] = field(default_factory=dict)
    met: int = 0
    _seen: int = 0

    def meets(self, direction: str, message: Any, label: str = "") -> bool:
        """True if this message, or frame, is one to alter; counts those that fit."""
        if direction != self.direction or (self.label and label != self.label):
            return False
        if self.item != (FRAME if isinstance(message, pb.Frame) else item_of(message)):
            return False
        if self.has and not matching.matches(self.has, wire.plain(message)):
            return False
        self._seen += 1
        if self.nth in (0, self._seen):
            self.met += 1
            return True
        return False


def rewritten(target: Any, value: Mapping[str, Any]) -> None:
    """Sets members of a message as `wire.fill` does; `{$add: n}`, `{$clear: true}`, `{$flip: true}` too."""
    plain: dict[str, Any] = {}
    for name, one in value.items():
        if isinstance(one, Mapping) and "$clear" in one:
            target.ClearField(name)
        elif isinstance(one, Mapping) and "$add" in one:
            plain[name] = max(0, getattr(target, name) + one["$add"])
        elif isinstance(one, Mapping) and "$flip" in one:
            plain[name] = not getattr(target, name)
        elif isinstance(one, Mapping) and name != "envelope" and hasattr(getattr(target, name), "ListFields"):
            getattr(target, name).SetInParent()
            rewritten(getattr(target, name), one)
        else:
            plain[name] = one
    wire.fill(target, plain)


class Altered:
    """Both directions of one session, while an alteration is at work."""

    def __init__(self, alteration: Alteration) -> None:
        self._alteration = alteration
        self._numbers = {UP: Numbers(), DOWN: Numbers()}
        self._kept: dict[str, tuple[pb.Message, int]] = {}
        self._labels = Labels()

    def pass_on(self, direction: str, frame: pb.Frame) -> list[pb.Frame]:
        """The frames that go on for one that came."""
        hits: dict[int, Fault] = {}
        number = frame.first_seq
        places: dict[Fault, int] = {}
        for index, message in enumerate(frame.messages):
            own = number if numbered([message]) else 0
            number += own > 0
            if not self._alteration.meets(direction, message, self._labels.of(direction, message)):
                continue
            if self._alteration.do == "rewrite":
                rewritten(message, self._alteration.value)
            else:
                hits[index] = Fault(id="", at="", do=self._alteration.do)
                places[hits[index]] = own
        went: list[pb.Frame] = []
        for piece in pieces(frame, hits) or [frame]:
            if isinstance(piece, pb.Frame):
                went.append(self._numbered(direction, piece))
            else:
                message = frame.messages[next(i for i, one in hits.items() if one is piece)]
                went += self._met(direction, piece.do, message, places[piece])
        for one in went:
            if self._alteration.meets(direction, one):
                rewritten(one, self._alteration.value)
        return went

    def _met(self, direction: str, do: str, message: pb.Message, number: int) -> list[pb.Frame]:
        numbers = self._numbers[direction]
        if do == "drop":
            if number:
                numbers.took_out(number)
            return []
        if do == "reorder":
            self._kept[direction] = (message, number)
            return []
        one = message if do == "duplicate" else wire.message(self._alteration.value)
        first = numbers.put_in(number + (do == "duplicate")) if numbered([one]) else 0
        return [pb.Frame(messages=[one], first_seq=first)]

    def _numbered(self, direction: str, frame: pb.Frame) -> pb.Frame:
        """A frame with the numbers that it has where it goes."""
        if direction in self._kept and numbered(frame.messages[:1]):
            frame = swapped(*self._kept.pop(direction), frame)
        mine, other = self._numbers[direction], self._numbers[DOWN if direction == UP else UP]
        if mine.same and other.same:
            return frame
        frame.received = other.came(frame.received)
        frame.first_seq = mine.forwarded(frame.first_seq) if frame.first_seq else 0
        for message in frame.messages:
            if message.HasField("hello") and message.hello.HasField("resume"):
                message.hello.resume.received = other.came(message.hello.resume.received)
            elif message.HasField("welcome"):
                message.welcome.received = other.came(message.welcome.received)
        return frame
