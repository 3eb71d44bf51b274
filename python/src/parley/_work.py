"""One message for one agent, from its arrival until its outcome is given; what that means is each runtime's own."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._cancellation import CancellationToken
from ._constants import ROOT_LOGGER_NAME
from ._deadlines import Deadlines
from ._ids import AgentId, TopicId
from ._message_context import MessageContext
from ._serialization import UnknownPayload
from .exceptions import CallCancelledError, ParleyError

if TYPE_CHECKING:
    from ._slot import AgentSlot
    from ._state import Commit

_log = logging.getLogger(ROOT_LOGGER_NAME)

CANCEL_GRACE = 1.0
"""Seconds that the handler of a call has to end by itself once its token has fired at the deadline."""

BLOCKED_WARNING_INTERVAL = 60.0
"""Seconds between two warnings that one handler keeps its agent's events waiting."""


class Work(ABC):
    """A call to serve or an event to handle.

    Attributes:
        recipient: Whose message it is.
        sender: The agent that sent it, if one did.
        topic: The topic of an event; None for calls.
        chain: The agents that wait for a call, outermost first.
        message_id: Names the message.
        attempt: 1 on the first one.
        begun: Its handler has been started.
        deadline: The `time.monotonic()` at which a call's time is up; None for events.
        token: The handler's.
        slot: The agent, once it is known.
        task: The handler's task, once it runs.
        ended_by: Why the token fired: `cancel`, `deadline` or `limit`; empty while it has not.
        when_ended: Called when the token has fired.
    """

    __slots__ = (
        "_deadlines",
        "_due",
        "_limit",
        "_started_at",
        "attempt",
        "begun",
        "chain",
        "deadline",
        "ended_by",
        "message_id",
        "recipient",
        "sender",
        "slot",
        "task",
        "token",
        "topic",
        "when_ended",
    )

    def __init__(
        self,
        recipient: AgentId,
        *,
        sender: AgentId | None,
        topic: TopicId | None,
        message_id: str,
        chain: tuple[AgentId, ...] = (),
        attempt: int = 1,
        deadline: float | None = None,
    ) -> None:
        self.recipient = recipient
        self.sender = sender
        self.topic = topic
        self.message_id = message_id
        self.chain = chain
        self.attempt = attempt
        self.deadline = deadline
        self.token = CancellationToken()
        self.slot: AgentSlot | None = None
        self.task: asyncio.Task[None] | None = None
        self.ended_by = ""
        self.when_ended: Callable[[Work], None] | None = None
        self.begun = False
        self._deadlines: Deadlines | None = None
        self._due = 0.0
        self._limit = 0.0
        self._started_at = 0.0

    @property
    def is_rpc(self) -> bool:
        """True for calls."""
        return self.topic is None

    @property
    def commits(self) -> bool:
        """True if something can be stored with its result."""
        return True

    def watch_call(self, deadlines: Deadlines) -> None:
        """Fires the token at the deadline (SPEC RPC-11), and cancels a handler that does not heed it."""
        if self.deadline is not None:
            self._deadlines = deadlines
            self._due = deadlines.add(self.deadline, self)

    def watch_event(self, deadlines: Deadlines, limit: float) -> None:
        """Cancels the handler when it has run for `limit` seconds (SPEC DLV-9), and warns each minute until then."""
        self._deadlines = deadlines
        self._started_at = time.monotonic()
        self._limit = self._started_at + limit
        self._due = deadlines.add(min(self._limit, self._started_at + BLOCKED_WARNING_INTERVAL), self)

    def unwatch(self) -> None:
        """The handler has ended."""
        if self._deadlines is not None:
            self._deadlines.remove(self._due, self)
            self._deadlines = None

    def expire(self) -> None:
        """Time is up, or it is time for a warning."""
        now = time.monotonic()
        if self.topic is None and not self._limit and self._deadlines is not None:
            self.end("deadline")
            self._limit = now + CANCEL_GRACE
            self._due = self._deadlines.add(self._limit, self)
        elif now >= self._limit:
            self.end("limit")
            if self.task is not None:
                self.task.cancel()
        elif self._deadlines is not None:
            _log.warning(
                "a handler of %s has been running for %.0f s and keeps the agent's other events waiting",
                self.recipient,
                now - self._started_at,
            )
            self._due = self._deadlines.add(min(self._limit, now + BLOCKED_WARNING_INTERVAL), self)

    def end(self, why: str) -> None:
        """Fires the token, once: what has not started never will."""
        if not self.ended_by:
            self.ended_by = why
            self.token.cancel()
            if self.when_ended is not None:
                self.when_ended(self)

    def context(self) -> MessageContext:
        """What the handler is told."""
        topic = self.topic
        return MessageContext(
            self.sender, topic, topic is None, self.token, self.message_id, self.attempt, self.deadline
        )

    @abstractmethod
    def started(self) -> None:
        """The handler starts."""

    @abstractmethod
    def open(self) -> Any:
        """The message. Raises UnknownMessageTypeError, MalformedPayloadError or UnsupportedVersionError."""

    @abstractmethod
    def unknown(self) -> UnknownPayload:
        """What came, for an event that `open` does not know."""

    @abstractmethod
    def withdrawn(self) -> None:
        """The handler will never start."""

    @abstractmethod
    def succeeded(self, result: Any, commit: Commit | None = None) -> None:
        """The handler returned, and this is to be stored with its result. Raises if that cannot be given back."""

    async def confirmed(self) -> ParleyError | None:
        """What became of the commit: None once it is stored, else why it is not."""
        return None

    @abstractmethod
    def ignored(self) -> None:
        """The agent does not know or handle the type of the event."""

    @abstractmethod
    def failed(self, error: ParleyError | CallCancelledError) -> None:
        """There is no result."""
