"""Events on their way to their recipients: stored, delivered in order, settled."""

from __future__ import annotations

from dataclasses import dataclass

from parley_broker.core.effects import NO_COMMIT, Answer, Deliver, Effects, ReadEvents
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Ack, AgentMode, Delivery, Done, Nack, Publish, Published
from parley_broker.core.policy import Policy
from parley_broker.core.records import BacklogDropped, DeliverySettled, Event, EventStored, Summary
from parley_broker.core.shard.desk import Desk
from parley_broker.core.shard.ledger import Ledger
from parley_broker.core.shard.places import Place
from parley_broker.core.shard.recipients import Recipient, Recipients
from parley_broker.errors import CommandError, Reason

EPHEMERAL_POSITION = 0
FIRST_ATTEMPT = 1


@dataclass(slots=True, eq=False)
class Passing:
    """An ephemeral event that waits for its recipient's session to take it."""

    place: Place
    delivery: Delivery

    @property
    def agent(self) -> AgentId:
        """Its recipient."""
        return self.place.agent


class Deliveries:
    """The events of one shard.

    Args:
        desk: Where deliveries are handed to sessions.
        effects: Takes the reads and log lines.
        ledger: Takes the records.
        policy: The limits.
        summary: What the store holds.
        round: The round of every delivery of this shard; above that of an earlier shard in the same process (DLV-4).
    """

    def __init__(
        self, desk: Desk, effects: Effects, ledger: Ledger, policy: Policy, summary: Summary, round: int
    ) -> None:
        self._desk = desk
        self._effects = effects
        self._ledger = ledger
        self._policy = policy
        self._round = round
        self._position = summary.last_position
        self._passing = 0
        self._passing_bytes = 0
        self._recipients = Recipients()
        for backlog in summary.backlogs:
            self._recipients.load(backlog)

    # Publishing

    def publish(self, session: str, re: int, publish: Publish, agent_types: list[str], now: float) -> None:
        """Stores the event for the agents of these types and answers (PUB-1), or hands an ephemeral one on (PUB-7).

        Raises:
            CommandError: RESOURCE_EXHAUSTED: nothing is stored for anybody (PUB-9, FLOW-5).
        """
        source = publish.topic.source
        agents = [agent for agent_type in agent_types if (agent := AgentId(agent_type, source)) != publish.sender]
        if len(agents) > self._policy.max_recipients:
            raise CommandError(
                Reason.RESOURCE_EXHAUSTED,
                f"topic {publish.topic} has {len(agents)} recipients; an event may have {self._policy.max_recipients}",
                limit=self._policy.max_recipients,
            )
        if publish.ephemeral:
            count = self._pass_on(publish, agents)
            self._desk.out.append(Answer(session, re, Published(count), NO_COMMIT))
            return
        if not agents:
            self._desk.out.append(Answer(session, re, Published(0), NO_COMMIT))
            return
        self._check_total(len(agents), len(publish.envelope))
        for agent in agents:
            self._check_room(agent, len(publish.envelope))
        self._position += 1
        event = Event(self._position, publish.topic, publish.envelope, publish.sender, publish.event_id, publish.trace)
        self._ledger.write(EventStored(event, tuple(agents)))
        self._desk.out.append(Answer(session, re, Published(len(agents)), self._ledger.commit))
        for agent in agents:
            recipient = self._recipients.make(agent, after=event.position - 1)
            in_order = not recipient.has_more_stored
            self._recipients.stored(recipient, event)
            if in_order and self._has_window(recipient):
                recipient.keep(event, self._ledger.commit)
            self.advance(recipient, now)

    def _check_total(self, copies: int, size: int) -> None:
        waiting, policy = self._recipients, self._policy
        too_many = waiting.events + copies > policy.max_stored_events
        if too_many or waiting.bytes + copies * size > policy.max_stored_bytes:
            raise CommandError(
                Reason.RESOURCE_EXHAUSTED,
                f"{waiting.events} events with {waiting.bytes} bytes wait in all;"
                f" the limits are {policy.max_stored_events} events and {policy.max_stored_bytes} bytes",
                limit=policy.max_stored_events if too_many else policy.max_stored_bytes,
            )

    def _check_room(self, agent: AgentId, size: int) -> None:
        recipient = self._recipients.get(agent)
        if recipient is None:
            return
        events, size_limit = self._policy.max_queue_events, self._policy.max_queue_bytes
        if recipient.events >= events or recipient.bytes + size > size_limit:
            raise CommandError(
                Reason.RESOURCE_EXHAUSTED,
                f"{recipient.events} events with {recipient.bytes} bytes wait for {agent};"
                f" its queue holds {events} events and {size_limit} bytes",
                agent=agent,
                limit=events if recipient.events >= events else size_limit,
            )

    def _has_window(self, recipient: Recipient) -> bool:
        policy = self._policy
        return (
            self._desk.hosts.hosts_type(recipient.agent.type)
            and len(recipient.window) < policy.window_events
            and recipient.window_bytes < policy.window_bytes
        )

    def _pass_on(self, publish: Publish, agents: list[AgentId]) -> int:
        places = [place for agent in agents if (place := self._desk.places.resolve(agent, nested=False)) is not None]
        size = len(publish.envelope)
        waiting = [place for place in places if self._desk.queue(place, covered=True) is not None]
        events, size_limit = self._policy.max_queue_events, self._policy.max_queue_bytes
        full = self._passing + len(waiting) > events or self._passing_bytes + size * len(waiting) > size_limit
        if waiting and full:
            raise CommandError(
                Reason.RESOURCE_EXHAUSTED,
                f"{self._passing} ephemeral events with {self._passing_bytes} bytes wait for sessions to take them;"
                f" the limits are {events} events and {size_limit} bytes",
                agent=waiting[0].agent,
                limit=events if self._passing + len(waiting) > events else size_limit,
            )
        for place in places:
            delivery = Delivery(
                recipient=place.agent,
                epoch=place.epoch,
                position=EPHEMERAL_POSITION,
                round=self._round,
                attempt=FIRST_ATTEMPT,
                topic=publish.topic,
                envelope=publish.envelope,
                sender=publish.sender,
                event_id=publish.event_id,
                trace=publish.trace,
            )
            self._send_passing(Passing(place, delivery))
        return len(places)

    def passing_from_backlog(self, passing: Passing, lost: bool) -> None:
        """What the ephemeral event waited for is there, or gone."""
        self._passing -= 1
        self._passing_bytes -= len(passing.delivery.envelope)
        if not lost and not passing.place.is_over:
            self._send_passing(passing)

    def _send_passing(self, passing: Passing) -> None:
        queue = self._desk.queue(passing.place, covered=True)
        if queue is not None:
            self._passing += 1
            self._passing_bytes += len(passing.delivery.envelope)
            queue[passing] = passing
            return
        # Nobody answers it, so it is in nobody's hand once it was sent.
        self._desk.hand_over(passing.place, len(passing.delivery.envelope), covered=True)
        self._desk.hand_back(passing.place)
        self._desk.out.append(Deliver(passing.place.host.session, passing.delivery, NO_COMMIT))

    # Delivering

    def advance(self, recipient: Recipient, now: float) -> None:
        """Delivers what may be delivered to the recipient now (DLV-3)."""
        while not recipient.queued:
            if not recipient.window:
                if recipient.has_more_stored and not recipient.read and self._has_window(recipient):
                    self._read(recipient)
                return
            try:
                place = self._desk.places.resolve(recipient.agent, nested=False)
            except CommandError:
                # The table of places is full: it is tried again when the next event comes or a host changes.
                return
            if place is None or len(recipient.in_flight) >= self._concurrency(place):
                return
            queue = self._desk.queue(place, covered=True)
            if queue is not None:
                recipient.queued = True
                queue[recipient] = recipient
                return
            self._deliver(recipient, place)

    def recipient_from_backlog(self, recipient: Recipient, now: float) -> None:
        """What the recipient waited for is there, or gone."""
        recipient.queued = False
        self.advance(recipient, now)
        self._recipients.tidy(recipient)

    def _concurrency(self, place: Place) -> int:
        registration = place.host.registrations.get(place.agent.type)
        if registration is None:
            return 0
        if registration.mode is AgentMode.STATELESS:
            return registration.concurrency or self._policy.credit_messages
        if registration.mode is AgentMode.EFFECTIVELY_ONCE:
            return 1
        return registration.concurrency or 1

    def _deliver(self, recipient: Recipient, place: Place) -> None:
        event, commit = recipient.depart(place)
        self._desk.hand_over(place, len(event.envelope), covered=True)
        delivery = Delivery(
            recipient=recipient.agent,
            epoch=place.epoch,
            position=event.position,
            round=self._round,
            attempt=FIRST_ATTEMPT,
            topic=event.topic,
            envelope=event.envelope,
            sender=event.sender,
            event_id=event.event_id,
            trace=event.trace,
        )
        self._desk.out.append(Deliver(place.host.session, delivery, self._ledger.waits_for(commit)))

    def _read(self, recipient: Recipient) -> None:
        read = self._recipients.begin_read(recipient)
        policy = self._policy
        self._effects.reads.append(
            ReadEvents(read, recipient.agent, recipient.seen, policy.window_events, policy.window_bytes)
        )

    def page(self, read: int, events: list[Event], now: float) -> None:
        """The page of stored events that was asked for; empty: there are none any more."""
        recipient = self._recipients.end_read(read)
        if recipient is None:
            return
        for event in events:
            recipient.keep(event, NO_COMMIT)
        if not events:
            recipient.seen = recipient.last
        self.advance(recipient, now)

    # Settling

    def ack(self, session: str, re: int, ack: Ack, now: float) -> None:
        """The recipient is done with the event.

        Raises:
            CommandError: NOT_FOUND or STALE_EPOCH (DLV-2).
        """
        recipient = self._in_flight(session, ack)
        if ack.ignored:
            self._effects.log("debug", "event ignored", recipient=ack.recipient, position=ack.position)
        flight = self._recipients.settle(recipient, ack.position)
        self._ledger.write(DeliverySettled(ack.recipient, ack.position))
        self._desk.out.append(Answer(session, re, Done(), self._ledger.commit))
        self._desk.hand_back(flight.place)
        self.advance(recipient, now)
        self._recipients.tidy(recipient)

    def nack(self, session: str, re: int, nack: Nack, now: float) -> None:
        """The attempt failed: the event stays stored, later ones go on (DLV-10).

        Raises:
            CommandError: NOT_FOUND or STALE_EPOCH (DLV-2).
        """
        recipient = self._in_flight(session, nack)
        flight = recipient.in_flight.pop(nack.position)
        self._desk.out.append(Answer(session, re, Done(), NO_COMMIT))
        self._desk.hand_back(flight.place)
        self._effects.log(
            "warning",
            "delivery failed",
            recipient=nack.recipient,
            position=nack.position,
            session=session,
            reason=_reason_name(nack.error.reason),
            error=nack.error.message,
        )
        self.advance(recipient, now)

    def _in_flight(self, session: str, settled: Ack | Nack) -> Recipient:
        recipient = self._recipients.get(settled.recipient)
        flight = recipient.in_flight.get(settled.position) if recipient is not None else None
        if recipient is None or flight is None or flight.place.epoch != settled.epoch or settled.round != self._round:
            self._refuse_stale(settled)
        elif flight.place.host.session == session:
            return recipient
        raise CommandError(
            Reason.NOT_FOUND,
            f"no delivery to {settled.recipient} at position {settled.position} of round {settled.round}"
            " is in flight to this session",
        )

    def _refuse_stale(self, settled: Ack | Nack) -> None:
        place = self._desk.places.get(settled.recipient)
        if place is not None and settled.epoch < place.epoch:
            raise CommandError(
                Reason.STALE_EPOCH,
                f"epoch {settled.epoch} of {settled.recipient} is over; the current one is {place.epoch}",
                epoch=settled.epoch,
                current=place.epoch,
            )

    # Hosts that come and go

    def places_ended(self, agent_type: str, now: float) -> None:
        """Some places of agents of one type are over: what is in flight to them stays stored (DLV-10)."""
        hosted = self._desk.hosts.hosts_type(agent_type)
        for recipient in self._recipients.of_type(agent_type):
            for position, flight in list(recipient.in_flight.items()):
                if flight.place.is_over:
                    del recipient.in_flight[position]
                    self._desk.hand_back(flight.place)
                    self._effects.log(
                        "warning",
                        "delivery orphaned",
                        recipient=recipient.agent,
                        position=position,
                        session=flight.place.host.session,
                    )
            if not hosted:
                recipient.close_window()
            self.advance(recipient, now)

    def retry(self, agent_type: str, now: float) -> None:
        """A session may take messages for agents of this type now."""
        for recipient in self._recipients.of_type(agent_type):
            self.advance(recipient, now)

    def drop_backlog(self, agent_type: str) -> None:
        """The type has neither host nor subscription any more, and none of them was durable (SUB-3)."""
        recipients = self._recipients.of_type(agent_type)
        for recipient in recipients:
            self._recipients.drop(recipient)
        if recipients:
            self._ledger.write(BacklogDropped(agent_type))

    def counts(self) -> dict[str, int]:
        """Entries by table, for GetStatus."""
        recipients = self._recipients
        return {
            "events": recipients.events,
            "deliveries": recipients.in_flight(),
            "recipients": len(recipients),
            "ephemeral_events": self._passing,
        }


def _reason_name(reason: int) -> str:
    return Reason(reason).name if reason in Reason._value2member_map_ else str(reason)
