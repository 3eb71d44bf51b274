"""What the recorder wrote down, and the faults that a case armed: plain values that doors fill and checkers read."""

from __future__ import annotations

from dataclasses import dataclass, field

from parley_conformance import wire
from parley_conformance.faults import Fault
from parley_conformance.journal import shortened
from parley_conformance.relay import DOWN, UP
from parley_conformance.watch import kind_of
from parley_wire.v1 import broker_service_pb2 as pb


@dataclass(frozen=True, eq=False)
class Said:
    """A message that went by.

    Attributes:
        at: When, by the kit's clock, in seconds.
        party: At whose door.
        connection: Of that party, from 1.
        direction: `up`, from the party to the broker, or `down`.
        number: Its sequence number; 0: it has none.
        again: It had gone by before, under the same number of the same session.
        label: As `labels` knows it.
        message: The message.
    """

    at: float
    party: str
    connection: int
    direction: str
    number: int
    again: bool
    label: str
    message: pb.Message

    @property
    def kind(self) -> str:
        """The name of its kind."""
        return kind_of(self.message)

    def __str__(self) -> str:
        again = " again" if self.again else ""
        return f"#{self.number}{again} {shortened(repr(wire.plain(self.message)))}"


@dataclass
class Record:
    """What went by in one case.

    Attributes:
        came: What the parties and the broker said, in the order read.
        went: The same as it was handed on.
        faults: By their ids.
    """

    came: list[Said] = field(default_factory=list)
    went: list[Said] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)

    def heard_and_said(self) -> list[Said]:
        """What the broker said, as it came, and what was said to it, as it went on; in the order read."""
        both = [one for one in self.came if one.direction == DOWN] + [one for one in self.went if one.direction == UP]
        return sorted(both, key=lambda one: one.at)

    def fault_for(self, said: Said) -> Fault | None:
        """The fault that waited for this message; what goes by again is not counted again."""
        if said.again:
            return None
        # All are asked, so that each counts what fits.
        mine = [fault for fault in self.faults.values() if fault.at == said.party]
        met = [fault for fault in mine if fault.meets(said.direction, said.message, said.label)]
        return met[0] if met else None
