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
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)

    def note(self, party: str, direction: str, text: str) -> None:
        """Keeps one line.

        Args:
            party: Who said or heard it.
            direction: `->` from the kit, `<-` to the kit, `--` about the connection, `!!` what is wrong.
            text: What was said, short.
        """
        self._lines.append(f"{(time.monotonic() - self._begin) * 1000:8.1f} {party} {direction} {text}")

    def lines(self) -> tuple[str, ...]:
        """What was kept."""
        return tuple(self._lines)


def shortened(text: str) -> str:
    """Cuts what is too long for a line."""
    return text if len(text) <= LINE_LENGTH else f"{text[:LINE_LENGTH]}… ({len(text)} characters)"
