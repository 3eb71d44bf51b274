"""When what is to be written waits for what the next frames add to it.

A client that sends many small frames is answered with as many, and goes on with what these let it say: small frames
keep each other small, and each one costs as much as dozens of messages. Only what all of them pass through can make
large ones of them again, so the broker waits a moment before it writes, where frames come one upon the other. Where
they do not, nobody waits.
"""

from __future__ import annotations

from collections.abc import Callable

NEXT = 0.0003
"""Where frames come one upon the other, the next one is there within so many seconds."""
LONGEST = 0.001
"""How long what is to be written waits at most, in seconds."""


class Crowd:
    """Whether frames come one upon the other, on any stream.

    Args:
        clock: The time in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = clock()

    def now(self) -> float:
        """The moment that a wait begins."""
        return self._clock()

    def grow(self) -> None:
        """A frame came from a client that is just being written to: it did not wait for what became of its last one."""
        self._until = self._clock() + NEXT

    def keeps(self, since: float) -> bool:
        """Whether what has been waiting since then waits on."""
        return self._clock() < min(self._until, since + LONGEST)
