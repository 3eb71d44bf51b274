"""The ids that applications gave their events lately, against duplicates (PUB-5)."""

from __future__ import annotations

from parley_broker.core.effects import NO_COMMIT
from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.messages import Publish
from parley_broker.core.policy import Policy
from parley_broker.core.records import EventIdSeen, EventIdsForgotten, Summary
from parley_broker.core.shard.ledger import Ledger

_Key = tuple[AgentId, TopicId, str]
PATIENCE = 1.25
"""Windows after which an id is forgotten at the latest; many go at once then."""


class EventIds:
    """A window of ids, bounded in time and count.

    Args:
        ledger: Takes the records.
        policy: The bounds.
        wall_offset: What the wall clock is ahead of `now`, in seconds.
        summary: What the store holds.
    """

    def __init__(self, ledger: Ledger, policy: Policy, wall_offset: float, summary: Summary) -> None:
        self._ledger = ledger
        self._policy = policy
        self._wall_offset = wall_offset
        self._seen: dict[_Key, tuple[EventIdSeen, int]] = {}
        self._last = 0
        for record in summary.event_ids:
            key = (record.scope, record.topic, record.event_id)
            self._seen.pop(key, None)
            self._seen[key] = (record, NO_COMMIT)
            self._last = record.number

    def __len__(self) -> int:
        return len(self._seen)

    def commit_of(self, publish: Publish, now: float) -> int | None:
        """The commit that stores the event, which was seen lately, or NO_COMMIT; None: it is new."""
        found = self._seen.get(_key(publish)) if publish.event_id else None
        if found is None or found[0].at + self._policy.event_id_window <= now + self._wall_offset:
            return None
        return self._ledger.waits_for(found[1])

    def see(self, publish: Publish, commit: int, now: float) -> None:
        """The event has its id from now on. `commit` stores it; NO_COMMIT: none does."""
        if not publish.event_id:
            return
        key = _key(publish)
        self._seen.pop(key, None)
        self._last += 1
        record = EventIdSeen(self._last, *key, now + self._wall_offset)
        self._seen[key] = (record, commit)
        if commit != NO_COMMIT:
            self._ledger.write(record)
        excess = len(self._seen) - self._policy.max_event_ids
        if excess > 0:
            self._forget(list(self._seen)[:excess])

    def tick(self, now: float) -> None:
        """Forgets what is out of the window, once the oldest is well out of it."""
        due = self.next_due()
        if due is None or due > now:
            return
        over = now + self._wall_offset - self._policy.event_id_window
        old: list[_Key] = []
        for key, (record, _) in self._seen.items():
            if record.at > over:
                break
            old.append(key)
        self._forget(old)

    def next_due(self) -> float | None:
        """When `tick` has something to do."""
        for record, _ in self._seen.values():
            return record.at - self._wall_offset + PATIENCE * self._policy.event_id_window
        return None

    def _forget(self, keys: list[_Key]) -> None:
        last = 0
        for key in keys:
            last = self._seen.pop(key)[0].number
        if last:
            self._ledger.write(EventIdsForgotten(last))


def _key(publish: Publish) -> _Key:
    return publish.sender or AgentId("", publish.producer), publish.topic, publish.event_id
