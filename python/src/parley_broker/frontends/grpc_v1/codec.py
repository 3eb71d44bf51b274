"""Frames as bytes and as values. The only place of this front end that knows the messages of frames.

Every message of every call passes here, so the functions are flat and copy nothing twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError

from parley_broker.core import messages as m
from parley_broker.core.ids import AgentId, TopicId
from parley_wire.v1 import (
    agent_pb2,
    broker_service_pb2,
    call_pb2,
    delivery_pb2,
    envelope_pb2,
    errors_pb2,
    publish_pb2,
    session_pb2,
    state_pb2,
    subscription_pb2,
)

BROKER_NAME = "parley-broker"

MAX_MESSAGES = 65_536
"""Messages that a frame may hold. What a writer cuts at 64 KiB has half as many at most, if all of them are empty."""
SMALL_FRAME_BYTES = 2 * MAX_MESSAGES
"""A frame of this many bytes cannot hold more."""
MAX_KINDS = 1000
"""Kinds that a Hello may announce; there are some thirty."""

_KIND_BY_NAME = {
    field.name: field.number for field in broker_service_pb2.Message.DESCRIPTOR.oneofs_by_name["kind"].fields
}


class NotAFrame(ValueError):
    """The bytes are no frame."""


def decode_frame(data: bytes, now: float) -> m.Frame:
    """The frame in these bytes; timeouts become deadlines counted from `now`, in seconds.

    Raises:
        NotAFrame: They are none (MSG-7).
    """
    if len(data) > SMALL_FRAME_BYTES and count_messages(data) > MAX_MESSAGES:
        raise NotAFrame(f"the frame has more than {MAX_MESSAGES} messages")
    try:
        frame = broker_service_pb2.Frame.FromString(data)
    except (DecodeError, SystemError):  # protobuf 3.21 raises the latter for some bytes
        raise NotAFrame(f"these {len(data)} bytes are no parley.v1.Frame") from None
    if not frame.messages and frame.ByteSize() < len(data):  # protobuf 3.21 stops at a group's end, and is content
        raise NotAFrame(f"these {len(data)} bytes are no parley.v1.Frame")
    messages = []
    for message in frame.messages:
        name = message.WhichOneof("kind")
        decode = _DECODERS.get(name)
        if decode is not None:
            body = decode(getattr(message, name), now)
        else:
            body = m.Unknown(_KIND_BY_NAME[name] if name else unknown_kind(message.SerializeToString()))
        messages.append(m.Message(body, message.id, message.re))
    return m.Frame(frame.first_seq, frame.received, frame.credit_messages, frame.credit_bytes, messages)


def encode_frame(frame: m.Frame, now: float) -> bytes:
    """The bytes of the frame; deadlines become what is left of them at `now`."""
    wire = broker_service_pb2.Frame(
        first_seq=frame.first_seq,
        received=frame.received,
        credit_messages=frame.credit_messages,
        credit_bytes=frame.credit_bytes,
    )
    add = wire.messages.add
    for message in frame.messages:
        body = message.body
        _ENCODERS[type(body)](add(id=message.id, re=message.re), body, now)
    return wire.SerializeToString()


def encode_error(error: m.Error) -> errors_pb2.Error:
    """The error on the wire."""
    return errors_pb2.Error(
        reason=error.reason,  # type: ignore[arg-type]
        message=error.message,
        retryable=error.retryable,
        may_have_run=error.may_have_run,
        retry_after_ms=error.retry_after_ms,
        details=error.details,
    )


def count_messages(data: bytes) -> int:
    """How many messages the bytes of a frame hold; at most MAX_MESSAGES + 1, and less when they are no frame."""
    count = position = 0
    try:
        while position < len(data) and count <= MAX_MESSAGES:
            tag, position = _varint(data, position)
            count += tag >> 3 == broker_service_pb2.Frame.MESSAGES_FIELD_NUMBER
            position = _skip(data, position, tag & 7)
    except ValueError:
        pass
    return count


def unknown_kind(data: bytes) -> int:
    """The number of the field that holds the kind in the bytes of a Message whose kind is not known; 0: none."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        if number >= _FIRST_KIND and wire_type == _LENGTH_DELIMITED:
            return number
        try:
            position = _skip(data, position, wire_type)
        except ValueError:
            return 0
    return 0


_FIRST_KIND = min(_KIND_BY_NAME.values())
_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5


