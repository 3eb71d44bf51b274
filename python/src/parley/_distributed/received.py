"""What the broker dispatched: calls to serve and events to handle, and how each is answered."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, NamedTuple, Protocol

from parley._constants import EVENT_LOGGER_NAME, ROOT_LOGGER_NAME
from parley._registry import EncodedPayload, SerializationRegistry
from parley._serialization import UnknownPayload
from parley._state import Commit
from parley._work import Work
from parley.exceptions import (
    CallCancelledError,
    HandlerFailedError,
    MalformedPayloadError,
    ParleyError,
    PayloadTooLargeError,
)
from parley_wire.v1 import broker_service_pb2, delivery_pb2, errors_pb2

from .codec import envelope_from_wire, envelope_to_wire, error_to_wire
from .session import Session

_log = logging.getLogger(ROOT_LOGGER_NAME)
_events = logging.getLogger(EVENT_LOGGER_NAME)

Message = broker_service_pb2.Message


class Answering(Protocol):
    """Who took what was dispatched, and tells the broker what it came to."""

    @property
    def serializers(self) -> SerializationRegistry:
        """The serializers of the runtime."""
        ...

    def answer(self, work: RequestWork) -> None:
        """Sends the outcome of a call."""
        ...

    def settle(self, work: DeliveryWork) -> None:
        """Sends the Ack or Nack of an event."""
        ...

    def settled(self, work: DeliveryWork, kind: str, answer: Message) -> None:
        """The broker has answered the newest Ack or Nack."""
        ...


class Received(Work):
    """What requests and deliveries have in common: an envelope, opened when the handler starts.

    Attributes:
        worker: Who took it.
        session: In which it came.
        envelope: Its bytes.
        payload: The envelope's, once it is opened.
        commit: What is to be stored with its result.
    """

    __slots__ = ("_verdict", "commit", "envelope", "payload", "session", "worker")

    worker: Answering
    session: Session
    envelope: bytes
    payload: EncodedPayload
    commit: Commit | None
    _verdict: asyncio.Future[ParleyError | None] | None

    def came(self, worker: Answering, session: Session, envelope: bytes) -> None:
        """Tells it from where it is."""
        self.worker = worker
        self.session = session
        self.envelope = envelope
        self.commit = None
        self._verdict = None

    def started(self) -> None:
        """Gives credit back."""
        self.withdrawn()

    def withdrawn(self) -> None:
        """The broker may send another one."""
        if not self.chain:  # nested calls need no credit
            self.session.grant(len(self.envelope))

    async def confirmed(self) -> ParleyError | None:
        """The broker's word on the commit."""
        if self.commit is None:
            return None
        if self._verdict is None:
            self._verdict = asyncio.get_running_loop().create_future()
        return await self._verdict

    def judged(self, error: ParleyError | None) -> None:
        """The broker has stored the commit, or refused it."""
        if self._verdict is None:
            self._verdict = asyncio.get_running_loop().create_future()
        if not self._verdict.done():
            self._verdict.set_result(error)

    def open(self) -> Any:
        """Decodes the message."""
        self.message_id, payload = envelope_from_wire(self.envelope)
        if payload is None:
            raise MalformedPayloadError("the envelope holds no payload")
        self.payload = payload
        return self.worker.serializers.decode(payload)

    def unknown(self) -> UnknownPayload:
        """The payload as it came."""
        return UnknownPayload(self.payload.type_name, self.payload.content_type, self.payload.data)


class RequestWork(Received):
    """A call that the broker dispatched.

    Attributes:
        broker_id: What its answer must name.
        key: Its idempotency key, or nothing.
        outcome: Its answer, if it came when nobody could be told.
    """

    __slots__ = ("broker_id", "key", "outcome")

    broker_id: int
    key: str
    outcome: Message | None

    def succeeded(self, result: Any, commit: Commit | None = None) -> None:
        """Sends the reply, and with it what it commits."""
        payload = None if result is None else self.worker.serializers.encode(result)
        envelope = envelope_to_wire(f"{self.message_id}.reply", payload)
        try:
            check_size(envelope, self.session)
        except PayloadTooLargeError as error:
            error.may_have_run = True
            self.failed(error)
            self.commit = commit
            self.judged(error)
            return
        self.commit = commit
        message = Message()
        message.reply.envelope = envelope  # member by member: several times as fast as by keywords
        self._answer(message)

    def ignored(self) -> None:
        """Never told to calls."""

    def failed(self, error: ParleyError | CallCancelledError) -> None:
        """Sends the error."""
        _events.info("call failed agent=%s sender=%s reason=%s", self.recipient, self.sender, error.reason)
        if isinstance(error, HandlerFailedError):
            _log.error("%s", error.message, exc_info=error.__cause__)
        self._answer(Message(error=error_to_wire(error)))

    def _answer(self, message: Message) -> None:
        self.outcome = message
        self.worker.answer(self)


class Settlement(NamedTuple):
    """What an event came to: it is done with, or failed.

    Attributes:
        ignored: The agent does not know or handle its type.
        error: Why it failed.
    """

    ignored: bool = False
    error: errors_pb2.Error | None = None


class DeliveryWork(Received):
    """A stored or ephemeral event that the broker delivered.

    Attributes:
        delivery: The newest delivery of it: under its epoch and round it is settled (SPEC DLV-4).
        result: What it came to, once that is known.
        settling: The id of the last Ack or Nack that was sent.
    """

    __slots__ = ("delivery", "result", "settling")

    delivery: delivery_pb2.Delivery
    result: Settlement | None
    settling: int

    @property
    def commits(self) -> bool:
        """An ephemeral event has no Ack that could commit: what it changes is stored with the next result."""
        return self.delivery.position != 0

    @property
    def finished(self) -> bool:
        """Its result is known."""
        return self.result is not None

    def succeeded(self, result: Any, commit: Commit | None = None) -> None:
        """Acknowledges it, and with that what it commits."""
        self.commit = commit
        self._settle(Settlement())

    def ignored(self) -> None:
        """Acknowledges it as ignored."""
        _events.info("event ignored agent=%s topic=%s type=%s", self.recipient, self.topic, self.payload.type_name)
        self._settle(Settlement(ignored=True))

    def failed(self, error: ParleyError | CallCancelledError) -> None:
        """Refuses it."""
        if self.slot is None or not self.slot.dropped:
            _log.error("an event for %s failed: %s", self.recipient, error, exc_info=error.__cause__)
        self._settle(Settlement(error=error_to_wire(error)))

    def _settle(self, result: Settlement) -> None:
        self.result = result
        self.worker.settle(self)

    def __call__(self, kind: str, answer: Message) -> None:
        """The answer to an Ack or Nack; to an older one it says nothing any more."""
        if answer.re == self.settling:
            self.worker.settled(self, kind, answer)


def check_size(envelope: bytes, session: Session) -> None:
    """Raises PayloadTooLargeError for an envelope over the broker's limit (SPEC FLOW-6)."""
    limit = session.max_envelope_bytes
    if limit and len(envelope) > limit:
        raise PayloadTooLargeError(
            f"the message has {len(envelope)} bytes with its envelope, the broker's limit is {limit}",
            details={"size": str(len(envelope)), "limit": str(limit)},
        )
