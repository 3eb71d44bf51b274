"""What was seen of each producer, and the event ids of late."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parley_broker.core.records import EventIdSeen, EventIdsForgotten, ProducerSeen, ProducersForgotten


class Producers:
    """The producers and the event ids."""

    def __init__(self) -> None:
        self._producers: dict[str, ProducerSeen] = {}
        self._event_ids: dict[int, EventIdSeen] = {}

    @property
    def appliers(self) -> Mapping[type[object], Callable[[Any], None]]:
        """What each record does."""
        return {
            ProducerSeen: self._see,
            ProducersForgotten: self._forget,
            EventIdSeen: self._see_id,
            EventIdsForgotten: self._forget_ids,
        }

    def producers(self) -> tuple[ProducerSeen, ...]:
        """All of them, the one that was seen last at the end."""
        return tuple(sorted(self._producers.values(), key=lambda record: record.last_seen))

    def event_ids(self) -> tuple[EventIdSeen, ...]:
        """All of them, by number."""
        return tuple(self._event_ids.values())

    def _see(self, record: ProducerSeen) -> None:
        self._producers[record.producer] = record

    def _forget(self, record: ProducersForgotten) -> None:
        for producer in record.producers:
            self._producers.pop(producer, None)

    def _see_id(self, record: EventIdSeen) -> None:
        self._event_ids[record.number] = record

    def _forget_ids(self, record: EventIdsForgotten) -> None:
        for number in [number for number in self._event_ids if number <= record.number]:
            del self._event_ids[number]
