"""BaseAgent: an agent with an id, a runtime, and the ways to send; what it does with messages is its subclass's."""

from __future__ import annotations

import builtins
import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Literal, Self, TypeVar, final, overload

from ._agent import Agent
from ._agent_runtime import AgentRuntime
from ._cancellation import CancellationToken
from ._ids import AgentId, AgentMetadata, AgentType, TopicId
from ._message_context import MessageContext
from ._scope import AgentInstantiationContext, SubscriptionInstantiationContext
from ._serialization import MessageSerializer, try_get_known_serializers_for_type
from ._subscription import Subscription, TypePrefixSubscription, UnboundSubscription, not_durable
from .exceptions import InvalidArgumentError

T = TypeVar("T")

AgentMode = Literal["standard", "stateless", "effectively-once"]
MODES = ("standard", "stateless", "effectively-once")


class BaseAgent(ABC, Agent):
    """An agent whose subclass defines `on_message_impl`.

    A class declares how its messages are run (SPEC AGT-3): `class X(RoutedAgent, mode="stateless")`, and with
    `concurrency=N` how many events of one agent may be handled at once: by default 1, and as many as the runtime allows
    if it is stateless. One that overrides `save_state` and `load_state` keeps its state with the broker: it is saved
    with every message that changes it, and loaded wherever the agent is made next (SPEC STA-1, STA-2). With
    `idle_timeout=SECONDS` such an agent is let go of when it has had no message for so long.

    `mode="effectively-once"`: one message at a time; its state, its result and the events that it publishes are stored
    together or not at all, and after a failure the agent is made anew from what was stored last (SPEC STA-4, STA-5).

    Args:
        description: For people; default: the first line of the class's docstring, or its name.
    """

    mode: ClassVar[AgentMode] = "standard"
    concurrency: ClassVar[int | None] = None
    idle_timeout: ClassVar[float | None] = None
    declared_subscriptions: ClassVar[list[UnboundSubscription]] = []

    _id: AgentId | None = None
    _runtime: AgentRuntime | None = None
    _description: str | None = None

    def __init_subclass__(
        cls,
        *,
        mode: AgentMode | None = None,
        concurrency: int | None = None,
        idle_timeout: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        if mode is not None:
            if mode not in MODES:
                raise InvalidArgumentError(f"mode {mode!r} is not allowed: it is one of {', '.join(MODES)}")
            cls.mode = mode
        if concurrency is not None:
            if type(concurrency) is not int or concurrency < 1:
                raise InvalidArgumentError(f"concurrency must be an integer from 1 up, not {concurrency!r}")
            cls.concurrency = concurrency
        if idle_timeout is not None:
            if not _is_positive(idle_timeout):
                raise InvalidArgumentError(f"idle_timeout must be a number of seconds above 0, not {idle_timeout!r}")
            cls.idle_timeout = idle_timeout

    @classmethod
    def keeps_state(cls) -> bool:
        """True if it says what its state is: it overrides `save_state`."""
        return cls.save_state is not BaseAgent.save_state

    def __init__(self, description: str | None = None) -> None:
        if AgentInstantiationContext.is_in_factory_call():
            self._id = AgentInstantiationContext.current_agent_id()
            self._runtime = AgentInstantiationContext.current_runtime()
        self._description = description

    @property
    def metadata(self) -> AgentMetadata:
        """Type, key and description."""
        description = self._description
        if description is None:
            text = inspect.cleandoc(type(self).__doc__ or "")
            description = text.splitlines()[0] if text else type(self).__name__
        return AgentMetadata(type=self.id.type, key=self.id.key, description=description)

    async def bind_id_and_runtime(self, id: AgentId, runtime: AgentRuntime) -> None:
        """Tells an agent who it is. Raises RuntimeError if it is somebody else already."""
        if self._id is not None and (self._id != id or self._runtime is not runtime):
            raise RuntimeError(f"this agent is {self._id} already; each agent needs an object of its own")
        self._id = id
        self._runtime = runtime

    @property
    def type(self) -> str:
        """The agent's type."""
        return self.id.type

    @property
    def id(self) -> AgentId:
        """The agent's id. Raises RuntimeError before it has one."""
        if self._id is None:
            raise RuntimeError(f"this {type(self).__name__} has no id yet: register it with a runtime")
        return self._id

    @property
    def runtime(self) -> AgentRuntime:
        """The runtime that runs the agent. Raises RuntimeError before it has one."""
        if self._runtime is None:
            raise RuntimeError(f"this {type(self).__name__} has no runtime yet: register it with one")
        return self._runtime

    @final
    async def on_message(self, message: Any, ctx: MessageContext) -> Any:
        """Handles one message by `on_message_impl`."""
        return await self.on_message_impl(message, ctx)

    @abstractmethod
    async def on_message_impl(self, message: Any, ctx: MessageContext) -> Any:
        """Handles one message; returns the result of a call. Raises CantHandleException for what it does not handle."""

    @overload
    async def send_message(
        self,
        message: Any,
        recipient: AgentId,
        *,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
        timeout: float | None = None,
        idempotency_key: str | None = None,
        wait_for_ready: bool = False,
        response_type: builtins.type[T],
    ) -> T: ...

    @overload
    async def send_message(
        self,
        message: Any,
        recipient: AgentId,
        *,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
        timeout: float | None = None,
        idempotency_key: str | None = None,
        wait_for_ready: bool = False,
        response_type: None = None,
    ) -> Any: ...

    async def send_message(
        self,
        message: Any,
        recipient: AgentId,
        *,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
        timeout: float | None = None,
        idempotency_key: str | None = None,
        wait_for_ready: bool = False,
        response_type: Any = None,
    ) -> Any:
        """Calls an agent and returns its result; this agent is the sender. Arguments as AgentRuntime.send_message."""
        return await self.runtime.send_message(
            message,
            recipient,
            sender=self.id,
            cancellation_token=cancellation_token,
            message_id=message_id,
            timeout=timeout,
            idempotency_key=idempotency_key,
            wait_for_ready=wait_for_ready,
            response_type=response_type,
        )

    async def publish_message(
        self,
        message: Any,
        topic_id: TopicId,
        *,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
        immediate: bool = False,
        ephemeral: bool = False,
    ) -> None:
        """Publishes an event; this agent is the sender. Arguments as AgentRuntime.publish_message."""
        await self.runtime.publish_message(
            message,
            topic_id,
            sender=self.id,
            cancellation_token=cancellation_token,
            message_id=message_id,
            immediate=immediate,
            ephemeral=ephemeral,
        )

    async def save_state(self) -> Mapping[str, Any]:
        """The agent's state, JSON values only. To override; this one has none."""
        return {}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over what `save_state` returned. To override; this one has none."""

    async def close(self) -> None:
        """Called once when the runtime lets the agent go. To override."""

    @classmethod
    def handled_types(cls) -> list[builtins.type[Any]]:
        """The classes of the messages that agents of this class handle or return."""
        return []

    @classmethod
    def understood_types(cls, *, is_rpc: bool) -> list[builtins.type[Any]]:
        """The classes of the messages that agents of this class handle as calls, or as events."""
        return []

    async def register_instance(
        self,
        runtime: AgentRuntime,
        agent_id: AgentId,
        *,
        skip_class_subscriptions: bool = True,
        skip_direct_message_subscription: bool = False,
    ) -> AgentId:
        """Hosts this very agent under `agent_id`, in this process only.

        Args:
            runtime: Who runs it.
            agent_id: Who it is.
            skip_class_subscriptions: Do not add the subscriptions that its class declares. They are added as not
                durable, since the agent ends with its process.
            skip_direct_message_subscription: Do not subscribe it to its own direct topic, `type:`.
        """
        self._add_serializers(runtime)
        await runtime.register_agent_instance(self, agent_id)
        await self._subscribe(
            runtime, agent_id.type, skip_class_subscriptions, skip_direct_message_subscription, durable=False
        )
        return agent_id

    @classmethod
    async def register(
        cls,
        runtime: AgentRuntime,
        type: str,
        factory: Callable[[], Self | Awaitable[Self]],
        *,
        skip_class_subscriptions: bool = False,
        skip_direct_message_subscription: bool = False,
    ) -> AgentType:
        """Hosts agents of this class under the name `type`.

        Args:
            runtime: Who runs them.
            type: The agent type.
            factory: Makes an agent, one per key, when its first message comes.
            skip_class_subscriptions: Do not add the subscriptions that the class declares.
            skip_direct_message_subscription: Do not subscribe the type to its own direct topic, `type:`.
        """
        cls._add_serializers(runtime)
        agent_type = await runtime.register_factory(type, factory, expected_class=cls)
        await cls._subscribe(runtime, type, skip_class_subscriptions, skip_direct_message_subscription)
        return agent_type

    @classmethod
    def _add_serializers(cls, runtime: AgentRuntime) -> None:
        for message_type in cls.handled_types():
            add_known_serializers(runtime, message_type, try_get_known_serializers_for_type(message_type))

    @classmethod
    async def _subscribe(
        cls, runtime: AgentRuntime, type: str, skip_class: bool, skip_direct: bool, *, durable: bool = True
    ) -> None:
        subscriptions: list[Subscription] = []
        if not skip_class:
            with SubscriptionInstantiationContext.populate_context(AgentType(type)):
                for declared in cls.declared_subscriptions:
                    made = declared()
                    subscriptions += await made if inspect.isawaitable(made) else made
        if not skip_direct:
            subscriptions.append(TypePrefixSubscription(f"{type}:", type, durable=False))
        for subscription in subscriptions:
            await runtime.add_subscription(subscription if durable else not_durable(subscription))


def _is_positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and value > 0


def add_known_serializers(
    runtime: AgentRuntime, message_type: type[Any], serializers: list[MessageSerializer[Any]]
) -> None:
    """Makes a runtime know a class that a handler names; what the user added for it comes first."""
    add = getattr(runtime, "_add_known_serializers", None)
    if add is not None:
        add(message_type, serializers)
    elif serializers:
        runtime.add_message_serializer(serializers)
