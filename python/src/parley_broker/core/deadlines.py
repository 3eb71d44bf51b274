"""Many deadlines, nearly all of them dropped before they pass."""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

SLOT = 0.01
"""Deadlines are kept by slots of this many seconds; each passes at the end of its slot, never early."""


def end_of_slot(at: float) -> float:
    """The moment that a deadline at the moment `at` passes, in seconds."""
    return math.ceil(at / SLOT) * SLOT


class Deadlines(Generic[K]):
    """When each key is due. Setting and dropping cost the same however many there are; a dropped key leaves nothing."""

    def __init__(self) -> None:
        self._slot_of: dict[K, int] = {}
        self._keys_in: dict[int, dict[K, None]] = {}
        self._slots: list[int] = []

    def __len__(self) -> int:
        return len(self._slot_of)

    def set(self, key: K, at: float) -> None:
        """Makes `key` due at the moment `at`, in seconds, instead of when it was due before."""
        if key in self._slot_of:
            self.drop(key)
        slot = math.ceil(at / SLOT)
        keys = self._keys_in.get(slot)
        if keys is None:
            keys = self._keys_in[slot] = {}
            heapq.heappush(self._slots, slot)
        keys[key] = None
        self._slot_of[key] = slot

    def drop(self, key: K) -> None:
        """Forgets `key`, if it is there."""
        slot = self._slot_of.pop(key, None)
        if slot is not None:
            del self._keys_in[slot][key]
            if not self._slot_of:
                self._keys_in.clear()
                self._slots.clear()

    def take(self, now: float) -> list[K]:
        """Removes and returns what is due, earliest slot first."""
        due: list[K] = []
        # Compared as `next` says it, so that what it promises is there at that very moment.
        while self._slots and self._slots[0] * SLOT <= now:
            due.extend(self._keys_in.pop(heapq.heappop(self._slots)))
        for key in due:
            del self._slot_of[key]
        return due

    def next(self) -> float | None:
        """The moment before which nothing is due, in seconds; None when there is nothing."""
        return self._slots[0] * SLOT if self._slot_of else None
