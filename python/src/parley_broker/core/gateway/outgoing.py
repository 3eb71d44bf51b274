"""What a session has to tell its client, until the client says that it has received it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain

from parley_broker.core.messages import Heartbeat, Hello, Message, Request, Welcome
from parley_broker.core.policy import FRAME_BYTES, MESSAGE_OVERHEAD

UNNUMBERED = frozenset({Hello.KIND, Welcome.KIND, Heartbeat.KIND})
"""Kinds that have no sequence number (SES-7)."""

_Sized = tuple[int, Message]
"""What a message counts for, in bytes, and the message."""


class Outgoing:
    """The messages to one client, numbered as they are written and kept until their receipt (SES-7, SES-8).

    put ──▶ waiting ──written: gets its number──▶ kept ──receipt──▶ gone
                                                  │  ▲
                                          resumed ▼  │ written again: same number
                                                 again
    """

    __slots__ = ("_again", "_kept", "_waiting", "bytes", "confirmed")

    def __init__(self) -> None:
        self._waiting: deque[_Sized] = deque()
        self._kept: deque[_Sized] = deque()
        self._again: deque[_Sized] = deque()
        self.bytes = 0
        """Of all messages that are here; what a limit is compared with."""
        self.confirmed = 0
        """Highest number that the client has received."""

    @property
    def written(self) -> int:
        """Highest number written to the connection at hand, or confirmed."""
        return self.confirmed + len(self._kept)

    @property
    def sent(self) -> int:
        """Highest number ever written."""
        return self.written + len(self._again)

    @property
    def waiting(self) -> int:
        """Messages that are to be written."""
        return len(self._again) + len(self._waiting)

    @property
    def has_more(self) -> bool:
        """Whether any message is to be written."""
        return bool(self._waiting or self._again)

    @property
    def kept(self) -> int:
        """Messages written that have no receipt."""
        return len(self._kept)

    def put(self, message: Message) -> None:
        """Appends the message."""
        size = MESSAGE_OVERHEAD + message.body.size()
        self._waiting.append((size, message))
        self.bytes += size

    def take(self, still_wanted: Callable[[Message], bool]) -> tuple[int, list[Message]]:
        """What goes into one frame now; a message larger than a frame goes alone (MSG-8).

        Args:
            still_wanted: Whether a request that has no number yet is to be written.

        Returns:
            The number of the first numbered message, 0 if there is none; and the messages.
        """
        repeats = bool(self._again)
        queue = self._again if repeats else self._waiting
        kept = self._kept
        before = self.written
        first = total = 0
        taken: list[Message] = []
        while queue:
            sized = queue[0]
            size, message = sized
            total += size
            if taken and total > FRAME_BYTES:
                break
            queue.popleft()
            body = message.body
            if not repeats and isinstance(body, Request) and not still_wanted(message):
                self.bytes -= size
                total -= size
                continue
            taken.append(message)
            if body.KIND in UNNUMBERED:
                self.bytes -= size
            else:
                kept.append(sized)
        if self.written > before:
            first = before + 1
        return first, taken

    def unwritten(self) -> Iterator[Message]:
        """The messages that were never written, in order."""
        return (message for _, message in self._waiting)

    def confirm(self, received: int) -> None:
        """The client has received everything up to this number, which is not above `written`."""
        self._drop(self._kept, received)

    def resume(self, received: int) -> None:
        """A new connection: what the client lacks above `received` is to be written again, under the same numbers.

        Args:
            received: From `confirmed` to `sent`.
        """
        self._again = deque(chain(self._kept, self._again))
        self._kept.clear()
        self._drop(self._again, received)

    def cut(self) -> None:
        """The connection broke: what has no number belonged to it."""
        self.bytes -= sum(size for size, message in self._waiting if message.body.KIND in UNNUMBERED)
        self._waiting = deque(sized for sized in self._waiting if sized[1].body.KIND not in UNNUMBERED)

    def _drop(self, queue: deque[_Sized], received: int) -> None:
        dropped = 0
        for _ in range(received - self.confirmed):
            dropped += queue.popleft()[0]
        self.bytes -= dropped
        self.confirmed = max(self.confirmed, received)
