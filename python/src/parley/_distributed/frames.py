"""Frames, without any I/O: what is written next, what is kept to be written again, and what has been read.

The writer has two queues (SPEC MSG-8). What credit does not cover goes first; a covered message waits at the head of
its queue until the credit allows it, and holds up nothing but covered ones (FLOW-1, FLOW-3). What was written and has a
number is kept until the peer says that it has it; after a resume what it lacks is written again before anything else,
and gets the number that it had, since numbers have no gaps (SES-7, SES-8, SES-9).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from functools import lru_cache

from parley_wire.v1 import broker_service_pb2

MAX_FRAME_BYTES = 64 * 1024
"""Where a frame is cut; a larger message travels alone."""

RECEIPT_MESSAGES = 1000
"""Messages received after which a receipt is given on its own, without waiting for a heartbeat."""

RECEIPT_BYTES = 1024 * 1024
"""The same in bytes."""

_UNNUMBERED = frozenset({"hello", "welcome", "heartbeat"})
_MESSAGES_TAG = b"\x2a"  # Frame.messages: field 5, length-delimited


class BrokenStreamError(Exception):
    """The peer broke a rule that the stream cannot survive."""


class Queued:
    """A message that waits to be written, or to be known as received.

    Attributes:
        message: The message.
        numbered: It has a sequence number.
        covered_bytes: Length of its envelope if credit covers it, else None.
        deadline: For requests: the `time.monotonic()` that `timeout_ms` is computed from when it is written.
        stored: It is a publish that gets a `producer_seq` when it is first written (SPEC PUB-4).
        written: It has left.
        dropped: It need not be written any more.
    """

    __slots__ = ("covered_bytes", "deadline", "dropped", "message", "numbered", "stored", "written")

    def __init__(
        self,
        message: broker_service_pb2.Message,
        numbered: bool = True,
        covered_bytes: int | None = None,
        deadline: float | None = None,
        stored: bool = False,
    ) -> None:
        self.message = message
        self.numbered = numbered
        self.covered_bytes = covered_bytes
        self.deadline = deadline
        self.stored = stored
        self.written = False
        self.dropped = False


class FrameWriter:
    """What this side has to say in one session.

    Args:
        window_messages: Covered messages that the peer may have sent and not seen started.
        window_bytes: The same in envelope bytes.
        publish_numbers: Numbers the producer's stored publishes, over all its sessions.
    """

    def __init__(self, *, window_messages: int, window_bytes: int, publish_numbers: Iterator[int]) -> None:
        self._free: deque[Queued] = deque()
        self._covered: deque[Queued] = deque()
        self._again: deque[Queued] = deque()
        self._kept: deque[Queued] = deque()
        self._last_seq = 0
        self._publish_numbers = publish_numbers
        self._sent_messages = 0
        self._sent_bytes = 0
        self._credit_messages = 0
        self._credit_bytes = 0
        self._grant_messages = self._window_messages = window_messages
        self._grant_bytes = self._window_bytes = window_bytes
        self._granted_messages = 0
        self._granted_bytes = 0
        self._urgent_messages = max(1, window_messages // 4)
        self._urgent_bytes = max(1, window_bytes // 4)
        self._received = 0
        self._received_said = 0
        self._bytes_unsaid = 0

    def push(self, item: Queued) -> None:
        """Queues a message."""
        (self._free if item.covered_bytes is None else self._covered).append(item)

    def raise_credit(self, messages: int, bytes: int) -> None:
        """The peer allows this much in total; 0: unchanged."""
        self._credit_messages = max(self._credit_messages, messages)
        self._credit_bytes = max(self._credit_bytes, bytes)

    def grant(self, bytes: int) -> bool:
        """A covered message of the peer with an envelope of `bytes` has been started: it may send another one.

        True if that should not wait for the next message.
        """
        self._grant_messages += 1
        self._grant_bytes += bytes
        return self._credit_is_urgent

    def took(self, received: int, bytes: int) -> None:
        """A frame of `bytes` has been read; all up to the number `received` is here."""
        self._received = received
        self._bytes_unsaid += bytes

    def confirmed(self, received: int) -> None:
        """The peer has all up to the number `received`: it need not be kept. Raises BrokenStreamError."""
        if received > self._last_seq:
            raise BrokenStreamError(f"the broker has received message {received}, {self._last_seq} were written")
        for _ in range(received - (self._last_seq - len(self._kept))):
            self._kept.popleft()

    @property
    def kept(self) -> int:
        """Messages that were written and are not known as received."""
        return len(self._kept) + len(self._again)

    def resume(self, received: int) -> None:
        """The session goes on over a new connection; the peer has all up to `received`, the rest is written again.

        The first frame repeats the totals of credit; heartbeats of the old connection are forgotten (SPEC SES-9).

        Raises:
            BrokenStreamError: That is more than was written, or less than was confirmed before.
        """
        lacking = self._kept + self._again
        first = self._last_seq - len(self._kept)
        last = first + len(lacking)
        if not first <= received <= last:
            raise BrokenStreamError(f"the broker has received message {received}, {first} to {last} are possible")
        for _ in range(received - first):
            lacking.popleft()
        self._again, self._kept = lacking, deque()
        self._last_seq = received
        self._free = deque(item for item in self._free if item.numbered)
        self._granted_messages = self._granted_bytes = self._received_said = 0

    @property
    def pending(self) -> bool:
        """True if a frame should be written now: a message may go, or a receipt or credit should not wait for one."""
        return (
            bool(self._free)
            or (bool(self._covered) and self._has_credit)
            or self._credit_is_urgent
            or self._received - self._received_said >= RECEIPT_MESSAGES
            or (self._bytes_unsaid >= RECEIPT_BYTES and self._received > self._received_said)
            or bool(self._again)
        )

    @property
    def unsaid(self) -> int:
        """Messages that wait, and those of the peer whose start it has not been told."""
        return len(self._free) + len(self._covered) + self._grant_messages - self._granted_messages

    @property
    def _credit_is_urgent(self) -> bool:
        return (
            self._grant_messages - self._granted_messages >= self._urgent_messages
            or self._grant_bytes - self._granted_bytes >= self._urgent_bytes
        )

    @property
    def _has_credit(self) -> bool:
        return self._sent_messages < self._credit_messages and self._sent_bytes < self._credit_bytes

    def hello(self, message: broker_service_pb2.Message) -> bytes:
        """The bytes of the frame with Hello. Its credit is the first of a session that would be new (SPEC SES-9)."""
        frame = broker_service_pb2.Frame(credit_messages=self._window_messages, credit_bytes=self._window_bytes)
        frame.messages.append(message)
        self._granted_messages = max(self._granted_messages, self._window_messages)
        self._granted_bytes = max(self._granted_bytes, self._window_bytes)
        return frame.SerializeToString()

    def next_frame(self, now: float) -> bytes:
        """The bytes of the next frame: what is queued, up to the size where a frame is cut.

        Args:
            now: `time.monotonic()`, for what is left of requests.
        """
        parts: list[bytes] = []
        size = 0
        first_seq = 0
        while True:
            if self._again:
                queue = self._again
            elif self._free:
                queue = self._free
            elif self._covered and (self._covered[0].dropped or self._has_credit):
                queue = self._covered
            else:
                break
            item = queue[0]
            if item.dropped:
                queue.popleft()
                continue
            message = item.message
            if item.deadline is not None:
                message.request.timeout_ms = max(0, math.ceil((item.deadline - now) * 1000))
            elif item.stored and not message.publish.producer_seq:
                message.publish.producer_seq = next(self._publish_numbers)
            body = message.SerializeToString()
            length = len(body)
            if parts and size + length > MAX_FRAME_BYTES:
                break
            queue.popleft()
            size += length
            parts += (_MESSAGES_TAG, _varint(length), body)
            if item.numbered:
                self._last_seq += 1
                first_seq = first_seq or self._last_seq
                self._kept.append(item)
            if item.covered_bytes is not None and not item.written:
                self._sent_messages += 1
                self._sent_bytes += item.covered_bytes
            item.written = True
        return self._header(first_seq) + b"".join(parts)

    def _header(self, first_seq: int) -> bytes:
        frame = broker_service_pb2.Frame(first_seq=first_seq)
        if self._received > self._received_said:
            frame.received = self._received_said = self._received
            self._bytes_unsaid = 0
        if self._grant_messages > self._granted_messages:
            frame.credit_messages = self._granted_messages = self._grant_messages
        if self._grant_bytes > self._granted_bytes:
            frame.credit_bytes = self._granted_bytes = self._grant_bytes
        return frame.SerializeToString()


@lru_cache(maxsize=4096)
def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


class FrameReader:
    """What the peer has said in one session.

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
