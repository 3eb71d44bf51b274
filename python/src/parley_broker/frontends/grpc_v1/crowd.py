"""When what is to be written waits for what the next frames add to it.

A client that sends many small frames is answered with as many, and goes on with what these let it say: small frames
keep each other small, and each one costs as much as dozens of messages. Only what all of them pass through can make
large ones of them again, so the broker waits a moment before it writes, where frames come one upon the other. Where
they do not, nobody waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

NEXT = 0.0003
"""Where frames come one upon the other, the next one is there within so many seconds."""
LONGEST = 0.001
"""How long what is to be written waits at most, in seconds."""


class Crowd:
    """Frames that come one upon the other, on any stream; to be used on one event loop.

    Args:
        clock: The time in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = clock()
        self._limit = self._until
        self._over = asyncio.Event()
        self._over.set()

    def grow(self) -> None:
        """A frame came from a client that is just being written to: it did not wait for what became of its last one."""
        self._until = self._clock() + NEXT

    async def passed(self) -> None:
        """Returns at once where there is no crowd; else when the next frame is overdue, or the longest wait is over."""
        if self._over.is_set():
            now = self._clock()
            if now >= self._until:
                return
            self._limit = now + LONGEST
            self._over.clear()
            self._look()
        await self._over.wait()

    def _look(self) -> None:
        # In turns of the event loop, whose timers are too coarse; once in a turn, however many wait.
        if self._clock() < min(self._until, self._limit):
            asyncio.get_running_loop().call_soon(self._look)
        else:
            self._over.set()
