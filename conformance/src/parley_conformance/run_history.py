"""The history of one run: all that it is judged from, and what a report tells of it, as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from parley_conformance.adapter import Observation
from parley_conformance.history import End
from parley_conformance.judge import Story
from parley_conformance.model import Run
from parley_conformance.party import Party
from parley_conformance.record import Record
from parley_conformance.tape import Taped


@dataclass(frozen=True)
class PartyTold:
    """What is known of one party.

    Attributes:
        language: Of its adapter; `raw` for a scripted peer.
        sdk: As it named itself; empty: it did not.
        version: Of the SDK.
        content: `json`, `protobuf`, or empty.
        killed: The case killed it.
        called: Labels of the calls and publishes that it was commanded to make.
        never_from: How many observations there were when `never` was judged; None: it was not.
    """

    language: str
    sdk: str = ""
    version: str = ""
    content: str = ""
    killed: bool = False
    called: tuple[str, ...] = ()
    never_from: int | None = None


@dataclass(frozen=True)
class RunHistory:
    """What went on in one run.

    Attributes:
        run: The case with its axes.
        began: When, by the kit's clock, in seconds; the origin of all other times.
        record: What went by at the recorder, with the faults: of cases of kind `pair`.
        tape: What was scripted: of the other kinds.
        tape_lost: Messages for which the tape had no room.
        parties: By name.
        observations: What the parties saw, as (party, observation), in the order read.
        disturbed: A session was lost, or may have been: a party or the broker was killed, paused or started again.
        end: What the broker held at the end; None: that is not known.
        lines: The journal's.
    """

    run: Run
    began: float = 0.0
    record: Record = field(default_factory=Record)
    tape: Sequence[Taped] = ()
    tape_lost: int = 0
    parties: Mapping[str, PartyTold] = field(default_factory=dict)
    observations: Sequence[tuple[str, Observation]] = ()
    disturbed: bool = False
    end: End | None = None
    lines: Sequence[str] = ()

    def seen(self, party: str) -> list[Mapping[str, Any]]:
        """The members of what a party saw."""
        return [one.fields for name, one in self.observations if name == party]

    def stories(self) -> Iterator[Story]:
        """What each adapter was told to do, and what it saw."""
        for name, one in self.parties.items():
            if one.content:
                yield Story(name, one.content, one.killed, one.called, tuple(self.seen(name)))


def told(party: Party) -> PartyTold:
    """What a table knows of one of its parties."""
    about = party.adapter.about
    return PartyTold(
        language=party.language,
        sdk=str(about.get("sdk", "")),
        version=str(about.get("version", "")),
        content=party.content,
        killed=party.adapter.killed,
        called=tuple(party.sent),
        never_from=party.never_from,
    )


def observed(parties: Mapping[str, Party]) -> list[tuple[str, Observation]]:
    """What all parties saw, in the order the kit read it."""
    each = [(name, one) for name, party in parties.items() for one in party.adapter.observations]
    return sorted(each, key=lambda one: one[1].at)
