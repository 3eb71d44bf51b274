"""Plain values: sizes, flags, kinds."""

from __future__ import annotations

from parley_broker.core import messages as m
from parley_broker.core.ids import AgentId, TopicId
from parley_broker.errors import CommandError, Reason
from parley_wire.v1 import broker_service_pb2

KINDS = {f.name: f.number for f in broker_service_pb2.Message.DESCRIPTOR.oneofs_by_name["kind"].fields}


def test_kinds_are_the_wire_s() -> None:
    bodies = [c for c in vars(m).values() if isinstance(c, type) and issubclass(c, m.Body) and c.KIND]
    assert len(bodies) > 20
    for cls in bodies:
        name = "".join("_" + c.lower() if c.isupper() else c for c in cls.__name__).removeprefix("_")
        assert KINDS[name] == cls.KIND


def test_an_unknown_kind_says_its_number() -> None:
    assert m.Unknown(77).kind_number() == 77
    assert m.Done().kind_number() == KINDS["done"]


def test_sizes_are_those_of_the_payload() -> None:
    agent = AgentId("a", "k")
    assert m.Request(agent, b"12345").size() == 5
    assert m.Reply(b"12345").size() == 5
    assert m.Publish(TopicId("t", "s"), b"12345").size() == 5
    assert m.Delivery(agent, 1, 1, 1, 1, TopicId("t", "s"), b"12345").size() == 5
    assert m.Error(1, "12", False, False, 0, {"34": "5"}).size() == 5
    assert m.Done().size() == 0
    subscriptions = [m.Subscription(m.SubscriptionKey("t" * 100, 1, "a"))] * 10
    assert m.SubscriptionList(subscriptions).size() > 1000


def test_flags_are_the_table_s_unless_said_otherwise() -> None:
    error = m.make_error(Reason.DEADLINE_EXCEEDED, "late")
    assert (error.retryable, error.may_have_run) == (True, True)
    assert not m.make_error(Reason.DEADLINE_EXCEEDED, "late", may_have_run=False).may_have_run
    failure = CommandError(Reason.RESOURCE_EXHAUSTED, "deep", retryable=False, depth=33)
    assert m.error_of(failure) == m.Error(20, "deep", False, False, 0, {"depth": "33"})
