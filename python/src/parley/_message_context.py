"""MessageContext: what a handler is told about the message that it handles."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ._cancellation import CancellationToken
from ._ids import AgentId, TopicId


@dataclass(slots=True)
class MessageContext:
    """What a handler is told beside the message.

    Attributes:
        sender: The agent that sent it; None when no agent did.
        topic_id: The topic of an event; None for calls.
        is_rpc: True for calls.
        cancellation_token: Fires when the caller cancels, and when the time is up (SPEC RPC-11).
        message_id: Names the message, as its sender chose.
        attempt: 1 on the first delivery; above, an earlier one failed or its result was lost.
    """

    sender: AgentId | None
    topic_id: TopicId | None
    is_rpc: bool
    cancellation_token: CancellationToken
    message_id: str
    attempt: int = 1
    deadline: float | None = field(default=None, repr=False)  # of time.monotonic()

    @property
    def remaining(self) -> float | None:
        """Seconds left until the time is up, not below 0; None without a limit."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())
