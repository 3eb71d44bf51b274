"""Intervention handlers see every message that leaves through a runtime, and may change or drop it."""

from __future__ import annotations

from typing import Any, Protocol, final

from ._ids import AgentId
from ._message_context import MessageContext


@final
class DropMessage:
    """Returned by an intervention handler, as the class itself: the message goes no further."""


class InterventionHandler(Protocol):
    """Sees what this runtime sends, in the process that sends it.

    Each method returns the message, another one in its place, or the class DropMessage. A dropped message raises
    MessageDroppedException in the caller; a dropped event is gone; a dropped reply fails the handler.
    """

    async def on_send(
        self, message: Any, *, message_context: MessageContext, recipient: AgentId
    ) -> Any | type[DropMessage]:
        """Before a call is made."""
        ...

    async def on_publish(self, message: Any, *, message_context: MessageContext) -> Any | type[DropMessage]:
        """Before an event is published."""
        ...

    async def on_response(self, message: Any, *, sender: AgentId, recipient: AgentId | None) -> Any | type[DropMessage]:
        """Before the result of a handler goes back."""
        ...


class DefaultInterventionHandler(InterventionHandler):
    """Lets everything pass; to derive from."""

    async def on_send(
        self, message: Any, *, message_context: MessageContext, recipient: AgentId
    ) -> Any | type[DropMessage]:
        """Returns the message."""
        return message

    async def on_publish(self, message: Any, *, message_context: MessageContext) -> Any | type[DropMessage]:
        """Returns the message."""
        return message

    async def on_response(self, message: Any, *, sender: AgentId, recipient: AgentId | None) -> Any | type[DropMessage]:
        """Returns the message."""
        return message
