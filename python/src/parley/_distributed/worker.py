"""The worker's side of a session: what the broker dispatches becomes work for the agents of this process."""

from __future__ import annotations

import logging
import time
from typing import Any

from parley._constants import EVENT_LOGGER_NAME, ROOT_LOGGER_NAME
from parley._host import AgentHost
from parley._ids import AgentId
from parley._registry import EncodedPayload, SerializationRegistry
from parley._serialization import UnknownPayload
from parley._slot import AgentSlot, Registration
from parley._work import Work
from parley.exceptions import (
    ActivationFailedError,
    CallCancelledError,
    HandlerFailedError,
    MalformedPayloadError,
    ParleyError,
    PayloadTooLargeError,
)
from parley_wire.v1 import agent_pb2, broker_service_pb2, call_pb2, delivery_pb2

from .codec import (
    agent_from_wire,
    envelope_from_wire,
    envelope_to_wire,
    error_to_wire,
    topic_from_wire,
)
from .session import Session

_log = logging.getLogger(ROOT_LOGGER_NAME)
_events = logging.getLogger(EVENT_LOGGER_NAME)

Message = broker_service_pb2.Message


class _Received(Work):
    """What requests and deliveries have in common: an envelope, opened when the handler starts."""

    __slots__ = ("envelope", "payload", "worker")

    worker: Worker
    envelope: bytes
    payload: EncodedPayload

    def started(self) -> None:
        """Gives credit back."""
        if not self.nested:
            self.worker.session.grant(len(self.envelope))

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


class _Request(_Received):
    """A call that the broker dispatched."""

    __slots__ = ("broker_id",)

    broker_id: int

    def succeeded(self, result: Any) -> None:
        """Sends the reply."""
        payload = None if result is None else self.worker.serializers.encode(result)
        envelope = envelope_to_wire(f"{self.message_id}.reply", payload)
        try:
            check_size(envelope, self.worker.session)
        except PayloadTooLargeError as error:
            error.may_have_run = True
            self.failed(error)
            return
        self.worker.answer(self, Message(re=self.broker_id, reply=call_pb2.Reply(envelope=envelope)))

    def ignored(self) -> None:
        """Never told to calls."""

    def failed(self, error: ParleyError | CallCancelledError) -> None:
        """Sends the error."""
        _events.info("call failed agent=%s sender=%s reason=%s", self.recipient, self.sender, error.reason)
        if isinstance(error, HandlerFailedError):
            _log.error("%s", error.message, exc_info=error.__cause__)
        self.worker.answer(self, Message(re=self.broker_id, error=error_to_wire(error)))


class _Delivery(_Received):
    """An event that the broker delivered."""

    __slots__ = ("delivery",)

    delivery: delivery_pb2.Delivery

    def succeeded(self, result: Any) -> None:
        """Acknowledges it."""
        self._ack(ignored=False)

    def ignored(self) -> None:
        """Acknowledges it as ignored."""
        _events.info("event ignored agent=%s topic=%s type=%s", self.recipient, self.topic, self.payload.type_name)
        self._ack(ignored=True)

    def failed(self, error: ParleyError | CallCancelledError) -> None:
        """Refuses it."""
        _log.error("an event for %s failed: %s", self.recipient, error, exc_info=error.__cause__)
        nack = delivery_pb2.Nack(error=error_to_wire(error))
        self._identify(nack)
        self._settle(Message(nack=nack))

    def _ack(self, *, ignored: bool) -> None:
        ack = delivery_pb2.Ack(ignored=ignored)
        self._identify(ack)
        self._settle(Message(ack=ack))

    def _identify(self, settled: delivery_pb2.Ack | delivery_pb2.Nack) -> None:
        settled.recipient.CopyFrom(self.delivery.recipient)
        settled.epoch = self.delivery.epoch
        settled.position = self.delivery.position
        settled.round = self.delivery.round

    def _settle(self, message: Message) -> None:
        if self.delivery.position:  # ephemeral events are not settled (SPEC DLV-1)
            message.id = self.worker.session.next_id()
            self.worker.session.expect(message.id, self._settled)
            self.worker.session.send(message)

    def _settled(self, kind: str, message: Message) -> None:
        if self.slot is not None:
            self.slot.unsettled.discard(self.delivery.position)
        if kind == "error":
            _log.warning("the broker refused to settle an event of %s: %s", self.recipient, message.error.message)