def _skip(data: bytes, position: int, wire_type: int) -> int:
    """Where the field ends whose value begins at `position`; ValueError when there is no such type of value."""
    if wire_type == _VARINT:
        return _varint(data, position)[1]
    if wire_type == _LENGTH_DELIMITED:
        length, position = _varint(data, position)
        return position + length
    if wire_type in (_FIXED64, _FIXED32):
        return position + (8 if wire_type == _FIXED64 else 4)
    raise ValueError(f"no value has wire type {wire_type}")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """The number that begins at `position`, and where it ends; ValueError when the bytes end first."""
    value = shift = 0
    for end in range(position, min(position + 10, len(data))):
        byte = data[end]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, end + 1
        shift += 7
    raise ValueError("a number does not end")


# From the wire


def _agent(wire: envelope_pb2.AgentId) -> AgentId:
    return AgentId(wire.type, wire.key)


def _trace(wire: Any) -> m.Trace | None:
    if not wire.HasField("trace"):
        return None
    trace = wire.trace
    return m.Trace(trace.traceparent, trace.tracestate)


def _sender(wire: Any) -> AgentId | None:
    if not wire.HasField("sender"):
        return None
    sender = wire.sender
    return AgentId(sender.type, sender.key)


def _subscription_key(wire: subscription_pb2.Subscription) -> m.SubscriptionKey:
    return m.SubscriptionKey(wire.topic_type, wire.match, wire.agent_type)


def _decode_hello(wire: session_pb2.Hello, now: float) -> m.Body:
    if len(wire.kinds) > MAX_KINDS:
        raise NotAFrame(f"the Hello announces {len(wire.kinds)} kinds; at most {MAX_KINDS} are taken")
    return m.Hello(
        min_version=wire.min_version,
        max_version=wire.max_version,
        producer_id=wire.producer_id,
        instance_id=wire.instance_id,
        sdk_name=wire.sdk_name,
        sdk_language=wire.sdk_language,
        sdk_version=wire.sdk_version,
        kinds=frozenset(wire.kinds),
        resume=_decode_resume(wire.resume) if wire.HasField("resume") else None,
    )


def _decode_resume(wire: session_pb2.Resume) -> m.Resume:
    return m.Resume(wire.session_id, wire.resume_token, wire.received, wire.agents)


def payload_hash(envelope: bytes) -> bytes:
    """A hash of the envelope's payload, or of bytes that are no envelope: equal for repeats of one request (RPC-8)."""
    try:
        payload = envelope_pb2.Envelope.FromString(envelope).payload
    except (DecodeError, SystemError):
        return hashlib.sha256(envelope).digest()
    found = hashlib.sha256()
    for part in (payload.type_name.encode(), payload.content_type.encode(), payload.data):
        found.update(b"%d:" % len(part))
        found.update(part)
    return found.digest()


def _decode_request(wire: call_pb2.Request, now: float) -> m.Body:
    target = wire.target
    chain = wire.call_chain
    return m.Request(
        AgentId(target.type, target.key),
        wire.envelope,
        _sender(wire),
        wire.sender_epoch,
        0,
        now + wire.timeout_ms / 1000 if wire.HasField("timeout_ms") else None,
        wire.wait_for_ready,
        wire.idempotency_key,
        tuple(map(_agent, chain)) if chain else (),
        0,
        _trace(wire),
        payload_hash(wire.envelope) if wire.idempotency_key else b"",
    )


def _decode_error(wire: errors_pb2.Error, now: float) -> m.Error:
    return m.Error(
        wire.reason, wire.message, wire.retryable, wire.may_have_run, wire.retry_after_ms, dict(wire.details)
    )


def _decode_subscribe(wire: subscription_pb2.Subscribe, now: float) -> m.Body:
    subscription = wire.subscription
    durable = subscription.durable if subscription.HasField("durable") else True
    return m.Subscribe(m.Subscription(_subscription_key(subscription), durable, subscription.expiry_ms))


def _decode_publish(wire: publish_pb2.Publish, now: float) -> m.Publish:
    topic = wire.topic
    return m.Publish(
        TopicId(topic.type, topic.source),
        wire.envelope,
        _sender(wire),
        wire.sender_epoch,
        wire.event_id,
        wire.ephemeral,
        _trace(wire),
        wire.producer_seq,
    )


def _decode_nack(wire: delivery_pb2.Nack, now: float) -> m.Body:
    return m.Nack(
        _agent(wire.recipient),
        wire.epoch,
        wire.position,
        wire.round,
        _decode_error(wire.error, now),
        wire.delay_ms / 1000 if wire.HasField("delay_ms") else None,
    )


