"""Frames as bytes and back; bytes that are none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley_broker.core import messages as m
from parley_broker.core.ids import AgentId, TopicId
from parley_broker.frontends.grpc_v1 import codec
from parley_broker.frontends.grpc_v1.codec import NotAFrame, count_messages, decode_frame, encode_frame
from parley_wire.v1 import broker_service_pb2 as wire
from parley_wire.v1 import envelope_pb2, session_pb2

NOW = 1000.0
text = st.text(max_size=20)
uint64 = st.integers(0, 2**64 - 1)
uint32 = st.integers(0, 2**32 - 1)
data = st.binary(max_size=50)
agents = st.builds(AgentId, text, text)
traces = st.none() | st.builds(m.Trace, text, text)
errors = st.builds(
    m.Error, st.integers(0, 40), text, st.booleans(), st.booleans(), uint32, st.dictionaries(text, text, max_size=3)
)
publishes = st.builds(
    m.Publish, st.builds(TopicId, text, text), data, st.none() | agents, uint64, text, st.booleans(), traces
)
states = st.none() | st.builds(m.State, data, text, uint64)
commits = st.builds(m.Commit, agents, uint64, uint64, states, st.lists(publishes, max_size=3).map(tuple))

INCOMING = {
    "hello": st.builds(
        m.Hello, uint32, uint32, text, text, text, text, text, st.frozensets(uint32, max_size=4)
    ),
    "heartbeat": st.just(m.Heartbeat()),
    "goodbye": st.builds(m.Goodbye, text),
    "drain": st.builds(m.Drain, uint32, text),
    "done": st.just(m.Done()),
    "error": errors,
    "register_agent_type": st.builds(
        m.RegisterAgentType,
        text, st.integers(0, 9), st.lists(text, max_size=3).map(tuple), uint32, st.booleans(), uint32,
    ),
    "unregister_agent_type": st.builds(m.UnregisterAgentType, text),
    "cancel": st.builds(m.Cancel, uint64),
    "publish": publishes,
    "ack": st.builds(m.Ack, agents, uint64, uint64, uint64, st.booleans(), st.none() | commits),
    "nack": st.builds(m.Nack, agents, uint64, uint64, uint64, errors),
    "reply": st.builds(m.Reply, data, traces, st.none() | commits),
    "save": st.builds(m.Save, agents, uint64, uint64, states),
    "list_subscriptions": st.just(m.ListSubscriptions()),
}  # fmt: skip


def on_the_wire(kind: str, body: m.Body) -> wire.Message:
    """A body as a client's generated code writes it."""
    message = wire.Message()
    fill_all(getattr(message, kind), body)
    return message


def fill_all(part: Any, body: object) -> None:
    """Sets what the value has of the message's fields."""
    part.SetInParent()
    for name in (field.name for field in part.DESCRIPTOR.fields):
        value = getattr(body, name, None)
        if value is not None:
            fill(part, name, value)


def fill(part: object, name: str, value: object) -> None:
    """Sets one field."""
    if isinstance(value, AgentId | TopicId | m.Trace):
        for key, entry in value._asdict().items():
            setattr(getattr(part, name), key, entry)
        getattr(part, name).SetInParent()
    elif isinstance(value, m.Error):
        getattr(part, name).SetInParent()
        for field in ("reason", "message", "retryable", "may_have_run", "retry_after_ms"):
            setattr(getattr(part, name), field, getattr(value, field))
        getattr(part, name).details.update(value.details)
    elif isinstance(value, m.State | m.Commit):
        fill_all(getattr(part, name), value)
    elif isinstance(value, dict):
        getattr(part, name).update(value)
    elif name == "publishes":
        for publish in value:  # type: ignore[attr-defined]
            fill_all(part.publishes.add(), publish)  # type: ignore[attr-defined]
    elif isinstance(value, tuple | frozenset):
        getattr(part, name).extend(value)
    else:
        setattr(part, name, value)


