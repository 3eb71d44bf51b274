"""Ephemeral events: handed on to who is there, never stored, never settled (PUB-7)."""

from __future__ import annotations

from dataclasses import dataclass

from parley_broker.core.effects import Deliver
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Delivery, Publish
from parley_broker.core.policy import Policy
from parley_broker.core.shard.desk import Desk
from parley_broker.core.shard.ledger import Ledger
from parley_broker.core.shard.places import Place
from parley_broker.errors import CommandError, Reason, draining

POSITION = 0
"""Marks a delivery that is not settled (DLV-1)."""
ROUND = 1
ATTEMPT = 1


@dataclass(slots=True, eq=False)
class Passing:
    """An ephemeral event that waits for its recipient's session to take it."""

    place: Place
    delivery: Delivery
    commit: int
    """What it waits for, too."""

    @property
    def agent(self) -> AgentId:
        """Its recipient."""
        return self.place.agent


class Ephemeral:
    """The ephemeral events that wait for credit."""

    def __init__(self, desk: Desk, ledger: Ledger, policy: Policy) -> None:
        self._desk = desk
        self._ledger = ledger
        self._policy = policy
        self._waiting = 0
        self._waiting_bytes = 0

    def __len__(self) -> int:
        return self._waiting

    def publish(self, publish: Publish, agents: list[AgentId], commit: int) -> int:
        """Hands the event to those of the agents that have a session, once the commit is durable: how many they are.

        Raises:
            CommandError: RESOURCE_EXHAUSTED: it went to nobody (FLOW-5); DRAINING (DRN-1).
        """
        if self._desk.quiet:
            raise draining()
        places = [place for agent in agents if (place := self._desk.places.resolve(agent, nested=False)) is not None]
        size = len(publish.envelope)
        waiting = [place for place in places if self._desk.queue(place, covered=True) is not None]
        events, size_limit = self._policy.max_queue_events, self._policy.max_queue_bytes
        full = self._waiting + len(waiting) > events or self._waiting_bytes + size * len(waiting) > size_limit
        if waiting and full:
            raise CommandError(
                Reason.RESOURCE_EXHAUSTED,
                f"{self._waiting} ephemeral events with {self._waiting_bytes} bytes wait for sessions to take them;"
                f" the limits are {events} events and {size_limit} bytes",
                agent=waiting[0].agent,
                limit=events if self._waiting + len(waiting) > events else size_limit,
            )
        for place in places:
            delivery = Delivery(
                recipient=place.agent,
                epoch=place.epoch,
                position=POSITION,
                round=ROUND,
                attempt=ATTEMPT,
                topic=publish.topic,
                envelope=publish.envelope,
                sender=publish.sender,
                event_id=publish.event_id,
                trace=publish.trace,
            )
            self._send(Passing(place, delivery, commit))
        return len(places)

    def from_backlog(self, passing: Passing, lost: bool) -> None:
        """What the event waited for is there, or gone."""
        self._waiting -= 1
        self._waiting_bytes -= len(passing.delivery.envelope)
        if not lost and not passing.place.is_over:
            self._send(passing)

    def _send(self, passing: Passing) -> None:
        queue = self._desk.queue(passing.place, covered=True)
        if queue is not None:
            self._waiting += 1
            self._waiting_bytes += len(passing.delivery.envelope)
            queue[passing] = passing
            return
        # Nobody answers it, so it is in nobody's hand once it was sent.
        self._desk.hand_over(passing.place, len(passing.delivery.envelope), covered=True)
        self._desk.hand_back(passing.place)
        self._desk.out.append(
            Deliver(passing.place.host.session, passing.delivery, self._ledger.waits_for(passing.commit))
        )
