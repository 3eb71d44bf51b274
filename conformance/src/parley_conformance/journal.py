"""What was said in a case, by everybody, in the order the kit saw it: for reports, never for verdicts."""

from __future__ import annotations

import time
from collections import deque

KEPT_LINES = 500
LINE_LENGTH = 700


class Journal:
    """The last lines of a case, each with its time since the journal began, in ms."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._lines: deque[tuple[float, str, str, object]] = deque(maxlen=KEPT_LINES)

    def note(self, party: str, direction: str, said: object) -> None:
        """Keeps one line.

        Args:
            party: Who said or heard it.
            direction: `->` from the kit, `<-` to the kit, `=>` to the broker, `<=` from it, `--` about the connection,
                `!!` what is wrong or was done to it.
            said: What was said, short; made into text only when it is read.
        """
        self._lines.append((time.monotonic() - self._begin, party, direction, said))

    def lines(self) -> tuple[str, ...]:
        """What was kept."""
        return tuple(f"{at * 1000:8.1f} {party} {direction} {said}" for at, party, direction, said in self._lines)


def shortened(text: str) -> str:
    """Cuts what is too long for a line."""
    return text if len(text) <= LINE_LENGTH else f"{text[:LINE_LENGTH]}… ({len(text)} characters)"
