"""The contract's bookkeeping of one connection, from the client's end: numbers, credit, ids, and what is broken.

Pure: messages and frames in, facts and broken rules out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from parley_conformance import wire
from parley_conformance.model import Failed
from parley_conformance.spec import Flags
from parley_wire.v1 import broker_service_pb2 as pb
from parley_wire.v1 import delivery_pb2

UNNUMBERED = frozenset({"hello", "welcome", "heartbeat"})
UNKNOWN_KIND = "(unknown kind)"


def kind_of(message: pb.Message) -> str:
    """The name of a message's kind."""
    return message.WhichOneof("kind") or UNKNOWN_KIND


def covered_size(message: pb.Message) -> int | None:
    """Bytes that a message takes from the credit (FLOW-1); None: credit does not cover it."""
    kind = kind_of(message)
    if kind == "publish":
        return len(message.publish.envelope)
    if kind == "request" and not message.request.call_chain:
        return len(message.request.envelope)
    return None


class Watch:
    """What one connection has said and heard.

    Attributes:
        received: The highest number received without a gap.
        sent: The number of the last message said.
        acknowledged: The highest number that the broker says it has received.
        heartbeats: Those heard that answer nothing.
        credit_messages: Covered messages that may be sent in all, as the broker said last.
        violations: The rules that the broker broke, in the order noticed.
    """

    def __init__(self, name: str, reasons: Mapping[str, Flags], *, any_reason: bool = False) -> None:
        self.received = 0
        self.sent = 0
        self.acknowledged = 0
        self.heartbeats = 0
        self.credit_messages = 0
        self.violations: list[Failed] = []
        self._name = name
        self._reasons = reasons
        self._any_reason = any_reason
        self._asked: set[int] = set()
        # The numbers of the last answers, and what they answered.
        self._answers: deque[tuple[int, int]] = deque(maxlen=100)
        self._credit_bytes = 0
        self._used_messages = 0
        self._used_bytes = 0
        self._greeted = False
        # By recipient: round and position of its last delivery.
        self._delivered: dict[tuple[str, str], tuple[int, int]] = {}

    # -- what is said ---------------------------------------------------------------------------------------------

    def take_number(self) -> int:
        """Uses the next sequence number."""
        self.sent += 1
        return self.sent

    def expect_answer(self, identity: int) -> None:
        """From now on an answer to this id is legal."""
        self._asked.add(identity)

    def goes_back(self, received: int) -> None:
        """The broker is told that no more than this was received; what comes after it comes again."""
        for number in range(received + 1, self.received + 1):
            self._asked |= {re for at, re in self._answers if at == number}
        self.received = received
        self._delivered.clear()

    def may_send(self, message: pb.Message) -> bool:
        """True if the credit allows it."""
        covered = covered_size(message) is not None
        return not covered or (self._used_messages < self.credit_messages and self._used_bytes < self._credit_bytes)

    def said(self, message: pb.Message) -> None:
        """Counts a message that is about to be written."""
        kind = kind_of(message)
        if kind not in UNNUMBERED:
            self.sent += 1
        if message.id and kind != UNKNOWN_KIND:
            self._asked.add(message.id)
        if (size := covered_size(message)) is not None:
            self._used_messages += 1
            self._used_bytes += size

    def first_seq(self, frame: pb.Frame) -> int:
        """The number of the first numbered message of a frame whose messages were all `said` just now."""
        numbered = sum(kind_of(message) not in UNNUMBERED for message in frame.messages)
        return self.sent - numbered + 1 if numbered else 0

    # -- what is heard --------------------------------------------------------------------------------------------

    def heard_frame(self, frame: pb.Frame) -> None:
        """Checks receipt, credit and numbers of a frame."""
        if frame.credit_messages:
            if frame.credit_messages < self.credit_messages:
                self._broken(f"credit_messages fell from {self.credit_messages} to {frame.credit_messages}", "FLOW-1")
            self.credit_messages = frame.credit_messages
        if frame.credit_bytes:
            if frame.credit_bytes < self._credit_bytes:
                self._broken(f"credit_bytes fell from {self._credit_bytes} to {frame.credit_bytes}", "FLOW-1")
            self._credit_bytes = frame.credit_bytes
        if frame.received > self.sent:
            self._broken(f"received {frame.received}, but only {self.sent} were sent", "SES-8")
        # 0: nothing new to say.
        if 0 < frame.received < self.acknowledged:
            self._broken(f"received fell from {self.acknowledged} to {frame.received}", "SES-8")
        self.acknowledged = max(self.acknowledged, frame.received)
        number = frame.first_seq
        for message in frame.messages:
            kind = kind_of(message)
            self._greeted |= kind == "welcome"
            # Without a session, before Welcome, nothing is numbered: the answer to a refused Hello.
            if kind in UNNUMBERED or not (self._greeted or number):
                continue
            if number != self.received + 1:
                self._broken(f"number {number} where {self.received + 1} was due", "SES-7")
            self.received = number
            if message.re:
                self._answers.append((number, message.re))
            number += 1

    def heard(self, message: pb.Message) -> None:
        """Checks a message: what it answers, the flags of an error, the order of a recipient's deliveries."""
        if message.re:
            if message.re not in self._asked:
                told = wire.plain(message)
                self._broken(f"an answer to {message.re}, which nothing outstanding has: {told}", "MSG-3")
            self._asked.discard(message.re)
        kind = kind_of(message)
        self.heartbeats += kind == "heartbeat" and not message.re
        if kind == "error":
            self._check_flags(wire.plain(message)["error"])
        elif kind == "delivery":
            self._check_order(message.delivery)

    def _check_flags(self, error: Mapping[str, Any]) -> None:
        reason = error.get("reason", "")
        allowed = self._reasons.get(str(reason))
        if allowed is None and self._any_reason:
            return
        if allowed is None:
            self._broken(f"an error with a reason that the contract does not have: {error}", "ERR-1")
            return
        retryable, may_have_run = error.get("retryable", False), error.get("may_have_run", False)
        if retryable not in allowed.retryable or may_have_run not in allowed.may_have_run:
            self._broken(f"{reason} with flags that its row does not allow: {error}", "ERR-2")
        elif not error.get("message"):
            self._broken(f"{reason} without a text", "ERR-1")

    def _check_order(self, delivery: delivery_pb2.Delivery) -> None:
        # Stateless agents, of epoch 0, have no order, and neither have ephemeral events.
        if delivery.epoch and delivery.position:
            recipient = delivery.recipient.type, delivery.recipient.key
            at, last = (delivery.round, delivery.position), self._delivered.get(recipient, (0, 0))
            if at < last:
                told = "position {1} of round {0}"
                self._broken(f"{told.format(*at)} of {'/'.join(recipient)} came after {told.format(*last)}", "DLV-3")
            self._delivered[recipient] = at

    def _broken(self, text: str, rule: str) -> None:
        self.violations.append(Failed(f"{self._name}: {text}", rule=rule, party="broker"))