@given(st.data(), uint64, uint64, uint64, uint64, uint64, uint64)
def test_what_clients_write_is_read(
    choose: st.DataObject, message_id: int, re: int, first: int, received: int, messages: int, size: int
) -> None:
    kind = choose.draw(st.sampled_from(sorted(INCOMING)))
    body = choose.draw(INCOMING[kind])
    message = on_the_wire(kind, body)
    message.id, message.re = message_id, re
    frame = wire.Frame(
        first_seq=first, received=received, credit_messages=messages, credit_bytes=size, messages=[message]
    )
    decoded = decode_frame(frame.SerializeToString(), NOW)
    assert decoded == m.Frame(first, received, messages, size, [m.Message(body, message_id, re)])


@given(agents, data, st.none() | agents, uint64, st.booleans(), st.lists(agents, max_size=3), traces)
def test_requests_there_and_back(
    target: AgentId,
    envelope: bytes,
    sender: AgentId | None,
    epoch: int,
    wait: bool,
    chain: list[AgentId],
    trace: m.Trace | None,
) -> None:
    request = m.Request(target, envelope, sender, epoch, epoch, NOW + 5, wait, "", tuple(chain), 1, trace)
    encoded = wire.Frame.FromString(encode_frame(m.Frame(1, 2, 3, 4, [m.Message(request, 9)]), NOW))
    assert (encoded.first_seq, encoded.received, encoded.credit_messages, encoded.credit_bytes) == (1, 2, 3, 4)
    sent = encoded.messages[0].request
    assert sent.timeout_ms == 5000
    assert (sent.epoch, sent.attempt) == (epoch, 1)
    decoded = decode_frame(encoded.SerializeToString(), NOW).messages[0]
    assert decoded.id == 9
    got = decoded.body
    assert isinstance(got, m.Request)
    assert (got.target, got.envelope, got.sender, got.call_chain) == (target, envelope, sender, tuple(chain))
    assert (got.trace, got.deadline) == (trace, NOW + 5)
    assert got.sender_epoch == (epoch if sender is not None else 0)


def test_a_request_without_a_timeout_leaves_it_to_the_broker() -> None:
    frame = wire.Frame(messages=[wire.Message(request={"wait_for_ready": True, "idempotency_key": "k"})])
    body = decode_frame(frame.SerializeToString(), NOW).messages[0].body
    assert isinstance(body, m.Request)
    assert (body.deadline, body.wait_for_ready, body.idempotency_key) == (None, True, "k")


def test_the_hash_is_that_of_the_payload_alone() -> None:
    def hashed(message_id: str, key: str = "k", **payload: Any) -> bytes:
        envelope = envelope_pb2.Envelope(message_id=message_id, payload=payload).SerializeToString()
        frame = wire.Frame(messages=[wire.Message(request={"idempotency_key": key, "envelope": envelope})])
        body = decode_frame(frame.SerializeToString(), NOW).messages[0].body
        assert isinstance(body, m.Request)
        return body.payload_hash

    one = {"type_name": "a", "content_type": "b", "data": b"c"}
    assert hashed("1", **one) == hashed("2", **one)
    assert hashed("1", "other", **one) == hashed("1", **one)
    assert (
        len({hashed("1", **one | change) for change in ({}, {"data": b"d"}, {"type_name": "ab", "content_type": ""})})
        == 3
    )
    assert hashed("1", key="", **one) == b"", "without a key nothing is parsed"
    assert codec.payload_hash(b"\xff") == codec.payload_hash(b"\xff") != codec.payload_hash(b"\xfe")


def test_a_key_goes_on_to_the_worker() -> None:
    request = m.Request(AgentId("a", "b"), b"", idempotency_key="k", attempt=2)
    encoded = wire.Frame.FromString(encode_frame(m.Frame(1, 0, 0, 0, [m.Message(request)]), NOW))
    assert (encoded.messages[0].request.idempotency_key, encoded.messages[0].request.attempt) == ("k", 2)


def test_a_deadline_in_the_past_is_no_time() -> None:
    request = m.Request(AgentId("a", "b"), b"", deadline=NOW - 1)
    encoded = wire.Frame.FromString(encode_frame(m.Frame(1, 0, 0, 0, [m.Message(request)]), NOW))
    assert encoded.messages[0].request.HasField("timeout_ms")
    assert encoded.messages[0].request.timeout_ms == 0


