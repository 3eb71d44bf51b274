"""The commands that a runtime sends, from what it knows; those with an application message in them are in `runtime`."""

from __future__ import annotations

from parley._ids import AgentId
from parley._scope import HandlerScope
from parley._slot import Registration
from parley._subscription import Subscription
from parley_wire.v1 import agent_pb2, broker_service_pb2, call_pb2, publish_pb2, subscription_pb2

from .codec import subscription_to_wire

Message = broker_service_pb2.Message

_MODES = {
    "standard": agent_pb2.AGENT_MODE_STANDARD,
    "stateless": agent_pb2.AGENT_MODE_STATELESS,
    "effectively-once": agent_pb2.AGENT_MODE_EFFECTIVELY_ONCE,
}


def register(registration: Registration) -> Message:
    """The session hosts this agent type from now on (SPEC AGT-1, AGT-2)."""
    return Message(
        register_agent_type=agent_pb2.RegisterAgentType(
            type=registration.type,
            mode=_MODES[registration.mode],
            pinned_keys=list(registration.instances),
            concurrency=registration.concurrency,
            keeps_state=registration.keeps_state or registration.alone,
            idle_timeout_ms=0 if registration.idle_timeout is None else max(1, round(registration.idle_timeout * 1000)),
        )
    )


def subscribe(subscription: Subscription) -> Message:
    """Adds a subscription. Raises InvalidArgumentError for kinds that the contract does not have."""
    return Message(subscribe=subscription_pb2.Subscribe(subscription=subscription_to_wire(subscription)))


def unsubscribe(subscription: Subscription) -> Message:
    """Removes a subscription, for every worker (SPEC SUB-2)."""
    return Message(unsubscribe=subscription_pb2.Unsubscribe(subscription=subscription_to_wire(subscription)))


def say_sender(command: call_pb2.Request | publish_pb2.Publish, sender: AgentId, scope: HandlerScope | None) -> None:
    """Says in a command which agent sends it, and with which epoch if its handler is running (SPEC AGT-5)."""
    command.sender.type = sender.type
    command.sender.key = sender.key
    if scope is not None and scope.agent == sender:
        command.sender_epoch = scope.epoch
