"""What was said in a case, by everybody, in the order the kit saw it: lines for people, and the tape for verdicts."""

from __future__ import annotations

import time
from collections import deque

from parley_conformance.tape import Tape

KEPT_LINES = 500
LINE_LENGTH = 700


class Journal:
    """The last lines of a case, each with its time since the journal began, in ms.

    Attributes:
        began: When, by the kit's clock, in seconds.
        tape: What scripted parties wrote and read. Verdicts come from there, never from the lines.
    """

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.tape = Tape()
        self._lines: deque[tuple[float, str, str, object]] = deque(maxlen=KEPT_LINES)

    def note(self, party: str, direction: str, said: object) -> None:
        """Keeps one line.

        Args:
            party: Who said or heard it.
            direction: `->` from the kit, `<-` to the kit, `=>` to the broker, `<=` from it, `--` about the connection,
                `!!` what is wrong or was done to it.
            said: What was said, short; made into text only when it is read.
        """
        self._lines.append((time.monotonic() - self.began, party, direction, said))

    def elapsed_ms(self) -> float:
        """The time since it began, in ms."""
        return (time.monotonic() - self.began) * 1000

    def lines(self) -> tuple[str, ...]:
        """What was kept."""
        return tuple(f"{at * 1000:8.1f} {party} {direction} {said}" for at, party, direction, said in self._lines)


def shortened(text: str) -> str:
    """Cuts what is too long for a line."""
    return text if len(text) <= LINE_LENGTH else f"{text[:LINE_LENGTH]}… ({len(text)} characters)"