def _decode_state(wire: Any) -> m.State | None:
    if not wire.HasField("state"):
        return None
    state = wire.state
    return m.State(state.data, state.content_type, state.version)


def _decode_commit(wire: Any, now: float) -> m.Commit | None:
    if not wire.HasField("commit"):
        return None
    commit = wire.commit
    return m.Commit(
        _agent(commit.agent),
        commit.epoch,
        commit.expected_version,
        _decode_state(commit),
        tuple(_decode_publish(publish, now) for publish in commit.publishes),
    )


def _decode_save(wire: state_pb2.Save, now: float) -> m.Body:
    return m.Save(_agent(wire.agent), wire.epoch, wire.expected_version, _decode_state(wire))


def _decode_ack(wire: delivery_pb2.Ack, now: float) -> m.Body:
    recipient = wire.recipient
    return m.Ack(
        AgentId(recipient.type, recipient.key),
        wire.epoch,
        wire.position,
        wire.round,
        wire.ignored,
        _decode_commit(wire, now),
    )


def _decode_register(wire: agent_pb2.RegisterAgentType, now: float) -> m.Body:
    return m.RegisterAgentType(
        wire.type, wire.mode, tuple(wire.pinned_keys), wire.concurrency, wire.keeps_state, wire.idle_timeout_ms
    )


def _decode_claim(wire: agent_pb2.Claim, now: float) -> m.Body:
    return m.Claim(tuple((_agent(held.agent), held.epoch) for held in wire.agents))


_DECODERS: dict[str | None, Callable[[Any, float], m.Body]] = {
    "hello": _decode_hello,
    "heartbeat": lambda wire, now: m.Heartbeat(),
    "goodbye": lambda wire, now: m.Goodbye(wire.reason),
    "drain": lambda wire, now: m.Drain(wire.timeout_ms, wire.reason),
    "done": lambda wire, now: m.Done(),
    "error": _decode_error,
    "register_agent_type": _decode_register,
    "unregister_agent_type": lambda wire, now: m.UnregisterAgentType(wire.type),
    "claim": _decode_claim,
    "request": _decode_request,
    "reply": lambda wire, now: m.Reply(wire.envelope, _trace(wire), _decode_commit(wire, now)),
    "cancel": lambda wire, now: m.Cancel(wire.request_id),
    "subscribe": _decode_subscribe,
    "unsubscribe": lambda wire, now: m.Unsubscribe(_subscription_key(wire.subscription)),
    "list_subscriptions": lambda wire, now: m.ListSubscriptions(),
    "publish": _decode_publish,
    "ack": _decode_ack,
    "nack": _decode_nack,
    "save": _decode_save,
}

UNDERSTOOD_KINDS = sorted(_KIND_BY_NAME[name] for name in _DECODERS if name)
"""What Welcome announces (SES-4)."""


# To the wire


def _put_trace(wire: Any, trace: m.Trace | None) -> None:
    if trace is not None:
        wire.trace.traceparent, wire.trace.tracestate = trace


def _put_agent(wire: envelope_pb2.AgentId, agent: AgentId) -> None:
    wire.type, wire.key = agent


def _encode_welcome(wire: Any, body: m.Welcome, now: float) -> None:
    limits = body.limits
    wire.welcome.CopyFrom(
        session_pb2.Welcome(
            version=body.version,
            session_id=body.session_id,
            resume_token=body.resume_token,
            incarnation=body.incarnation,
            heartbeat_interval_ms=body.heartbeat_interval_ms,
            session_grace_ms=body.session_grace_ms,
            suspect_limit_ms=body.suspect_limit_ms,
            limits=session_pb2.Limits(
                max_envelope_bytes=limits.max_envelope_bytes,
                max_outstanding_calls=limits.max_outstanding_calls,
                max_subscriptions=limits.max_subscriptions,
                max_agent_types=limits.max_agent_types,
                max_call_timeout_ms=limits.max_call_timeout_ms,
            ),
            kinds=UNDERSTOOD_KINDS,
            broker_name=BROKER_NAME,
            broker_version=body.broker_version,
            received=body.received,
            resumed=body.resumed,
        )
    )


def _encode_goodbye(wire: Any, body: m.Goodbye, now: float) -> None:
    wire.goodbye.SetInParent()
    wire.goodbye.reason = body.reason