class Worker:
    """Takes what the broker dispatches.

    Args:
        session: The session.
        host: The agents of this process.
        serializers: The serializers of the runtime.
    """

    def __init__(self, session: Session, host: AgentHost, serializers: SerializationRegistry) -> None:
        self.session = session
        self.serializers = serializers
        self._host = host
        self._requests: dict[int, _Request] = {}
        session.handlers.update(
            activate=self._on_activate, request=self._on_request, cancel=self._on_cancel, delivery=self._on_delivery
        )

    def answer(self, work: _Request, message: Message) -> None:
        """Sends the one outcome of a request (SPEC RPC-1)."""
        if self._requests.pop(work.broker_id, None) is not None:
            self.session.send(message)

    # ---- activation

    def _on_activate(self, message: Message) -> None:
        activate: agent_pb2.Activate = message.activate
        try:
            id = agent_from_wire(activate.agent)
            slot = self._host.activate(id, self._registration(id), activate.epoch)
        except ParleyError as error:
            self._answer_activate(message.id, error)
            return
        slot.when_ready(lambda failure: self._answer_activate(message.id, failure))

    def _answer_activate(self, id: int, failure: ParleyError | None) -> None:
        if id:
            answer = Message(re=id)
            if failure is None:
                answer.done.SetInParent()
            else:
                answer.error.CopyFrom(error_to_wire(failure))
            self.session.send(answer)

    def _registration(self, id: AgentId) -> Registration:
        registration = self._host.registrations.get(id.type)
        if registration is None:
            raise _not_here(id)
        return registration

    def _slot(self, id: AgentId, epoch: int) -> AgentSlot:
        """The agent that a message is for. Raises ActivationFailedError if it is not here with this epoch."""
        slot = self._host.slots.get(id)
        if slot is None:
            registration = self._registration(id)
            if not registration.stateless:
                raise _not_here(id)
            return self._host.activate(id, registration)
        if slot.epoch != epoch:
            raise _not_here(id)
        return slot

    # ---- calls

    def _on_request(self, message: Message) -> None:
        request = message.request
        try:
            id = agent_from_wire(request.target)
            slot = self._slot(id, request.epoch)
            timeout = request.timeout_ms / 1000 if request.HasField("timeout_ms") else None
            work = _Request(
                id,
                sender=agent_from_wire(request.sender) if request.HasField("sender") else None,
                topic=None,
                message_id="",
                chain=tuple([agent_from_wire(agent) for agent in request.call_chain]),
                attempt=request.attempt or 1,
                deadline=None if timeout is None else time.monotonic() + timeout,
            )
        except ParleyError as error:
            if not request.call_chain:
                self.session.grant(len(request.envelope))
            self.session.send(Message(re=message.id, error=error_to_wire(error)))
            return
        work.worker = self
        work.envelope = request.envelope
        work.broker_id = message.id
        self._requests[message.id] = work
        self._host.submit(slot, work)

    def _on_cancel(self, message: Message) -> None:
        work = self._requests.get(message.cancel.request_id)
        if work is not None:
            work.end("cancel")

    # ---- events

    def _on_delivery(self, message: Message) -> None:
        delivery = message.delivery
        try:
            id = agent_from_wire(delivery.recipient)
            work = _Delivery(
                id,
                sender=agent_from_wire(delivery.sender) if delivery.HasField("sender") else None,
                topic=topic_from_wire(delivery.topic),
                message_id="",
                attempt=delivery.attempt or 1,
            )
        except ParleyError as error:
            _log.error("a delivery that cannot be read was dropped: %s", error)
            self.session.grant(len(delivery.envelope))
            return
        work.worker = self
        work.envelope = delivery.envelope
        work.delivery = delivery
        try:
            slot = self._slot(id, delivery.epoch)
        except ActivationFailedError as error:
            self.session.grant(len(delivery.envelope))
            work.failed(error)
            return
        if not slot.accepts(delivery.position, delivery.round):
            self.session.grant(len(delivery.envelope))
            return
        self._host.submit(slot, work)


def _not_here(id: AgentId) -> ActivationFailedError:
    return ActivationFailedError(f"the agent {id} is not active in this process", details={"agent": str(id)})


def check_size(envelope: bytes, session: Session) -> None:
    """Raises PayloadTooLargeError for an envelope over the broker's limit (SPEC FLOW-6)."""
    limit = session.limits.max_envelope_bytes
    if limit and len(envelope) > limit:
        raise PayloadTooLargeError(
            f"the message has {len(envelope)} bytes with its envelope, the broker's limit is {limit}",
            details={"size": str(len(envelope)), "limit": str(limit)},
        )
