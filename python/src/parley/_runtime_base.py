"""What both runtimes have in common: registrations, serializers, interventions, and the agents of this process."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from ._agent import Agent
from ._agent_runtime import AgentRuntime
from ._base_agent import BaseAgent
from ._cancellation import CancellationToken
from ._host import AgentHost
from ._ids import AgentId, AgentMetadata, AgentType, TopicId, check_agent_type, check_id
from ._intervention import DropMessage, InterventionHandler
from ._message_context import MessageContext
from ._patience import Patience
from ._registry import SerializationRegistry, check_response_type
from ._remembered import check_key
from ._serialization import MessageSerializer
from ._slot import Registration
from .exceptions import (
    AlreadyExistsError,
    CallCancelledError,
    InvalidArgumentError,
    MessageDroppedException,
    NotAccessibleError,
    NotFoundError,
)

T = TypeVar("T")
AgentT = TypeVar("AgentT", bound=Agent)

DEFAULT_MAX_CONCURRENCY = 1000
"""Handlers that run at once when nobody says otherwise."""


class RuntimeBase(AgentRuntime):
    """The half of a runtime that needs no transport.

    Args:
        intervention_handlers: They see what this runtime sends, in this order.
        max_concurrency: Handlers that run at once, nested calls not counted.
        default_timeout: Seconds that a call may take when it does not say.
    """

    def __init__(
        self,
        *,
        intervention_handlers: Sequence[InterventionHandler] | None,
        max_concurrency: int,
        default_timeout: float,
    ) -> None:
        if type(max_concurrency) is not int or max_concurrency < 1:
            raise InvalidArgumentError(f"max_concurrency must be an integer from 1 up, not {max_concurrency!r}")
        if not default_timeout > 0:
            raise InvalidArgumentError(f"default_timeout must be above 0 seconds, not {default_timeout!r}")
        self._interventions = list(intervention_handlers or ())
        self._serializers = SerializationRegistry()
        self._message_prefix = uuid.uuid4().hex[:16]
        self._message_numbers = itertools.count(1)
        self._default_timeout = default_timeout
        self._max_concurrency = max_concurrency
        self._host = AgentHost(self, max_concurrency=max_concurrency, intervention_handlers=self._interventions)

    # ---- what is registered

    def add_message_serializer(
        self,
        serializer: MessageSerializer[Any] | Sequence[MessageSerializer[Any]],
        *,
        message_type: type[Any] | None = None,
        receive_only: bool = False,
    ) -> None:
        """See AgentRuntime.add_message_serializer."""
        self._serializers.add(serializer, message_type=message_type, receive_only=receive_only)

    def _add_known_serializers(self, message_type: type[Any], serializers: Sequence[MessageSerializer[Any]]) -> None:
        """For what handlers name: does not take the place of what the user added."""
        self._serializers.add_known(message_type, serializers)

    def _new_registration(
        self,
        type: str | AgentType,
        agent_factory: Callable[[], AgentT | Awaitable[AgentT]],
        expected_class: type[AgentT] | None,
    ) -> Registration:
        name = type.type if isinstance(type, AgentType) else type
        check_agent_type(name)
        if name in self._host.registrations:
            raise AlreadyExistsError(f"the agent type {name} is registered with this runtime already")
        if not callable(agent_factory):
            raise InvalidArgumentError(f"the factory of {name} must be callable, not {agent_factory!r}")
        registration = Registration(name, factory=agent_factory, expected_class=expected_class)
        if expected_class is not None and issubclass(expected_class, BaseAgent):
            self._declare(registration, expected_class)
        return registration

    def _declare(self, registration: Registration, agent: BaseAgent | type[BaseAgent]) -> None:
        """Takes over what an agent's class declares."""
        registration.mode = agent.mode
        registration.concurrency = agent.concurrency or (self._max_concurrency if registration.stateless else 1)
        registration.keeps_state = agent.keeps_state() and not registration.stateless
        registration.idle_timeout = agent.idle_timeout
        if registration.alone and registration.concurrency > 1:
            raise InvalidArgumentError(
                f"{registration.type}: an effectively-once agent has one message at a time, not {agent.concurrency}",
                details={"field": "concurrency"},
            )
        if registration.idle_timeout is not None and not registration.keeps_state:
            raise InvalidArgumentError(
                f"{registration.type}: idle_timeout is for agents that override save_state: nothing else would be left",
                details={"field": "idle_timeout"},
            )

    async def _with_instance(self, agent: Agent, id: AgentId) -> Registration:
        """The registration of the agent's type with this instance in it."""
        registration = self._host.registrations.get(id.type)
        if registration is not None and registration.factory is not None:
            raise AlreadyExistsError(f"the agent type {id.type} is registered with a factory already")
        if registration is not None and id.key in registration.instances:
            raise AlreadyExistsError(f"there is an agent {id} already")
        await agent.bind_id_and_runtime(id, self)
        if registration is None:
            registration = Registration(id.type)
            if isinstance(agent, BaseAgent):
                self._declare(registration, agent)
            if registration.alone:
                raise InvalidArgumentError(
                    f"{id}: an effectively-once agent is made anew after a failure: register a factory, no instance",
                    details={"field": "mode"},
                )
        registration.instances[id.key] = agent
        return registration

    # ---- the agents of this process

    async def _local_agent(self, id: AgentId) -> Agent:
        """The agent, if it is here. Raises NotFoundError or NotAccessibleError."""
        registration = self._host.registrations.get(id.type)
        if registration is None:
            raise NotFoundError(f"the agent type {id.type} is not registered with this runtime")
        slot = self._host.slots.get(id)
        if slot is not None:
            return await slot.wait()
        if id.key in registration.instances:
            return registration.instances[id.key]
        raise NotAccessibleError(f"the agent {id} is not in this process")

    async def try_get_underlying_agent_instance(self, id: AgentId, type: type[T] = Agent) -> T:  # type: ignore[assignment]
        """See AgentRuntime.try_get_underlying_agent_instance."""
        agent = await self._local_agent(id)
        if not isinstance(agent, type):
            raise TypeError(f"the agent {id} is a {agent.__class__.__name__}, not a {type.__name__}")
        return agent

    async def get(
        self, id_or_type: AgentId | AgentType | str, /, key: str = "default", *, lazy: bool = True
    ) -> AgentId:
        """See AgentRuntime.get."""
        id = id_or_type if isinstance(id_or_type, AgentId) else AgentId(id_or_type, key)
        if not lazy:
            await self._local_agent(id)
        return id

    async def agent_metadata(self, agent: AgentId) -> AgentMetadata:
        """See AgentRuntime.agent_metadata."""
        return (await self._local_agent(agent)).metadata

    async def agent_save_state(self, agent: AgentId) -> Mapping[str, Any]:
        """See AgentRuntime.agent_save_state."""
        return await (await self._local_agent(agent)).save_state()

    async def agent_load_state(self, agent: AgentId, state: Mapping[str, Any]) -> None:
        """See AgentRuntime.agent_load_state."""
        await (await self._local_agent(agent)).load_state(state)

    async def save_state(self) -> Mapping[str, Any]:
        """See AgentRuntime.save_state."""
        agents = {str(id): await slot.wait() for id, slot in list(self._host.slots.items())}
        return {id: dict(await agent.save_state()) for id, agent in agents.items()}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """See AgentRuntime.load_state."""
        for text, agent_state in state.items():
            id = AgentId.from_str(text)
            if id.type in self._host.registrations:
                await (await self._local_agent(id)).load_state(agent_state)

    # ---- sending

    def _check_call(
        self, recipient: Any, sender: Any, message_id: str | None, idempotency_key: str | None, response_type: Any
    ) -> str:
        """The call's message id. Raises InvalidArgumentError for what is not allowed."""
        if not isinstance(recipient, AgentId):
            check_id(recipient, AgentId, "recipient")
        if sender is not None:
            check_id(sender, AgentId, "sender")
        if idempotency_key is not None:
            check_key(idempotency_key)
        if response_type is not None:
            check_response_type(response_type)
        return self._message_id(message_id)

    def _check_publish(self, topic_id: Any, sender: Any, message_id: str | None) -> str:
        """The event's message id. Raises InvalidArgumentError for what is not allowed."""
        check_id(topic_id, TopicId, "topic_id")
        if sender is not None:
            check_id(sender, AgentId, "sender")
        return self._message_id(message_id)

    def _message_id(self, message_id: Any) -> str:
        if message_id is None:
            return f"{self._message_prefix}-{next(self._message_numbers)}"
        if not isinstance(message_id, str) or not message_id:
            raise InvalidArgumentError(
                f"message_id must be a str that is not empty, not {message_id!r}", details={"field": "message_id"}
            )
        try:
            message_id.encode()
        except UnicodeEncodeError as error:
            raise InvalidArgumentError(
                f"message_id {message_id!r} holds a surrogate at index {error.start}: it must be Unicode text",
                details={"field": "message_id"},
            ) from None
        return message_id

    async def _intervene_on_send(
        self, message: Any, recipient: AgentId, sender: AgentId | None, token: CancellationToken | None, id: str
    ) -> Any:
        context = MessageContext(sender, None, True, token or CancellationToken(), id)
        for handler in self._interventions:
            message = await handler.on_send(message, message_context=context, recipient=recipient)
            if message is DropMessage or isinstance(message, DropMessage):
                raise MessageDroppedException(f"an intervention handler dropped the message to {recipient}")
        return message

    async def _intervene_on_publish(
        self, message: Any, topic: TopicId, sender: AgentId | None, token: CancellationToken | None, id: str
    ) -> Any:
        """The message, or DropMessage."""
        context = MessageContext(sender, topic, False, token or CancellationToken(), id)
        for handler in self._interventions:
            message = await handler.on_publish(message, message_context=context)
            if message is DropMessage or isinstance(message, DropMessage):
                return DropMessage
        return message


def raise_if_over(patience: Patience, token: CancellationToken | None, what: str, target: AgentId | TopicId) -> None:
    """Raises DeadlineExceededError or CallCancelledError for what is over before anything was sent."""
    if patience.seconds <= 0:
        raise patience.exceeded(f"{what} {target} was not sent", may_have_run=False)
    if token is not None and token.is_cancelled():
        raise CallCancelledError(f"{what} {target} was cancelled by its token before it was sent", may_have_run=False)