@given(agents, uint64, st.builds(TopicId, text, text), data, st.none() | agents, text, traces)
def test_deliveries_are_written(
    recipient: AgentId,
    number: int,
    topic: TopicId,
    envelope: bytes,
    sender: AgentId | None,
    event_id: str,
    trace: m.Trace | None,
) -> None:
    delivery = m.Delivery(recipient, number, number, number, 1, topic, envelope, sender, event_id, trace)
    encoded = wire.Frame.FromString(encode_frame(m.Frame(1, 0, 0, 0, [m.Message(delivery)]), NOW))
    sent = encoded.messages[0].delivery
    assert (sent.recipient.type, sent.recipient.key) == recipient
    assert (sent.topic.type, sent.topic.source) == topic
    assert (sent.epoch, sent.position, sent.round, sent.attempt) == (number, number, number, 1)
    assert (sent.envelope, sent.event_id) == (envelope, event_id)
    assert ((sent.sender.type, sent.sender.key) if sent.HasField("sender") else None) == sender
    assert ((sent.trace.traceparent, sent.trace.tracestate) if sent.HasField("trace") else None) == trace


def test_every_answer_is_written_with_its_kind() -> None:
    limits = m.Limits(1, 2, 3, 4, 5)
    key = m.SubscriptionKey("t", 2, "a")
    answers: dict[str, m.Body] = {
        "welcome": m.Welcome(1, "s", b"t", "i", 5000, 0, 60000, limits, "0.1"),
        "heartbeat": m.Heartbeat(),
        "goodbye": m.Goodbye(),
        "drain": m.Drain(5, "r"),
        "done": m.Done(),
        "error": m.Error(3, "x", True, False, 7, {"k": "v"}),
        "activate": m.Activate(AgentId("a", "k"), 5),
        "reply": m.Reply(b""),
        "cancel": m.Cancel(0),
        "subscription_list": m.SubscriptionList([m.Subscription(key, False, 9)]),
        "published": m.Published(0),
    }
    frame = m.Frame(1, 0, 0, 0, [m.Message(body, 0, 3) for body in answers.values()])
    encoded = wire.Frame.FromString(encode_frame(frame, NOW))
    assert [message.WhichOneof("kind") for message in encoded.messages] == list(answers)
    assert all(message.re == 3 for message in encoded.messages)
    welcome = encoded.messages[0].welcome
    assert list(welcome.kinds) == codec.UNDERSTOOD_KINDS
    assert (welcome.limits.max_envelope_bytes, welcome.limits.max_call_timeout_ms) == (1, 5)
    listed = encoded.messages[9].subscription_list.subscriptions[0]
    assert (listed.topic_type, listed.match, listed.agent_type, listed.durable, listed.expiry_ms) == (
        "t",
        2,
        "a",
        False,
        9,
    )


def test_a_subscription_is_durable_unless_it_says_otherwise() -> None:
    for written, durable in (({}, True), ({"durable": False}, False), ({"durable": True}, True)):
        subscription = {"topic_type": "t", "match": 1, "agent_type": "a", "expiry_ms": 5} | written
        frame = wire.Frame(messages=[wire.Message(subscribe={"subscription": subscription})])
        body = decode_frame(frame.SerializeToString(), NOW).messages[0].body
        assert body == m.Subscribe(m.Subscription(m.SubscriptionKey("t", 1, "a"), durable, 5))


def test_agents_are_given_with_their_state_and_asked_back() -> None:
    agent = AgentId("w", "k")
    bodies = [
        m.Activate(agent, 1),
        m.Activate(agent, 2, m.State(b"", "text/plain", 3)),
        m.Deactivate(agent, 2, 5000),
        m.SaveRequest(agent, 2),
    ]
    frame = m.Frame(1, 0, 0, 0, [m.Message(body, 1) for body in bodies])
    sent = wire.Frame.FromString(encode_frame(frame, NOW)).messages
    assert not sent[0].activate.HasField("state")
    state = sent[1].activate.state
    assert (sent[1].activate.epoch, state.data, state.content_type, state.version) == (2, b"", "text/plain", 3)
    asked = sent[2].deactivate
    assert (asked.agent.type, asked.agent.key, asked.epoch, asked.timeout_ms) == ("w", "k", 2, 5000)


