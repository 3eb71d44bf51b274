"""ClosureAgent: an agent made of one function."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol, TypeVar

from ._agent_runtime import AgentRuntime
from ._base_agent import BaseAgent, add_known_serializers
from ._cancellation import CancellationToken
from ._constants import ROOT_LOGGER_NAME
from ._handlers import message_classes
from ._ids import AgentId, AgentType, TopicId
from ._message_context import MessageContext
from ._serialization import try_get_known_serializers_for_type
from ._subscription import Subscription, TypePrefixSubscription, not_durable
from .exceptions import CantHandleException

T = TypeVar("T")

_log = logging.getLogger(ROOT_LOGGER_NAME)

UnknownTypePolicy = Literal["error", "warn", "ignore"]


class ClosureContext(Protocol):
    """What a closure may do beside handling its message."""

    @property
    def id(self) -> AgentId:
        """The id of the agent that the closure is run for."""
        ...

    async def send_message(
        self,
        message: Any,
        recipient: AgentId,
        *,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
    ) -> Any:
        """Calls an agent. See AgentRuntime.send_message."""
        ...

    async def publish_message(
        self, message: Any, topic_id: TopicId, *, cancellation_token: CancellationToken | None = None
    ) -> None:
        """Publishes an event. See AgentRuntime.publish_message."""
        ...


Closure = Callable[[ClosureContext, T, MessageContext], Awaitable[Any]]


class ClosureAgent(BaseAgent):
    """An agent whose messages are handled by one function, calls and events alike.

    Args:
        description: For people.
        closure: `async def handle(agent: ClosureContext, message: A | B, ctx: MessageContext) -> Result`.
        unknown_type_policy: For messages of other classes: `error` fails the handler, `warn` logs them, `ignore` does
            not. A call fails in any case.
    """

    def __init__(
        self, description: str, closure: Closure[Any], *, unknown_type_policy: UnknownTypePolicy = "warn"
    ) -> None:
        super().__init__(description)
        self._closure = closure
        self._handled = message_classes(closure)
        self._policy = unknown_type_policy

    async def on_message_impl(self, message: Any, ctx: MessageContext) -> Any:
        """Runs the closure."""
        if type(message) in self._handled or object in self._handled:
            return await self._closure(self, message, ctx)
        await self.on_unhandled_message(message, ctx)
        raise CantHandleException(f"the closure of {self.id} does not take {type(message).__name__}")

    async def on_unhandled_message(self, message: Any, ctx: MessageContext) -> None:
        """Applies the policy to what the closure does not take."""
        text = f"the closure of {self.id} does not take {type(message).__name__}"
        if self._policy == "error":
            raise TypeError(text)
        if self._policy == "warn":
            _log.warning("%s", text)

    @classmethod
    async def register_closure(
        cls,
        runtime: AgentRuntime,
        type: str,
        closure: Closure[Any],
        *,
        unknown_type_policy: UnknownTypePolicy = "warn",
        skip_direct_message_subscription: bool = False,
        description: str = "",
        subscriptions: Callable[[], list[Subscription] | Awaitable[list[Subscription]]] | None = None,
    ) -> AgentType:
        """Hosts agents of the type `type` that are made of `closure`.

        Args:
            runtime: Who runs them.
            type: The agent type.
            closure: As for the class.
            unknown_type_policy: As for the class.
            skip_direct_message_subscription: Do not subscribe the type to its own direct topic, `type:`.
            description: As for the class.
            subscriptions: Makes subscriptions; they are added as not durable, since a closure ends with its process.
        """

        def make() -> ClosureAgent:
            return ClosureAgent(description, closure, unknown_type_policy=unknown_type_policy)

        for message_type in message_classes(closure):
            add_known_serializers(runtime, message_type, try_get_known_serializers_for_type(message_type))
        agent_type = await runtime.register_factory(type, make, expected_class=ClosureAgent)
        made = subscriptions() if subscriptions is not None else []
        wanted = [not_durable(subscription) for subscription in (await made if inspect.isawaitable(made) else made)]
        if not skip_direct_message_subscription:
            wanted.append(TypePrefixSubscription(f"{type}:", type, durable=False))
        for subscription in wanted:
            await runtime.add_subscription(subscription)
        return agent_type
