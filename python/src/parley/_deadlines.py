"""Deadlines: one timer for all that ends about the same time, since nearly every deadline is cancelled unused."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Protocol

_FINE = 0.01  # seconds
_COARSE = 0.1  # seconds, for what is further away than _FAR
_FAR = 2.0


class Expiring(Protocol):
    """What has a deadline."""

    def expire(self) -> None:
        """The deadline has passed. Called once, unless removed before."""
        ...


class Deadlines:
    """Calls `expire` at, or up to 0.1 s after, each deadline; never before it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._buckets: dict[float, dict[Expiring, None]] = {}

    def add(self, deadline: float, item: Expiring) -> float:
        """Watches `item` until `deadline`, a `time.monotonic()`. Returns what `remove` wants."""
        now = time.monotonic()
        step = _FINE if deadline - now < _FAR else _COARSE
        due = math.ceil(deadline / step) * step
        bucket = self._buckets.get(due)
        if bucket is None:
            bucket = self._buckets[due] = {}
            self._loop.call_later(max(0.0, due - now), self._fire, due)
        bucket[item] = None
        return due

    def remove(self, due: float, item: Expiring) -> None:
        """Watches `item` no longer; without effect once it has expired."""
        bucket = self._buckets.get(due)
        if bucket is not None:
            bucket.pop(item, None)

    def _fire(self, due: float) -> None:
        for item in self._buckets.pop(due):
            item.expire()