def test_claims_there_and_back() -> None:
    frame = wire.Frame()
    for key, epoch in (("a", 1), ("b", 2**64 - 1)):
        frame.messages.add().claim.agents.add(agent={"type": "t", "key": key}, epoch=epoch)
    held = [decode_frame(frame.SerializeToString(), NOW).messages[n].body for n in range(2)]
    assert held == [m.Claim(((AgentId("t", "a"), 1),)), m.Claim(((AgentId("t", "b"), 2**64 - 1),))]
    result = m.ClaimResult((AgentId("t", "a"), AgentId("t", "b")))
    encoded = wire.Frame.FromString(encode_frame(m.Frame(1, 0, 0, 0, [m.Message(result, re=7)]), NOW))
    assert [agent.key for agent in encoded.messages[0].claim_result.refused] == ["a", "b"]
    nobody = m.Frame(1, 0, 0, 0, [m.Message(m.ClaimResult(()), re=7)])
    assert wire.Frame.FromString(encode_frame(nobody, NOW)).messages[0].HasField("claim_result")


def test_a_resume_is_read_and_answered() -> None:
    hello = {"resume": {"session_id": "s", "resume_token": b"\x00t", "received": 9}}
    body = (
        decode_frame(wire.Frame(messages=[wire.Message(id=1, hello=hello)]).SerializeToString(), NOW).messages[0].body
    )
    assert isinstance(body, m.Hello)
    assert body.resume == m.Resume("s", b"\x00t", 9)
    welcome = m.Welcome(1, "s", b"t", "i", 1, 2, 3, m.Limits(1, 2, 3, 4, 5), "0", received=8, resumed=True)
    encoded = wire.Frame.FromString(encode_frame(m.Frame(0, 0, 0, 0, [m.Message(welcome, re=1)]), NOW)).messages[0]
    assert (encoded.welcome.received, encoded.welcome.resumed) == (8, True)


@pytest.mark.parametrize(
    ("tail", "kind"),
    [
        (b"", 0),
        (b"\xa2\x06\x00", 100),
        (b"\x5a\x00", 11),
        (b"\x1a\x01x\xa2\x06\x00", 100),
        (b"\xa0\x06\x01", 0),
        (b"\xa3\x06\xa4\x06", 0),
    ],
)
def test_the_number_of_an_unknown_kind(tail: bytes, kind: int) -> None:
    message = wire.Message(id=5).SerializeToString() + tail
    frame = b"\x2a" + bytes([len(message)]) + message
    decoded = decode_frame(frame, NOW).messages[0]
    assert decoded == m.Message(m.Unknown(kind), 5, 0)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_none(garbage: bytes) -> None:
    try:
        frame = decode_frame(garbage, NOW)
    except NotAFrame:
        return
    assert isinstance(frame, m.Frame)


def test_a_frame_with_too_many_messages_is_none() -> None:
    most = codec.MAX_MESSAGES
    assert len(decode_frame(b"\x2a\x00" * most, NOW).messages) == most
    with pytest.raises(NotAFrame, match=f"more than {most} messages"):
        decode_frame(b"\x2a\x00" * (most + 1), NOW)


def test_a_hello_with_too_many_kinds_is_none() -> None:
    def hello(kinds: int) -> bytes:
        message = wire.Message(id=1, hello=session_pb2.Hello(kinds=range(kinds)))
        return wire.Frame(messages=[message]).SerializeToString()

    body = decode_frame(hello(codec.MAX_KINDS), NOW).messages[0].body
    assert isinstance(body, m.Hello)
    assert len(body.kinds) == codec.MAX_KINDS
    with pytest.raises(NotAFrame, match=f"1001 kinds; at most {codec.MAX_KINDS}"):
        decode_frame(hello(codec.MAX_KINDS + 1), NOW)


@given(st.binary(max_size=100))
def test_counting_ends_whatever_the_bytes_are(garbage: bytes) -> None:
    assert 0 <= count_messages(garbage) <= len(garbage)
