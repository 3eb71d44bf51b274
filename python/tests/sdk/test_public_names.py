"""The public surface is a list under test."""

from __future__ import annotations

import inspect

import parley
import parley.distributed

NAMES = [
    "Agent",
    "AgentId",
    "AgentInstantiationContext",
    "AgentMetadata",
    "AgentProxy",
    "AgentRuntime",
    "AgentType",
    "BaseAgent",
    "CancellationToken",
    "ClosureAgent",
    "ClosureContext",
    "DefaultInterventionHandler",
    "DefaultSubscription",
    "DefaultTopicId",
    "DistributedRuntime",
    "DropMessage",
    "EVENT_LOGGER_NAME",
    "InterventionHandler",
    "JSON_DATA_CONTENT_TYPE",
    "MessageContext",
    "MessageHandlerContext",
    "MessageSerializer",
    "PROTOBUF_DATA_CONTENT_TYPE",
    "ROOT_LOGGER_NAME",
    "RoutedAgent",
    "SingleThreadedAgentRuntime",
    "Subscription",
    "SubscriptionInstantiationContext",
    "TRACE_LOGGER_NAME",
    "TopicId",
    "TypePrefixSubscription",
    "TypeSubscription",
    "UnknownPayload",
    "__version__",
    "create_distributed_runtime",
    "default_subscription",
    "event",
    "message",
    "message_handler",
    "rpc",
    "try_get_known_serializers_for_type",
    "type_subscription",
]


def test_the_package() -> None:
    assert sorted(parley.__all__) == sorted(NAMES)
    public = {name for name, value in vars(parley).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert public == {name for name in NAMES if not name.startswith("_")}


def test_the_modules() -> None:
    modules = {name for name, value in vars(parley).items() if not name.startswith("_") and inspect.ismodule(value)}
    assert modules <= {"distributed", "exceptions"}
    assert parley.distributed.__all__ == ["DistributedRuntime", "create_distributed_runtime"]


def test_values() -> None:
    assert parley.JSON_DATA_CONTENT_TYPE == "application/json"
    assert parley.PROTOBUF_DATA_CONTENT_TYPE == "application/protobuf"
    assert parley.ROOT_LOGGER_NAME == "parley"
    assert parley.EVENT_LOGGER_NAME == "parley.events"
    assert parley.TRACE_LOGGER_NAME == "parley.trace"


def parameters(function: object) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]  # type: ignore[arg-type]


def test_signatures() -> None:
    send = ["message", "recipient", "sender", "cancellation_token", "message_id", "timeout", "idempotency_key"]
    send += ["wait_for_ready", "response_type"]
    publish = ["message", "topic_id", "sender", "cancellation_token", "message_id", "immediate", "ephemeral"]
    for runtime in (parley.AgentRuntime, parley.SingleThreadedAgentRuntime, parley.DistributedRuntime):
        assert parameters(runtime.send_message) == send
        assert parameters(runtime.publish_message) == publish
    assert parameters(parley.BaseAgent.send_message) == [name for name in send if name != "sender"]
    assert parameters(parley.BaseAgent.publish_message) == [name for name in publish if name != "sender"]
    assert parameters(parley.create_distributed_runtime) == [
        *("broker_url", "instance_id", "tracer_provider", "tls", "token", "default_timeout", "connect_timeout"),
        *("max_concurrency", "intervention_handlers"),
    ]
    assert parameters(parley.RoutedAgent.register) == [
        *("runtime", "type", "factory", "skip_class_subscriptions", "skip_direct_message_subscription"),
    ]
    assert parameters(parley.TypeSubscription) == ["topic_type", "agent_type", "id", "durable"]
    assert parameters(parley.RoutedAgent) == ["description"]
