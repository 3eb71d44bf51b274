"""Frames, without any I/O: what is written next, and what has been read (SPEC MSG-8, SES-7, SES-8, FLOW-1, FLOW-3).

The writer has two queues. What credit does not cover goes first; a covered message waits at the head of its queue until
the credit allows it, and holds up nothing but covered ones.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator

from parley_wire.v1 import broker_service_pb2

MAX_FRAME_BYTES = 64 * 1024
"""Where a frame is cut; a larger message travels alone."""

_UNNUMBERED = frozenset({"hello", "welcome", "heartbeat"})
_MESSAGES_TAG = b"\x2a"  # Frame.messages: field 5, length-delimited


class BrokenStreamError(Exception):
    """The peer broke a rule that the stream cannot survive."""


class Queued:
    """A message that waits to be written.

    Attributes:
        message: The message.
        numbered: It has a sequence number.
        covered_bytes: Length of its envelope if credit covers it, else None.
        deadline: For requests: the `time.monotonic()` that `timeout_ms` is computed from when it is written.
        written: It has left.
        dropped: It need not be written any more.
    """

    __slots__ = ("covered_bytes", "deadline", "dropped", "message", "numbered", "written")

    def __init__(
        self,
        message: broker_service_pb2.Message,
        numbered: bool = True,
        covered_bytes: int | None = None,
        deadline: float | None = None,
    ) -> None:
        self.message = message
        self.numbered = numbered
        self.covered_bytes = covered_bytes
        self.deadline = deadline
        self.written = False
        self.dropped = False


class FrameWriter:
    """What this side has to say.

    Args:
        window_messages: Covered messages that the peer may have sent and not seen started.
        window_bytes: The same in envelope bytes.
    """

    def __init__(self, *, window_messages: int, window_bytes: int) -> None:
        self._free: deque[Queued] = deque()
        self._covered: deque[Queued] = deque()
        self._last_seq = 0
        self._sent_messages = 0
        self._sent_bytes = 0
        self._credit_messages = 0
        self._credit_bytes = 0
        self._grant_messages = window_messages
        self._grant_bytes = window_bytes
        self._granted_messages = 0
        self._granted_bytes = 0
        self._urgent_messages = max(1, window_messages // 4)
        self._urgent_bytes = max(1, window_bytes // 4)
        self._received_said = 0

    def push(self, item: Queued) -> None:
        """Queues a message."""
        (self._free if item.covered_bytes is None else self._covered).append(item)

    def raise_credit(self, messages: int, bytes: int) -> None:
        """The peer allows this much in total; 0: unchanged."""
        self._credit_messages = max(self._credit_messages, messages)
        self._credit_bytes = max(self._credit_bytes, bytes)

    def grant(self, bytes: int) -> None:
        """A covered message of the peer with an envelope of `bytes` has been started: it may send another one."""
        self._grant_messages += 1
        self._grant_bytes += bytes

    @property
    def pending(self) -> bool:
        """True if a frame should be written now: a message may go, or the peer may be short of credit."""
        return (
            bool(self._free)
            or (bool(self._covered) and self._has_credit)
            or self._grant_messages - self._granted_messages >= self._urgent_messages
            or self._grant_bytes - self._granted_bytes >= self._urgent_bytes
        )

    @property
    def _has_credit(self) -> bool:
        return self._sent_messages < self._credit_messages and self._sent_bytes < self._credit_bytes

    def next_frame(self, now: float, received: int) -> bytes:
        """The bytes of the next frame: what is queued, up to the size where a frame is cut.

        Args:
            now: `time.monotonic()`, for what is left of requests.
            received: The receipt to give.
        """
        parts: list[bytes] = []
        size = 0
        first_seq = 0
        while True:
            if self._free:
                queue = self._free
            elif self._covered and (self._covered[0].dropped or self._has_credit):
                queue = self._covered
            else:
                break
            item = queue[0]
            if item.dropped:
                queue.popleft()
                continue
            if item.deadline is not None:
                item.message.request.timeout_ms = max(0, math.ceil((item.deadline - now) * 1000))
            body = item.message.SerializeToString()
            if parts and size + len(body) > MAX_FRAME_BYTES:
                break
            queue.popleft()
            item.written = True
            size += len(body)
            parts += (_MESSAGES_TAG, _varint(len(body)), body)
            if item.numbered:
                self._last_seq += 1
                first_seq = first_seq or self._last_seq
            if item.covered_bytes is not None:
                self._sent_messages += 1
                self._sent_bytes += item.covered_bytes
        return self._header(first_seq, received) + b"".join(parts)

    def _header(self, first_seq: int, received: int) -> bytes:
        frame = broker_service_pb2.Frame(first_seq=first_seq)
        if received > self._received_said:
            frame.received = self._received_said = received
        if self._grant_messages > self._granted_messages:
            frame.credit_messages = self._granted_messages = self._grant_messages
        if self._grant_bytes > self._granted_bytes:
            frame.credit_bytes = self._granted_bytes = self._grant_bytes
        return frame.SerializeToString()


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


class FrameReader:
    """What the peer has said.

    Attributes:
        received: Highest sequence number received without a gap.
    """

    def __init__(self) -> None:
        self.received = 0

    def messages(self, frame: broker_service_pb2.Frame) -> Iterator[tuple[str | None, broker_service_pb2.Message]]:
        """The messages of a frame that are new, each with its kind; None for a kind that this version does not know.

        Raises:
            BrokenStreamError: A number is missing.
        """
        seq = frame.first_seq
        for message in frame.messages:
            kind = message.WhichOneof("kind")
            if kind in _UNNUMBERED:
                yield kind, message
                continue
            expected = self.received + 1
            if seq > expected or seq == 0:
                raise BrokenStreamError(f"the broker's message {expected} was expected, number {seq} came")
            if seq == expected:
                self.received = seq
                yield kind, message
            seq += 1
