"""Virtual time and chance: everything that happens in a history is an entry in one queue, drawn from one seed."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from typing import Any


class World:
    """A clock that jumps from one entry of its agenda to the next.

    Attributes:
        now: Seconds since the history began.
        rng: The only source of chance.
        story: What happened, for the text of a failure.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.now = 0.0
        self.rng = random.Random(seed)
        self.story: list[str] = []
        self._agenda: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._entries = 0

    def after(self, delay: float, do: Callable[..., None], *arguments: Any) -> None:
        """Does something `delay` seconds from now."""
        self.at(self.now + delay, do, *arguments)

    def at(self, moment: float, do: Callable[..., None], *arguments: Any) -> None:
        """Does something at a moment; a past one is now. Entries of one moment are done in the order they were made."""
        self._entries += 1
        heapq.heappush(self._agenda, (max(moment, self.now), self._entries, do, arguments))

    def run(self, until: float, is_over: Callable[[], bool] = lambda: False) -> None:
        """Does what is due up to a moment, or until `is_over`."""
        while self._agenda and self._agenda[0][0] <= until and not is_over():
            self.now, _, do, arguments = heapq.heappop(self._agenda)
            do(*arguments)
        if not is_over():
            self.now = until

    def between(self, low: float, high: float) -> float:
        """A random duration."""
        return self.rng.uniform(low, high)

    def tell(self, what: str) -> None:
        """Notes an event of the history."""
        self.story.append(f"{self.now:9.4f} {what}")
