"""Between the SDK's values and the contract's messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley import AgentId, Subscription, TopicId, TypePrefixSubscription, TypeSubscription
from parley._distributed.codec import (
    agent_from_wire,
    agent_to_wire,
    envelope_from_wire,
    envelope_to_wire,
    error_from_wire,
    error_to_wire,
    subscription_to_wire,
    topic_from_wire,
)
from parley._registry import EncodedPayload
from parley.exceptions import (
    BY_REASON,
    HandlerFailedError,
    InvalidArgumentError,
    MalformedPayloadError,
    NoRespondersError,
    ParleyError,
)
from parley_wire.v1 import envelope_pb2, errors_pb2, subscription_pb2


def test_ids() -> None:
    assert agent_from_wire(agent_to_wire(AgentId("a", "ключ"))) == AgentId("a", "ключ")
    assert topic_from_wire(envelope_pb2.TopicId(type="t", source="s")) == TopicId("t", "s")
    for bad in (envelope_pb2.AgentId(), envelope_pb2.AgentId(type="a", key="\x00")):
        with pytest.raises(InvalidArgumentError):
            agent_from_wire(bad)
    with pytest.raises(InvalidArgumentError):
        topic_from_wire(envelope_pb2.TopicId(type="t t", source="s"))


texts = st.text()  # without surrogates


@given(texts, st.none() | st.builds(EncodedPayload, texts, texts, st.binary()))
def test_envelopes(message_id: str, payload: EncodedPayload | None) -> None:
    assert envelope_from_wire(envelope_to_wire(message_id, payload)) == (message_id, payload)


def test_an_envelope_that_is_none() -> None:
    with pytest.raises(MalformedPayloadError):
        envelope_from_wire(b"\xff\xff")


@pytest.mark.parametrize("reason", BY_REASON)
def test_errors(reason: str) -> None:
    error = BY_REASON[reason]("text", retryable=True, may_have_run=True, retry_after=1.5, details={"a": "b"})
    back = error_from_wire(error_to_wire(error))
    assert type(back) is BY_REASON[reason]
    assert back.reason == reason
    assert (back.message, back.retryable, back.may_have_run, back.retry_after, back.details) == (
        *("text", True, True, 1.5, {"a": "b"}),
    )


def test_the_flags_on_the_wire_win() -> None:
    error = errors_pb2.Error(reason=errors_pb2.ERROR_REASON_NO_RESPONDERS, retryable=False, may_have_run=True)
    back = error_from_wire(error)
    assert isinstance(back, NoRespondersError)
    assert (back.retryable, back.may_have_run) == (False, True)


def test_an_unknown_reason_is_usable_through_its_flags() -> None:
    back = error_from_wire(errors_pb2.Error(reason=99, message="new", retryable=True))  # type: ignore[arg-type]
    assert type(back) is ParleyError
    assert (back.reason, back.message, back.retryable) == ("REASON_99", "new", True)
    assert error_to_wire(back).reason == errors_pb2.ERROR_REASON_INTERNAL
    assert error_to_wire(HandlerFailedError()).reason == errors_pb2.ERROR_REASON_HANDLER_FAILED


def test_subscriptions() -> None:
    assert subscription_to_wire(TypeSubscription("t", "a")) == subscription_pb2.Subscription(
        topic_type="t", match=subscription_pb2.TOPIC_MATCH_EXACT, agent_type="a", durable=True
    )
    assert subscription_to_wire(TypePrefixSubscription("t", "a", durable=False)) == subscription_pb2.Subscription(
        topic_type="t", match=subscription_pb2.TOPIC_MATCH_PREFIX, agent_type="a", durable=False
    )

    class Own(Subscription):
        @property
        def id(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return self is other

        def is_match(self, topic_id: TopicId) -> bool:
            return True

        def map_to_agent(self, topic_id: TopicId) -> AgentId:
            return AgentId("a", "k")

    with pytest.raises(InvalidArgumentError, match="Own cannot be sent to a broker"):
        subscription_to_wire(Own())
