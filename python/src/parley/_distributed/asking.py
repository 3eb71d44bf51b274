"""Commands whose outcome an application waits for: calls and publishes, each ended by exactly one thing."""

from __future__ import annotations

from parley._cancellation import CancellationToken
from parley._deadlines import Deadlines
from parley._ids import AgentId, TopicId
from parley._outgoing import Outgoing
from parley._patience import Patience
from parley.exceptions import OutcomeUnknownError, UnavailableError
from parley_wire.v1 import broker_service_pb2, call_pb2

from .frames import Queued
from .session import Session

Message = broker_service_pb2.Message


class _Asked:
    """One command that has no answer yet; called with the answer."""

    __slots__ = ("_session", "id", "is_call", "item", "outgoing")

    item: Queued
    outgoing: Outgoing

    def __init__(self, session: Session, *, is_call: bool) -> None:
        self._session = session
        self.id = session.next_id()
        self.is_call = is_call

    def __call__(self, kind: str, message: Message) -> None:
        self.outgoing.settle((kind, message))

    def abandon(self) -> None:
        """Nobody waits for the answer: a call is cancelled; what has not been written never will be."""
        if not self._session.forget(self.id):
            return
        if not self.item.written:
            self.item.dropped = True
        elif self.is_call:
            self._session.send(Message(cancel=call_pb2.Cancel(request_id=self.id)))


class Asker:
    """Sends calls and publishes, and knows which of them have no answer yet.

    Args:
        session: Where they are sent.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._unanswered: dict[_Asked, None] = {}

    async def call(
        self,
        message: Message,
        target: AgentId,
        patience: Patience,
        deadlines: Deadlines,
        token: CancellationToken | None,
    ) -> tuple[str, Message]:
        """The kind of the answer to a request, and the answer; a nested one needs no credit (SPEC FLOW-1).

        Raises:
            DeadlineExceededError: The time is up.
            CallCancelledError: The token was cancelled.
            OutcomeUnknownError, UnavailableError: The session has ended.
        """
        asked = _Asked(self._session, is_call=True)
        asked.outgoing = Outgoing("the call to", target, patience, asked.abandon)
        covered = None if message.request.call_chain else len(message.request.envelope)
        return await self._ask(asked, message, covered, patience.deadline, deadlines, token)

    async def publish(
        self,
        message: Message,
        topic: TopicId,
        patience: Patience,
        deadlines: Deadlines,
        token: CancellationToken | None,
    ) -> tuple[str, Message]:
        """The kind of the answer to a publish, and the answer. Raises as `call` does."""
        asked = _Asked(self._session, is_call=False)
        asked.outgoing = Outgoing("the publish to", topic, patience, asked.abandon)
        return await self._ask(asked, message, len(message.publish.envelope), None, deadlines, token)

    async def _ask(
        self,
        asked: _Asked,
        message: Message,
        covered_bytes: int | None,
        deadline: float | None,
        deadlines: Deadlines,
        token: CancellationToken | None,
    ) -> tuple[str, Message]:
        message.id = asked.id
        self._unanswered[asked] = None
        self._session.expect(asked.id, asked)
        asked.item = self._session.send(message, covered_bytes=covered_bytes, deadline=deadline)
        try:
            answer: tuple[str, Message] = await asked.outgoing.wait(deadlines, token)
        finally:
            self._unanswered.pop(asked, None)
        return answer

    def end(self, reason: str) -> None:
        """The session has ended: what was written may have been done, what was not was not (SPEC SES-17)."""
        unanswered, self._unanswered = self._unanswered, {}
        for asked in unanswered:
            error = OutcomeUnknownError(reason) if asked.item.written else UnavailableError(reason)
            asked.outgoing.settle(error)
