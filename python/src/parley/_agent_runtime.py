"""AgentRuntime: what both runtimes do for agents and programs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, overload, runtime_checkable

from ._agent import Agent
from ._cancellation import CancellationToken
from ._ids import AgentId, AgentMetadata, AgentType, TopicId
from ._serialization import MessageSerializer
from ._subscription import Subscription

T = TypeVar("T")
AgentT = TypeVar("AgentT", bound=Agent)


@runtime_checkable
class AgentRuntime(Protocol):
    """Sends messages, hosts agents, keeps subscriptions. In one process, or through a broker."""

    @overload
    async def send_message(
        self,
        message: Any,
        recipient: AgentId,
        *,
        sender: AgentId | None = None,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
        timeout: float | None = None,
        idempotency_key: str | None = None,
        wait_for_ready: bool = False,
        response_type: type[T],
    ) -> T: ...

    @overload
    async def send_message(
        self,
        message: Any,
        recipient: AgentId,
        *,
        sender: AgentId | None = None,
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
        sender: AgentId | None = None,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
        timeout: float | None = None,
        idempotency_key: str | None = None,
        wait_for_ready: bool = False,
        response_type: Any = None,
    ) -> Any:
        """Calls an agent and returns its result (SPEC RPC-1).

        Inside a handler the call is nested: it carries the handler's chain, and has the smaller of its own timeout and
        what is left of the outer call (SPEC RPC-4, RPC-10). Cancelling the task that waits here cancels the call.

        Args:
            message: The message.
            recipient: Whom to call.
            sender: The agent that calls, hosted by this runtime; None: nobody.
            cancellation_token: Cancels the call; CallCancelledError is raised here then.
            message_id: Names the message; default: a fresh one.
            timeout: Seconds; None: the runtime's default.
            idempotency_key: At most 255 bytes. The same key is not run twice by the same recipient: a call that runs is
                joined, a result is given again for 10 min, and with another message the key is an InvalidArgumentError
                (SPEC RPC-8). A call with a key is sent again when its worker or broker dies (SPEC RPC-7).
            wait_for_ready: Wait for a host of the agent type instead of failing at once (SPEC RPC-5).
            response_type: What the result must be; also how it is decoded when its type is not registered.

        Raises:
            ParleyError: One of its subclasses says why the call failed.
            CallCancelledError: The token was cancelled.
            MessageDroppedException: An intervention handler dropped the message.
        """
        ...

    async def publish_message(
        self,
        message: Any,
        topic_id: TopicId,
        *,
        sender: AgentId | None = None,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
        immediate: bool = False,
        ephemeral: bool = False,
    ) -> None:
        """Publishes an event; returns when it is sure to be delivered (SPEC PUB-1).

        Args:
            message: The message.
            topic_id: What it is about.
            sender: The agent that publishes, hosted by this runtime; it does not get the event itself. None: nobody.
            cancellation_token: Gives up waiting; the event may have been published.
            message_id: Names the message; default: a fresh one.
            immediate: Do not hold the event back until the commit of an effectively-once handler.
            ephemeral: Do not store it: at most once, to agents that are hosted now (SPEC PUB-7).

        Raises:
            ParleyError: One of its subclasses says why it failed. OutcomeUnknownError: no answer came in time.
        """
        ...

    async def register_factory(
        self,
        type: str | AgentType,
        agent_factory: Callable[[], AgentT | Awaitable[AgentT]],
        *,
        expected_class: type[AgentT] | None = None,
    ) -> AgentType:
        """Hosts agents of this type; `agent_factory` makes one when a message for a new key comes.

        Agents of a stateless class are made once per key, too, and let go in any order when there are many.

        Args:
            type: The agent type.
            agent_factory: Makes an agent; AgentInstantiationContext says for whom.
            expected_class: The class of the agents; it declares mode and concurrency.

        Raises:
            AlreadyExistsError: This runtime has registered the type already.
            InvalidArgumentError: The type is malformed, or the class declares a mode that is not supported.
        """
        ...

    async def register_agent_instance(self, agent_instance: Agent, agent_id: AgentId) -> AgentId:
        """Hosts one agent that exists already, and only in this process (SPEC AGT-2).

        Raises:
            AlreadyExistsError: There is an agent with this id, or the type was registered with a factory.
        """
        ...

    async def try_get_underlying_agent_instance(self, id: AgentId, type: type[T] = Agent) -> T:  # type: ignore[assignment]
        """The agent object, if it lives in this process.

        Raises:
            NotFoundError: The agent's type is not registered here.
            NotAccessibleError: The agent is not here.
            TypeError: It is of another class.
        """
        ...

    @overload
    async def get(self, id: AgentId, /, *, lazy: bool = ...) -> AgentId: ...

    @overload
    async def get(self, type: AgentType | str, /, key: str = ..., *, lazy: bool = ...) -> AgentId: ...

    async def get(
        self, id_or_type: AgentId | AgentType | str, /, key: str = "default", *, lazy: bool = True
    ) -> AgentId:
        """The id of an agent. With `lazy=False`, the agent must be there: in-process it is made if need be."""
        ...

    async def save_state(self) -> Mapping[str, Any]:
        """The states of the agents in this process, by id."""
        ...

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Gives each agent of a registered type its state from what `save_state` returned."""
        ...

    async def agent_metadata(self, agent: AgentId) -> AgentMetadata:
        """What the agent says of itself. It must be in this process."""
        ...

    async def agent_save_state(self, agent: AgentId) -> Mapping[str, Any]:
        """The state of one agent in this process."""
        ...

    async def agent_load_state(self, agent: AgentId, state: Mapping[str, Any]) -> None:
        """Gives one agent in this process its state."""
        ...

    async def add_subscription(self, subscription: Subscription) -> None:
        """Adds a subscription; one that is there already is no error (SPEC SUB-2)."""
        ...

    async def remove_subscription(self, id: str) -> None:
        """Removes a subscription that this runtime added. Raises NotFoundError if it did not."""
        ...

    def add_message_serializer(
        self,
        serializer: MessageSerializer[Any] | Sequence[MessageSerializer[Any]],
        *,
        message_type: type[Any] | None = None,
        receive_only: bool = False,
    ) -> None:
        """Adds serializers; the last one added for a class writes it, unless it is `receive_only` (SPEC PAY-4).

        Args:
            serializer: One or several.
            message_type: The class that they serve; default: their generic argument.
            receive_only: They read and never write.
        """
        ...
