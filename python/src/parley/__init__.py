"""Parley: agents in different processes and languages talk through a broker.

The names here are the public ones, together with those of `parley.exceptions` and `parley.distributed`.
"""

from ._agent import Agent
from ._agent_proxy import AgentProxy
from ._agent_runtime import AgentRuntime
from ._base_agent import BaseAgent
from ._cancellation import CancellationToken
from ._closure_agent import ClosureAgent, ClosureContext
from ._constants import (
    EVENT_LOGGER_NAME,
    JSON_DATA_CONTENT_TYPE,
    PROTOBUF_DATA_CONTENT_TYPE,
    ROOT_LOGGER_NAME,
    TRACE_LOGGER_NAME,
)
from ._distributed.create import create_distributed_runtime
from ._distributed.runtime import DistributedRuntime
from ._handlers import event, message_handler, rpc
from ._ids import AgentId, AgentMetadata, AgentType, DefaultTopicId, TopicId
from ._intervention import DefaultInterventionHandler, DropMessage, InterventionHandler
from ._message_context import MessageContext
from ._names import message
from ._routed_agent import RoutedAgent
from ._scope import AgentInstantiationContext, MessageHandlerContext, SubscriptionInstantiationContext
from ._serialization import MessageSerializer, UnknownPayload, try_get_known_serializers_for_type
from ._single_threaded_runtime import SingleThreadedAgentRuntime
from ._subscription import (
    DefaultSubscription,
    Subscription,
    TypePrefixSubscription,
    TypeSubscription,
    default_subscription,
    type_subscription,
)
from ._version import __version__

__all__ = [
    "EVENT_LOGGER_NAME",
    "JSON_DATA_CONTENT_TYPE",
    "PROTOBUF_DATA_CONTENT_TYPE",
    "ROOT_LOGGER_NAME",
    "TRACE_LOGGER_NAME",
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
    "InterventionHandler",
    "MessageContext",
    "MessageHandlerContext",
    "MessageSerializer",
    "RoutedAgent",
    "SingleThreadedAgentRuntime",
    "Subscription",
    "SubscriptionInstantiationContext",
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
