"""AgentProxy: an agent's id together with the runtime that reaches it."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from ._agent_runtime import AgentRuntime
from ._cancellation import CancellationToken
from ._ids import AgentId, AgentMetadata


class AgentProxy:
    """Stands for an agent wherever one is at hand only by its id.

    Args:
        agent: Whom it stands for.
        runtime: Who reaches it.
    """

    def __init__(self, agent: AgentId, runtime: AgentRuntime) -> None:
        self._agent = agent
        self._runtime = runtime

    @property
    def id(self) -> AgentId:
        """Whom it stands for."""
        return self._agent

    @property
    def metadata(self) -> Awaitable[AgentMetadata]:
        """To await: what the agent says of itself."""
        return self._runtime.agent_metadata(self._agent)

    async def send_message(
        self,
        message: Any,
        *,
        sender: AgentId,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
    ) -> Any:
        """Calls the agent. See AgentRuntime.send_message."""
        return await self._runtime.send_message(
            message, self._agent, sender=sender, cancellation_token=cancellation_token, message_id=message_id
        )

    async def save_state(self) -> Mapping[str, Any]:
        """The agent's state. See AgentRuntime.agent_save_state."""
        return await self._runtime.agent_save_state(self._agent)

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Gives the agent its state. See AgentRuntime.agent_load_state."""
        await self._runtime.agent_load_state(self._agent, state)
