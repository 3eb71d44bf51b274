"""Agent: what a runtime asks of the agents that it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ._ids import AgentId, AgentMetadata
from ._message_context import MessageContext

if TYPE_CHECKING:
    from ._agent_runtime import AgentRuntime


@runtime_checkable
class Agent(Protocol):
    """What a runtime asks of an agent. BaseAgent and RoutedAgent have all of it."""

    @property
    def metadata(self) -> AgentMetadata:
        """Type, key and description."""
        ...

    @property
    def id(self) -> AgentId:
        """The agent's id."""
        ...

    async def bind_id_and_runtime(self, id: AgentId, runtime: AgentRuntime) -> None:
        """Tells an agent that was made outside of a factory who it is. Called once."""
        ...

    async def on_message(self, message: Any, ctx: MessageContext) -> Any:
        """Handles one message; returns the result of a call. Raises CantHandleException for what it does not handle."""
        ...

    async def save_state(self) -> Mapping[str, Any]:
        """The agent's state: JSON values only."""
        ...

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over what `save_state` returned."""
        ...

    async def close(self) -> None:
        """Called once when the runtime lets the agent go."""
        ...
