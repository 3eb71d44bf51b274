"""What the scripted peers and the scripted broker wrote and read, in order: enough to judge it once more."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from parley_wire.v1 import broker_service_pb2 as pb

KEPT_MESSAGES = 10_000
KEPT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, eq=False)
class Taped:
    """One thing that a scripted party wrote, read, or came to know.

    Attributes:
        at: When, by the kit's clock, in seconds.
        party: Its name on the tape.
        connection: Of that party, from 1; 0: before the first.
        op: What happened; `watching` has what each one means to the bookkeeping.
        values: What belongs to it.
        frame: What was written or read; None: nothing was.
    """

    at: float
    party: str
    connection: int
    op: str
    values: tuple[int, ...] = ()
    frame: pb.Frame | None = None


class Tape:
    """The tape of one case. It ends when it is full: what is on it is whole up to there.

    Attributes:
        entries: In the order they happened.
        lost: Messages that found no room.
    """

    def __init__(self) -> None:
        self.entries: list[Taped] = []
        self.lost = 0
        self._names: Counter[str] = Counter()
        self._messages = 0
        self._bytes = 0

    def seat(self, name: str) -> str:
        """A name on the tape for one more party; another one may have the same name in the case."""
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name} {self._names[name]}"

    def note(self, party: str, connection: int, op: str, *values: int, frame: pb.Frame | None = None) -> None:
        """Puts one entry on the tape, unless it is full."""
        messages = len(frame.messages) if frame is not None else 0
        if not self.lost and self._messages + messages <= KEPT_MESSAGES and self._bytes <= KEPT_BYTES:
            self._messages += messages
            self._bytes += frame.ByteSize() if frame is not None else 0
            self.entries.append(Taped(time.monotonic(), party, connection, op, tuple(map(int, values)), frame))
        else:
            self.lost += messages
