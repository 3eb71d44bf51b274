"""Commands whose outcome an application waits for: calls and publishes, each ended by exactly one thing.

What becomes of one when its session is lost (SPEC SES-15, SES-17): a call that was sent ends with OUTCOME_UNKNOWN, or
is sent again if it has an idempotency key; a stored publish is sent again under its number; what was not sent waits.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from parley._cancellation import CancellationToken
from parley._deadlines import Deadlines
from parley._ids import AgentId, TopicId
from parley._outgoing import Outgoing
from parley._patience import Patience
from parley.exceptions import DeadlineExceededError, OutcomeUnknownError, ParleyError, UnavailableError
from parley_wire.v1 import broker_service_pb2, call_pb2, errors_pb2

from .frames import Queued
from .session import Session
from .uplink import Uplink

Message = broker_service_pb2.Message
Answering = Coroutine[Any, Any, tuple[str, Message]]


class _Asked:
    """One command that has no answer yet; called with the answer.

    Attributes:
        message: The command.
        is_call: Else it is a publish.
        root: No handler waits for it: it waits while the broker drains (SPEC DRN-1).
        covered_bytes: Length of its envelope if credit covers it, else None.
        deadline: For calls: the `time.monotonic()` at which their time is up.
        session: Where it was sent, or waits to be written; None: nowhere yet.
        item: Its place in that session's queue.
        sent: It has been written in some session.
    """

    __slots__ = (
        "_asker", "covered_bytes", "deadline", "is_call", "item", "message", "outgoing", "root", "sent", "session",
    )  # fmt: skip

    item: Queued
    outgoing: Outgoing

    def __init__(
        self, asker: Asker, message: Message, *, is_call: bool, covered_bytes: int | None, deadline: float | None
    ) -> None:
        self._asker = asker
        self.message = message
        self.is_call = is_call
        self.root = covered_bytes is not None
        self.covered_bytes = covered_bytes
        self.deadline = deadline
        self.session: Session | None = None
        self.sent = False

    @property
    def was_sent(self) -> bool:
        """True if it has left, in whichever session."""
        return self.sent or (self.session is not None and self.item.written)

    @property
    def lasting(self) -> bool:
        """True if it may be sent twice: the broker knows it again."""
        return bool(self.message.request.idempotency_key) if self.is_call else not self.message.publish.ephemeral

    def __call__(self, kind: str, message: Message) -> None:
        if kind == "error" and message.error.reason == errors_pb2.ERROR_REASON_DRAINING and self._asker.wait(self):
            return
        self.outgoing.settle((kind, message))

    def abandon(self) -> None:
        """Nobody waits for the answer: a call is cancelled; what has not been written never will be."""
        session = self.session
        if session is None or not session.forget(self.message.id):
            return
        if not self.item.written:
            self.item.dropped = True
        elif self.is_call:
            session.send(Message(cancel=call_pb2.Cancel(request_id=self.message.id)))


class Asker:
    """Sends calls and publishes, and knows which of them have no answer yet.

    Args:
        uplink: Through which they are sent.
    """

    def __init__(self, uplink: Uplink) -> None:
        self._uplink = uplink
        self._unanswered: dict[_Asked, None] = {}

    def call(
        self,
        message: Message,
        target: AgentId,
        patience: Patience,
        deadlines: Deadlines,
        token: CancellationToken | None,
    ) -> Answering:
        """To await: the kind of the answer to a request, and the answer; a nested one needs no credit (SPEC FLOW-1).

        Raises:
            DeadlineExceededError: The time is up.
            CallCancelledError: The token was cancelled.
            OutcomeUnknownError: The session was lost after it was sent.
            UnavailableError: It was never sent, since there was no session.
        """
        request = message.request
        covered = None if request.call_chain else len(request.envelope)
        asked = _Asked(self, message, is_call=True, covered_bytes=covered, deadline=patience.deadline)
        asked.outgoing = Outgoing("the call to", target, patience, asked.abandon)
        return self._ask(asked, deadlines, token)

    def publish(
        self,
        message: Message,
        topic: TopicId,
        patience: Patience,
        deadlines: Deadlines,
        token: CancellationToken | None,
    ) -> Answering:
        """To await: the kind of the answer to a publish, and the answer. Raises as `call` does."""
        covered = len(message.publish.envelope)
        asked = _Asked(self, message, is_call=False, covered_bytes=covered, deadline=None)
        asked.outgoing = Outgoing("the publish to", topic, patience, asked.abandon)
        return self._ask(asked, deadlines, token)

    async def _ask(self, asked: _Asked, deadlines: Deadlines, token: CancellationToken | None) -> tuple[str, Message]:
        self._unanswered[asked] = None
        if self._may_send(asked):
            self._send(asked)
        try:
            answer: tuple[str, Message] = await asked.outgoing.wait(deadlines, token)
            return answer
        except DeadlineExceededError as error:
            if asked.was_sent or (asked.is_call and asked.session is not None and self._uplink.connected):
                raise
            raise UnavailableError(f"{error.message}; it was never sent", details=error.details) from error
        finally:
            self._unanswered.pop(asked, None)

    def _may_send(self, asked: _Asked) -> bool:
        return self._uplink.is_ready and not (self._uplink.draining and asked.root)

    def _send(self, asked: _Asked) -> None:
        session = asked.session = self._uplink.session
        message = asked.message
        message.id = session.next_id()
        session.expect(message.id, asked)
        asked.item = session.send(
            message,
            covered_bytes=asked.covered_bytes,
            deadline=asked.deadline,
            stored=not asked.is_call and not message.publish.ephemeral,
        )

    def wait(self, asked: _Asked) -> bool:
        """Keeps what was refused by a broker that drains for the next session. False if the broker does not drain."""
        if not self._uplink.draining or asked.session is not self._uplink.session:
            return False
        asked.session = None
        asked.sent = False
        asked.root = True
        if not asked.is_call:
            asked.message.publish.producer_seq = 0  # a refusal consumes its number
        return True

    def session_lost(self, reason: str) -> None:
        """What was written may have been done; what cannot be sent twice ends here (SPEC SES-15)."""
        for asked in list(self._unanswered):
            if asked.session is not None and asked.item.written and not asked.lasting:
                asked.outgoing.settle(OutcomeUnknownError(f"the session was lost: {reason}"))

    def ready(self) -> None:
        """There is a session that takes everything: first what was sent before, then what was not."""
        for again in (True, False):
            for asked in list(self._unanswered):
                if asked.session is self._uplink.session or asked.outgoing.done:
                    continue
                if asked.was_sent is again and self._may_send(asked):
                    asked.sent = again
                    self._send(asked)

    def end(self, reason: str) -> None:
        """There will be no further session: everything ends."""
        for asked in list(self._unanswered):
            error: ParleyError = OutcomeUnknownError(reason) if asked.was_sent else UnavailableError(reason)
            asked.outgoing.settle(error)
