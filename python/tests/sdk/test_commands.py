"""The commands that a runtime sends."""

from __future__ import annotations

from parley import AgentId, RoutedAgent, TypePrefixSubscription
from parley._distributed import commands
from parley._scope import HandlerScope
from parley._slot import Registration
from parley_wire.v1 import agent_pb2, call_pb2, subscription_pb2

ME, OTHER = AgentId("a", "k"), AgentId("a", "other")


def test_registrations() -> None:
    message = commands.register(Registration("a", factory=RoutedAgent, concurrency=4))
    assert message.register_agent_type == agent_pb2.RegisterAgentType(
        type="a", mode=agent_pb2.AGENT_MODE_STANDARD, concurrency=4
    )
    pinned = Registration("a", mode="stateless", instances={"k": RoutedAgent(), "l": RoutedAgent()})
    message = commands.register(pinned)
    assert message.register_agent_type.mode == agent_pb2.AGENT_MODE_STATELESS
    assert list(message.register_agent_type.pinned_keys) == ["k", "l"]


def test_subscriptions() -> None:
    subscription = TypePrefixSubscription("t", "a")
    wire = subscription_pb2.Subscription(
        topic_type="t", match=subscription_pb2.TOPIC_MATCH_PREFIX, agent_type="a", durable=True
    )
    assert commands.subscribe(subscription).subscribe.subscription == wire
    assert commands.unsubscribe(subscription).unsubscribe.subscription == wire


def test_the_epoch_is_said_only_by_the_agent_whose_handler_runs() -> None:
    scope = HandlerScope(ME, 7, (ME,), None)
    for sender, running, epoch in ((ME, scope, 7), (OTHER, scope, 0), (ME, None, 0)):
        request = call_pb2.Request()
        commands.say_sender(request, sender, running)
        assert (request.sender.type, request.sender.key, request.sender_epoch) == ("a", sender.key, epoch)