def _encode_drain(wire: Any, body: m.Drain, now: float) -> None:
    wire.drain.SetInParent()
    wire.drain.timeout_ms = body.timeout_ms
    wire.drain.reason = body.reason


def _encode_error(wire: Any, body: m.Error, now: float) -> None:
    error = wire.error
    error.reason = body.reason
    error.message = body.message
    error.retryable = body.retryable
    error.may_have_run = body.may_have_run
    error.retry_after_ms = body.retry_after_ms
    error.details.update(body.details)


def _encode_activate(wire: Any, body: m.Activate, now: float) -> None:
    _put_agent(wire.activate.agent, body.agent)
    wire.activate.epoch = body.epoch
    if body.state is not None:
        state = wire.activate.state
        state.data, state.content_type, state.version = body.state.data, body.state.content_type, body.state.version


def _encode_deactivate(wire: Any, body: m.Deactivate, now: float) -> None:
    _put_agent(wire.deactivate.agent, body.agent)
    wire.deactivate.epoch = body.epoch
    wire.deactivate.timeout_ms = body.timeout_ms


def _encode_save_request(wire: Any, body: m.SaveRequest, now: float) -> None:
    _put_agent(wire.save_request.agent, body.agent)
    wire.save_request.epoch = body.epoch


def _encode_claim_result(wire: Any, body: m.ClaimResult, now: float) -> None:
    wire.claim_result.SetInParent()
    for agent in body.refused:
        _put_agent(wire.claim_result.refused.add(), agent)


def _encode_request(wire: Any, body: m.Request, now: float) -> None:
    request = wire.request
    target = request.target
    target.type, target.key = body.target
    request.envelope = body.envelope
    request.epoch = body.epoch
    request.attempt = body.attempt
    request.idempotency_key = body.idempotency_key
    if body.deadline is not None:
        request.timeout_ms = max(0, round((body.deadline - now) * 1000))
    if body.sender is not None:
        request.sender.type, request.sender.key = body.sender
        request.sender_epoch = body.sender_epoch
    for agent in body.call_chain:
        request.call_chain.add(type=agent.type, key=agent.key)
    _put_trace(request, body.trace)


def _encode_reply(wire: Any, body: m.Reply, now: float) -> None:
    reply = wire.reply
    reply.envelope = body.envelope
    reply.SetInParent()
    _put_trace(reply, body.trace)


def _encode_cancel(wire: Any, body: m.Cancel, now: float) -> None:
    wire.cancel.request_id = body.request_id


def _encode_subscription_list(wire: Any, body: m.SubscriptionList, now: float) -> None:
    wire.subscription_list.SetInParent()
    for subscription in body.subscriptions:
        key = subscription.key
        wire.subscription_list.subscriptions.add(
            topic_type=key.topic_type,
            match=key.match,
            agent_type=key.agent_type,
            durable=subscription.durable,
            expiry_ms=subscription.expiry_ms,
        )


def _encode_published(wire: Any, body: m.Published, now: float) -> None:
    wire.published.SetInParent()
    wire.published.recipients = body.recipients
    wire.published.duplicate = body.duplicate


def _encode_delivery(wire: Any, body: m.Delivery, now: float) -> None:
    delivery = wire.delivery
    delivery.recipient.type, delivery.recipient.key = body.recipient
    delivery.epoch = body.epoch
    delivery.position = body.position
    delivery.round = body.round
    delivery.attempt = body.attempt
    delivery.topic.type, delivery.topic.source = body.topic
    delivery.envelope = body.envelope
    delivery.event_id = body.event_id
    if body.sender is not None:
        delivery.sender.type, delivery.sender.key = body.sender
    _put_trace(delivery, body.trace)


_ENCODERS: dict[type[m.Body], Callable[[Any, Any, float], None]] = {
    m.Welcome: _encode_welcome,
    m.Heartbeat: lambda wire, body, now: wire.heartbeat.SetInParent(),
    m.Goodbye: _encode_goodbye,
    m.Drain: _encode_drain,
    m.Done: lambda wire, body, now: wire.done.SetInParent(),
    m.Error: _encode_error,
    m.Activate: _encode_activate,
    m.Deactivate: _encode_deactivate,
    m.SaveRequest: _encode_save_request,
    m.ClaimResult: _encode_claim_result,
    m.Request: _encode_request,
    m.Reply: _encode_reply,
    m.Cancel: _encode_cancel,
    m.SubscriptionList: _encode_subscription_list,
    m.Published: _encode_published,
    m.Delivery: _encode_delivery,
}
