"""Between the SDK's values and the messages of the contract."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from parley._ids import AgentId, TopicId
from parley._registry import EncodedPayload
from parley._subscription import Subscription, TypePrefixSubscription, TypeSubscription
from parley.exceptions import (
    BY_REASON,
    CallCancelledError,
    InvalidArgumentError,
    MalformedPayloadError,
    ParleyError,
)
from parley_wire.v1 import envelope_pb2, errors_pb2, subscription_pb2

_PREFIX = "ERROR_REASON_"
_REASON_NAMES = {value: name.removeprefix(_PREFIX) for name, value in errors_pb2.ErrorReason.items()}
_REASON_NUMBERS: dict[str, Any] = {name.removeprefix(_PREFIX): value for name, value in errors_pb2.ErrorReason.items()}


@lru_cache(maxsize=4096)
def agent_to_wire(id: AgentId) -> envelope_pb2.AgentId:
    """An agent id as a message, which is shared and must not be changed."""
    return envelope_pb2.AgentId(type=id.type, key=id.key)


@lru_cache(maxsize=4096)
def _agent(type: str, key: str) -> AgentId:
    return AgentId(type, key)


def agent_from_wire(id: envelope_pb2.AgentId) -> AgentId:
    """The agent id of a message. Raises InvalidArgumentError."""
    return _agent(id.type, id.key)


@lru_cache(maxsize=4096)
def _topic(type: str, source: str) -> TopicId:
    return TopicId(type, source)


def topic_from_wire(id: envelope_pb2.TopicId) -> TopicId:
    """The topic id of a message. Raises InvalidArgumentError."""
    return _topic(id.type, id.source)


def envelope_to_wire(message_id: str, payload: EncodedPayload | None) -> bytes:
    """An envelope's bytes; without a payload it says null (SPEC RPC-12)."""
    envelope = envelope_pb2.Envelope()
    if payload is not None:
        part = envelope.payload  # member by member: several times as fast as by keywords
        part.type_name = payload.type_name
        part.content_type = payload.content_type
        part.data = payload.data
    envelope.message_id = message_id
    return envelope.SerializeToString()


def envelope_from_wire(data: bytes) -> tuple[str, EncodedPayload | None]:
    """Message id and payload of an envelope. Raises MalformedPayloadError."""
    try:
        envelope = envelope_pb2.Envelope.FromString(data)
    except Exception as error:  # the protobuf runtimes differ in what they raise
        raise MalformedPayloadError("the envelope cannot be parsed") from error
    if not envelope.HasField("payload"):
        return envelope.message_id, None
    payload = envelope.payload
    return envelope.message_id, EncodedPayload(payload.type_name, payload.content_type, payload.data)


def _reason_to_wire(reason: str) -> Any:
    return _REASON_NUMBERS.get(reason, errors_pb2.ERROR_REASON_INTERNAL)


def error_to_wire(error: ParleyError | CallCancelledError) -> errors_pb2.Error:
    """An error as a message."""
    return errors_pb2.Error(
        reason=_reason_to_wire(error.reason),
        message=error.message,
        retryable=error.retryable,
        may_have_run=error.may_have_run,
        retry_after_ms=round(error.retry_after * 1000),
        details=error.details,
    )


def error_from_wire(error: errors_pb2.Error) -> ParleyError | CallCancelledError:
    """The exception of an error; ParleyError itself for a reason that this version does not know (SPEC ERR-3)."""
    reason = _REASON_NAMES.get(error.reason, f"REASON_{error.reason}")
    return BY_REASON.get(reason, ParleyError)(
        error.message,
        reason=reason,
        retryable=error.retryable,
        may_have_run=error.may_have_run,
        retry_after=error.retry_after_ms / 1000,
        details=dict(error.details),
    )


def subscription_to_wire(subscription: Subscription) -> subscription_pb2.Subscription:
    """A subscription as a message. Raises InvalidArgumentError for kinds that the contract does not have."""
    if isinstance(subscription, TypeSubscription):
        topic_type, match = subscription.topic_type, subscription_pb2.TOPIC_MATCH_EXACT
    elif isinstance(subscription, TypePrefixSubscription):
        topic_type, match = subscription.topic_type_prefix, subscription_pb2.TOPIC_MATCH_PREFIX
    else:
        raise InvalidArgumentError(
            f"{type(subscription).__name__} cannot be sent to a broker: use TypeSubscription or TypePrefixSubscription"
        )
    return subscription_pb2.Subscription(
        topic_type=topic_type, match=match, agent_type=subscription.agent_type, durable=subscription.durable
    )
