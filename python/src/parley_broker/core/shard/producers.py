"""Which publishes of each producer were seen, so that one that is sent again is not a second event (PUB-4)."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from parley_broker.core.deadlines import Deadlines
from parley_broker.core.effects import NO_COMMIT
from parley_broker.core.messages import Publish
from parley_broker.core.policy import Policy
from parley_broker.core.records import ProducerSeen, ProducersForgotten, Summary
from parley_broker.core.shard.ledger import Ledger


@dataclass(slots=True, eq=False)
class Mark:
    """One producer. `seen` has its numbers as closed ranges, in order, with gaps between them."""

    producer: str
    seen: list[tuple[int, int]] = field(default_factory=list)
    last_seen: float = 0.0
    """By the wall clock, in seconds."""
    pending: dict[int, int] = field(default_factory=dict)
    """The commits that make the newest numbers durable."""
    sessions: set[str] = field(default_factory=set)
    stored: bool = False
    """The store knows it."""

    def has(self, number: int) -> bool:
        """Whether the number was seen."""
        at = bisect_right(self.seen, (number, number))
        return (at > 0 and self.seen[at - 1][1] >= number) or (at < len(self.seen) and self.seen[at][0] == number)

    def add(self, number: int, max_ranges: int) -> None:
        """The number, which is new, is seen. With more ranges, what lies between the lowest counts as seen, too."""
        seen = self.seen
        if seen and seen[-1][1] == number - 1:
            seen[-1] = (seen[-1][0], number)
            return
        at = bisect_right(seen, (number, number))
        first = last = number
        if at < len(seen) and seen[at][0] == number + 1:
            last = seen.pop(at)[1]
        if at and seen[at - 1][1] == number - 1:
            at -= 1
            first = seen.pop(at)[0]
        seen.insert(at, (first, last))
        if len(seen) > max_ranges:
            seen[:2] = [(seen[0][0], seen[1][1])]


class Producers:
    """The producers of the last day.

    Args:
        ledger: Takes the records.
        policy: How long and how many producers are remembered.
        wall_offset: What the wall clock is ahead of `now`, in seconds.
        summary: What the store holds.
    """

    def __init__(self, ledger: Ledger, policy: Policy, wall_offset: float, summary: Summary) -> None:
        self._ledger = ledger
        self._policy = policy
        self._wall_offset = wall_offset
        # Every other publish that the credit allows may be refused, and its refusal lost; what was refused before that
        # is not sent again.
        self._max_ranges = policy.credit_messages // 2 + 2
        self._marks: dict[str, Mark] = {}
        self._by_session: dict[str, Mark] = {}
        self._changed: dict[str, Mark] = {}
        self._ends: Deadlines[str] = Deadlines()
        for record in summary.producers:
            self._marks[record.producer] = mark = Mark(
                record.producer, list(record.seen), record.last_seen, stored=True
            )
            self._set_end(mark)

    def __len__(self) -> int:
        return len(self._marks)

    def commit_of(self, publish: Publish) -> int | None:
        """The commit that stores the publish, which was seen before, or NO_COMMIT; None: it is new."""
        mark = self._marks.get(publish.producer) if publish.producer_seq else None
        if mark is None or not mark.has(publish.producer_seq):
            return None
        return self._ledger.waits_for(mark.pending.get(publish.producer_seq, NO_COMMIT))

    def see(self, session: str, publish: Publish, commit: int, now: float) -> None:
        """The publish has its number from now on. `commit` stores it; NO_COMMIT: none, it is for nobody."""
        number = publish.producer_seq
        if not number:
            return
        mark = self._marks.get(publish.producer)
        if mark is None:
            self._make_room()
            mark = self._marks[publish.producer] = Mark(publish.producer)
        if session not in mark.sessions:
            mark.sessions.add(session)
            self._by_session[session] = mark
            self._ends.drop(mark.producer)
        if not mark.has(number):
            mark.add(number, self._max_ranges)
        mark.last_seen = now + self._wall_offset
        if commit != NO_COMMIT:
            mark.pending[number] = commit
            self._changed[mark.producer] = mark

    def leave(self, session: str, now: float) -> None:
        """The session is lost: what it published is remembered for a while."""
        mark = self._by_session.pop(session, None)
        if mark is None:
            return
        mark.sessions.discard(session)
        if mark.sessions:
            return
        mark.last_seen = now + self._wall_offset
        if mark.stored or mark.pending:
            self._changed[mark.producer] = mark
            self._set_end(mark)
            self.flush()
        else:
            del self._marks[mark.producer]

    def flush(self) -> None:
        """Writes what has changed into the commit that is about to be sealed."""
        for mark in self._changed.values():
            self._ledger.write(ProducerSeen(mark.producer, tuple(mark.seen), mark.last_seen))
            mark.stored = True
            durable = self._ledger.durable
            mark.pending = {number: commit for number, commit in mark.pending.items() if commit > durable}
        self._changed.clear()

    def tick(self, now: float) -> None:
        """Forgets those that had no session for long enough."""
        self._forget(self._ends.take(now))

    def next_due(self) -> float | None:
        """When `tick` has something to do."""
        return self._ends.next()

    def _set_end(self, mark: Mark) -> None:
        self._ends.set(mark.producer, mark.last_seen - self._wall_offset + self._policy.producer_retention)

    def _make_room(self) -> None:
        if len(self._marks) >= self._policy.max_producers:
            gone = next((mark.producer for mark in self._marks.values() if not mark.sessions), None)
            if gone is not None:
                self._ends.drop(gone)
                self._forget([gone])

    def _forget(self, producers: list[str]) -> None:
        for producer in producers:
            del self._marks[producer]
            self._changed.pop(producer, None)
        if producers:
            self._ledger.write(ProducersForgotten(tuple(producers)))
