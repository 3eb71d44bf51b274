"""Dead letters: events that were given up for one recipient, kept to be looked at, replayed or purged (DLV-6)."""

from __future__ import annotations

from parley_broker.core.effects import Effects
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import DeadLetterFilter, Error, reason_name
from parley_broker.core.policy import Policy
from parley_broker.core.records import DeadLettered, DeadLetterEntry, DeadLettersDropped, Event, Summary
from parley_broker.core.shard.ledger import Ledger

MAX_TEXT = 2000
"""Characters that are kept of an error's text and of each of its details."""
MAX_DETAILS = 16
MAX_LOGGED = 200


class DeadLetters:
    """The dead letters of one shard, bounded by age, count and bytes: the oldest go.

    Args:
        effects: Takes log lines.
        ledger: Takes the records.
        policy: The bounds.
        wall_offset: What the wall clock is ahead of `now`, in seconds.
        summary: What the store holds.
    """

    def __init__(self, effects: Effects, ledger: Ledger, policy: Policy, wall_offset: float, summary: Summary) -> None:
        self._effects = effects
        self._ledger = ledger
        self._policy = policy
        self._wall_offset = wall_offset
        self._entries = {entry.id: entry for entry in summary.dead_letters}
        self._bytes = sum(entry.bytes for entry in summary.dead_letters)
        self._last_id = summary.last_dead_letter

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, recipient: AgentId, event: Event, attempts: int, error: Error, now: float) -> None:
        """The stored event, which waited for the recipient, is given up after so many attempts."""
        self._last_id += 1
        kept = _trimmed(error)
        letter = DeadLettered(self._last_id, recipient, event.position, now + self._wall_offset, attempts, kept)
        self._ledger.write(letter)
        size = len(event.envelope)
        self._entries[letter.id] = DeadLetterEntry(
            letter.id, recipient, event.topic.type, error.reason, letter.died, size
        )
        self._bytes += size
        self._effects.log(
            "warning",
            "dead letter",
            id=letter.id,
            recipient=recipient,
            topic=event.topic,
            attempts=attempts,
            reason=reason_name(error.reason),
            error=error.message[:MAX_LOGGED],
            see=f"parley-broker dead-letters list --id {letter.id}",
        )
        self._make_room()

    def find(self, wanted: DeadLetterFilter) -> list[DeadLetterEntry]:
        """Those that the filter lets through, oldest first."""
        entries = self._entries
        if wanted.ids:
            some = [entries[number] for number in sorted(set(wanted.ids)) if number in entries]
        else:
            some = list(entries.values())
        return [entry for entry in some if wanted.lets_through(entry.recipient, entry.topic_type, entry.reason)]

    def remove(self, entry: DeadLetterEntry) -> None:
        """It is no dead letter any more; a record says so."""
        del self._entries[entry.id]
        self._bytes -= entry.bytes

    def purge(self, wanted: DeadLetterFilter) -> int:
        """Drops those that the filter lets through: how many they were."""
        return self._drop(self.find(wanted))

    def tick(self, now: float) -> None:
        """Drops those whose time is up."""
        over = now + self._wall_offset - self._policy.dead_letter_max_age
        old: list[DeadLetterEntry] = []
        for entry in self._entries.values():
            if entry.died > over:
                break
            old.append(entry)
        self._drop_old(old, "too old")

    def next_due(self) -> float | None:
        """When `tick` has something to do."""
        for entry in self._entries.values():
            return entry.died + self._policy.dead_letter_max_age - self._wall_offset
        return None

    def _make_room(self) -> None:
        policy = self._policy
        count, size = len(self._entries) - policy.max_dead_letters, self._bytes - policy.max_dead_letter_bytes
        if count <= 0 and size <= 0:
            return
        old: list[DeadLetterEntry] = []
        for entry in self._entries.values():
            if count <= 0 and size <= 0:
                break
            count -= 1
            size -= entry.bytes
            old.append(entry)
        self._drop_old(old, "too many")

    def _drop_old(self, old: list[DeadLetterEntry], why: str) -> None:
        if old:
            self._effects.log(
                "warning", "dead letters dropped", why=why, count=len(old), first=old[0].id, last=old[-1].id
            )
            self._drop(old)

    def _drop(self, entries: list[DeadLetterEntry]) -> int:
        for entry in entries:
            self.remove(entry)
        if entries:
            self._ledger.write(DeadLettersDropped(tuple(entry.id for entry in entries)))
        return len(entries)


def _trimmed(error: Error) -> Error:
    """The error without what a hostile worker may have blown it up with."""
    details = {key[:MAX_TEXT]: value[:MAX_TEXT] for key, value in list(error.details.items())[:MAX_DETAILS]}
    return Error(
        error.reason, error.message[:MAX_TEXT], error.retryable, error.may_have_run, error.retry_after_ms, details
    )
