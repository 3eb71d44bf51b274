"""Backlogs that nobody comes for: read page by page, they become dead letters (SUB-4)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from parley_broker.core.messages import Error
from parley_broker.core.records import Waiting
from parley_broker.core.shard.dead_letters import DeadLetters
from parley_broker.core.shard.recipients import Recipient, Recipients

MAX_READS = 32
"""Recipients whose backlogs are read at once."""


class GivingUp:
    """The recipients whose backlogs are given up; their type has no host.

    Args:
        recipients: Lose what is given up.
        dead_letters: Get it.
        read: Asks for the next page of a recipient's events.
    """

    def __init__(self, recipients: Recipients, dead_letters: DeadLetters, read: Callable[[Recipient], None]) -> None:
        self._recipients = recipients
        self._dead_letters = dead_letters
        self._read = read
        self._errors: dict[Recipient, Error] = {}

    def __contains__(self, recipient: Recipient) -> bool:
        return recipient in self._errors

    def begin(self, agent_type: str, error: Error) -> None:
        """What waits for agents of this type is given up for this reason."""
        for recipient in self._recipients.of_type(agent_type):
            self._errors[recipient] = error
        self._go_on()

    def spare(self, agent_type: str) -> None:
        """What still waits for agents of this type is not given up."""
        for recipient in [recipient for recipient in self._errors if recipient.agent.type == agent_type]:
            del self._errors[recipient]
            recipient.close_window()

    def take(self, recipient: Recipient, events: list[Waiting], now: float) -> None:
        """The page that was asked for; empty: there is no more."""
        for waiting in events:
            event, attempts = waiting.event, waiting.failures + waiting.losses
            self._dead_letters.add(recipient.agent, event, attempts, self._errors[recipient], now)
            self._recipients.stored(recipient, -1, -len(event.envelope))
            recipient.seen = event.position
        if not events or recipient.over:
            del self._errors[recipient]
        self._go_on()

    def _go_on(self) -> None:
        for recipient in islice(self._errors, MAX_READS):
            if not recipient.read:
                self._read(recipient)
