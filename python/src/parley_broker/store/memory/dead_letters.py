"""Dead letters by id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from parley_broker.core.records import (
    DeadLetter,
    DeadLettered,
    DeadLetterEntry,
    DeadLetterReplayed,
    DeadLettersDropped,
)
from parley_broker.store.memory.events import Events


class DeadLetters:
    """The dead letters.

    Args:
        events: Where their events come from, and go when they are replayed.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._letters: dict[int, DeadLetter] = {}
        self.last_id = 0

    @property
    def appliers(self) -> Mapping[type[object], Callable[[Any], None]]:
        """What each record does."""
        return {DeadLettered: self._add, DeadLetterReplayed: self._replay, DeadLettersDropped: self._drop}

    def entries(self) -> tuple[DeadLetterEntry, ...]:
        """What a shard remembers of each, by id."""
        return tuple(
            DeadLetterEntry(
                letter.id,
                letter.recipient,
                letter.event.topic.type,
                letter.error.reason,
                letter.died,
                len(letter.event.envelope),
            )
            for letter in self._letters.values()
        )

    def read(self, ids: Sequence[int]) -> list[DeadLetter]:
        """As Store.read_dead_letters."""
        return [self._letters[number] for number in sorted(ids) if number in self._letters]

    def _add(self, record: DeadLettered) -> None:
        self.last_id = record.id
        event = self._events.take(record.recipient, record.position)
        if event is not None:
            self._letters[record.id] = DeadLetter(
                record.id, record.recipient, event, record.died, record.attempts, record.error
            )

    def _replay(self, record: DeadLetterReplayed) -> None:
        letter = self._letters.pop(record.id, None)
        if letter is not None:
            self._events.put(letter.recipient, replace(letter.event, position=record.position))

    def _drop(self, record: DeadLettersDropped) -> None:
        for number in record.ids:
            self._letters.pop(number, None)
