"""What hosts share: how many events of which key have been handled, and waiting for them."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass


@dataclass
class Arrivals:
    """Asks a sink to answer once so many events have arrived."""

    expected: int


class Tally:
    """How many events each key has handled and acknowledged."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._news = asyncio.Event()

    def add(self, key: str) -> None:
        """Counts one event of a key."""
        self._counts[key] += 1
        self._news.set()

    async def reached(self, key: str, count: int) -> int:
        """Returns the key's count as soon as it is at least `count`."""
        while self._counts[key] < count:
            self._news.clear()
            await self._news.wait()
        return self._counts[key]
