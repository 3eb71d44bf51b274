"""The contract's bookkeeping of one session from the broker's end: what the client said, and the rules that it broke.

Pure: frames in, facts and broken rules out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parley_conformance import wire
from parley_conformance.model import Failed
from parley_conformance.watch import UNNUMBERED, covered_size, kind_of
from parley_wire.v1 import broker_service_pb2 as pb

_MAY_DIFFER = ("timeout_ms",)


class ClientWatch:
    """What one session of a client has said.

    Attributes:
        received: The highest number received without a gap.
        sent: The highest number that the broker has sent in this session.
        confirmed: What the client has received of it.
        violations: The rules that the client broke, in the order noticed.
    """

    def __init__(self, credit_messages: int, credit_bytes: int) -> None:
        self.received = 0
        self.sent = 0
        self.confirmed = 0
        self.credit_messages = credit_messages
        self.credit_bytes = credit_bytes
        self.violations: list[Failed] = []
        self._next = 1
        self._heard: dict[int, pb.Message] = {}
        self._open: set[int] = set()
        self._used_messages = 0
        self._used_bytes = 0

    def greeted(self, hello: pb.Message, frame: pb.Frame) -> None:
        """Checks a Hello and the frame that carries it; what it says of a session, by `wants_back`."""
        if not hello.id:
            self._broken("Hello has no id", "SES-1")
        if not (frame.credit_messages and frame.credit_bytes):
            self._broken("the frame with Hello gives no credit", "FLOW-1")
        if not hello.hello.producer_id:
            self._broken("Hello has no producer_id", "PUB-4")
        if not hello.hello.kinds:
            self._broken("Hello announces no kinds", "SES-4")

    def wants_back(self, received: int) -> None:
        """Checks what a Hello that resumes this session says that the client has received."""
        if not self.confirmed <= received <= self.sent:
            text = f"Hello says that {received} was received; {self.confirmed} was before, {self.sent} were sent"
            self._broken(text, "SES-9")
        self.confirmed = max(self.confirmed, received)

    def goes_on(self, received: int) -> None:
        """The session was resumed, and the client told that the broker has received so much."""
        self._next = received + 1

    def forget(self, number: int) -> None:
        """As if the last so many messages had never come."""
        for _ in range(number):
            message = self._heard.pop(self.received)
            self._open.discard(message.id)
            if covered_size(message) is not None:
                self._used_messages -= 1
                self._used_bytes -= covered_size(message) or 0
            self.received -= 1

    def says(self, message: pb.Message, *, counted: bool) -> None:
        """The broker says something to this session.

        Args:
            message: What it answers is outstanding no longer.
            counted: It takes the next number, if its kind has one.
        """
        if message.re:
            self._open.discard(message.re)
        if counted and kind_of(message) not in UNNUMBERED:
            self.sent += 1

    def heard(self, frame: pb.Frame) -> Iterator[tuple[pb.Message, int, bool]]:
        """Checks a frame; gives each message with its number, and whether it had been received before."""
        if frame.received > self.sent:
            self._broken(f"received {frame.received}, but only {self.sent} were sent", "SES-8")
        self.confirmed = max(self.confirmed, frame.received)
        number = frame.first_seq
        for message in frame.messages:
            kind = kind_of(message)
            if kind == "hello":
                self._broken("a second Hello", "SES-1")
            if kind in UNNUMBERED:
                yield message, 0, False
                continue
            yield message, number, self._numbered(message, number, kind)
            number += 1

    def _numbered(self, message: pb.Message, number: int, kind: str) -> bool:
        if number != self._next:
            self._broken(f"{kind} has number {number} where {self._next} was due", "SES-7")
        self._next = number + 1
        if number <= self.received:
            before = self._heard.get(number)
            if before is not None and _same(before) != _same(message):
                text = f"number {number} was {wire.plain(before)!r} and is now {wire.plain(message)!r}"
                self._broken(text, "SES-9")
            return True
        self.received = number
        self._heard[number] = message
        if message.id:
            if message.id in self._open:
                self._broken(f"{kind} has the id {message.id}, which is outstanding", "MSG-3")
            self._open.add(message.id)
        self._spend(message, kind)
        return False

    def _spend(self, message: pb.Message, kind: str) -> None:
        size = covered_size(message)
        if size is None:
            return
        if self._used_messages >= self.credit_messages or self._used_bytes >= self.credit_bytes:
            used = f"{self._used_messages} messages and {self._used_bytes} bytes"
            given = f"{self.credit_messages} and {self.credit_bytes}"
            self._broken(f"{kind} was sent when {used} of {given} were used", "FLOW-1")
        self._used_messages += 1
        self._used_bytes += size

    def _broken(self, text: str, rule: str) -> None:
        self.violations.append(Failed(f"the client: {text}", rule=rule, party="client"))


def begins_wrongly(frame: pb.Frame, credit_messages: int, credit_bytes: int) -> list[Failed]:
    """The rules that the first frame of a connection breaks: it has a Hello, and nothing else."""
    if [kind_of(message) for message in frame.messages] != ["hello"]:
        told = [wire.plain(message) for message in frame.messages]
        return [Failed(f"the client: a connection began with {told!r}", rule="SES-1", party="client")]
    watch = ClientWatch(credit_messages, credit_bytes)
    watch.greeted(frame.messages[0], frame)
    return watch.violations


def _same(message: pb.Message) -> dict[str, Any]:
    # Remaining times are computed anew when a message is sent again.
    plain = wire.plain(message)
    for value in plain.values():
        if isinstance(value, dict):
            for name in _MAY_DIFFER:
                value.pop(name, None)
    return plain
