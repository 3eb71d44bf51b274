"""How long to wait before the next attempt to connect (SPEC SES-18)."""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_PAUSE = 0.05
"""Seconds before the first attempt over all addresses that follows a failure."""

LONGEST_PAUSE = 5.0
"""Seconds that a pause never exceeds."""


class Backoff:
    """Pauses that double up to a limit; up to half of each is left out, so that many clients do not come back at once.

    Args:
        longest: Seconds that a pause never exceeds.
        chance: Gives a number from 0 up to 1.
    """

    def __init__(self, longest: float = LONGEST_PAUSE, chance: Callable[[], float] = random.random) -> None:
        self._longest = longest
        self._chance = chance
        self._pause = FIRST_PAUSE

    def next(self) -> float:
        """Seconds to wait now."""
        pause = self._pause
        self._pause = min(self._longest, 2 * pause)
        return pause * (1 - self._chance() / 2)
