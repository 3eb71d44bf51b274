"""The stored events of one agent that are in hand: which deliveries start, and which only say how to settle.

Pure bookkeeping (SPEC DLV-4): positions, rounds, and works that know whether they have ended.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar


class InHand(Protocol):
    """A work for a stored event."""

    @property
    def begun(self) -> bool:
        """Its handler has begun."""
        ...

    @property
    def finished(self) -> bool:
        """Its result is known."""
        ...


W = TypeVar("W", bound=InHand)


class Hand(Generic[W]):
    """The events of one agent that wait, run, or whose result the broker has not confirmed.

    Attributes:
        works: They, by position.
        round: Deliveries of older rounds are dropped.
        ordered: Events have an order; those of a stateless agent have none, and each has rounds of its own.
    """

    __slots__ = ("_delivered", "ordered", "round", "works")

    def __init__(self, *, ordered: bool = True) -> None:
        self.works: dict[int, W] = {}
        self.round = 0
        self.ordered = ordered
        self._delivered: set[int] = set()  # positions that are in hand and were delivered in this session

    def find(self, position: int) -> W | None:
        """The work for this position, if it is in hand: it is not to be started again."""
        return self.works.get(position)

    def is_old(self, round: int) -> bool:
        """True for a delivery of a round that is over."""
        return self.ordered and round < self.round

    def add(self, position: int, round: int, work: W) -> None:
        """Takes a new event in hand.

        What has a result below it from an earlier session is settled: the broker has gone on without asking for it. It
        is looked for only if anything is in hand that was not delivered in this session.
        """
        self.delivered(position, round)
        if self.ordered and len(self.works) >= len(self._delivered):
            for other in [p for p, w in self.works.items() if p < position and w.finished]:
                if other not in self._delivered:
                    del self.works[other]
        self.works[position] = work

    def delivered(self, position: int, round: int) -> None:
        """An event that is in hand has come in this round."""
        self.round = round
        self._delivered.add(position)

    def settled(self, position: int) -> None:
        """The broker has confirmed the result."""
        self.works.pop(position, None)
        self._delivered.discard(position)

    def nacked(self, position: int, round: int) -> list[W]:
        """The event at `position` failed in `round`: a new round begins there. Returns what must not start now."""
        if not self.ordered:
            return []
        self.round = max(self.round, round + 1)
        return self._let_go(position + 1)

    def begin_session(self) -> list[W]:
        """A new session: rounds begin anew. Returns what must not start: it is delivered again.

        A result without an order that the last session did not ask for was settled before it.
        """
        self.round = 0
        if not self.ordered:
            for position in [p for p, w in self.works.items() if w.finished and p not in self._delivered]:
                del self.works[position]
        self._delivered.clear()
        return self._let_go(0)

    def _let_go(self, first: int) -> list[W]:
        waiting = {p: w for p, w in self.works.items() if p >= first and not w.begun}
        for position in waiting:
            self.settled(position)
        return list(waiting.values())
