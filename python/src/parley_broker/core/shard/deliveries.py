"""Events on their way to their recipients: delivered in order, settled, delivered again."""

from __future__ import annotations

from collections.abc import Iterable

from parley_broker.core.deadlines import Deadlines
from parley_broker.core.effects import Answer, Deliver, Effects, ReadEvents
from parley_broker.core.ids import AgentId, stale_epoch
from parley_broker.core.messages import Ack, AgentMode, Delivery, Done, Error, Nack, make_error, reason_name
from parley_broker.core.orders import Registration
from parley_broker.core.policy import Policy
from parley_broker.core.records import (
    BacklogDropped,
    DeadLetterEntry,
    DeadLetterReplayed,
    DeliveryFailed,
    DeliverySettled,
    Event,
    Summary,
    Waiting,
)
from parley_broker.core.shard import pace
from parley_broker.core.shard.dead_letters import MAX_LOGGED, DeadLetters
from parley_broker.core.shard.desk import Desk
from parley_broker.core.shard.giving_up import GivingUp
from parley_broker.core.shard.ledger import Ledger
from parley_broker.core.shard.places import Place
from parley_broker.core.shard.recipients import Pending, Recipient, Recipients, pending_of
from parley_broker.errors import CommandError, Reason

PERMANENT = frozenset({Reason.MALFORMED_PAYLOAD, Reason.UNSUPPORTED_VERSION})
"""Reasons of a Nack after which another attempt is pointless (DLV-6)."""
BACKOFF_FACTORS = (1, 4, 16, 64)
"""What the pauses between attempts are of the first one; the last one from then on (DLV-5)."""


class Deliveries:
    """The stored events of one shard.

    Args:
        desk: Where deliveries are handed to sessions.
        effects: Takes the reads and log lines.
        ledger: Takes the records.
        policy: The limits.
        dead_letters: Takes what is given up.
        summary: What the store holds.
        round: Where rounds begin; above those of an earlier shard in the same process (DLV-4).
    """

    def __init__(
        self,
        desk: Desk,
        effects: Effects,
        ledger: Ledger,
        policy: Policy,
        dead_letters: DeadLetters,
        summary: Summary,
        round: int,
    ) -> None:
        self._desk = desk
        self._effects = effects
        self._ledger = ledger
        self._policy = policy
        self._dead_letters = dead_letters
        self._position = summary.last_position
        self._pauses: Deadlines[AgentId] = Deadlines()
        self._placeless: dict[Recipient, None] = {}
        self.last_round = round
        self.recipients = Recipients()
        self._giving_up = GivingUp(self.recipients, dead_letters, self._read)
        for backlog in summary.backlogs:
            self.recipients.load(backlog, round)

    # What waits

    def next_position(self) -> int:
        """The position of an event that is stored now."""
        self._position += 1
        return self._position

    def limit_reached(self, agent: AgentId, size: int, ahead: tuple[int, int] = (0, 0)) -> int | None:
        """The limit that one more event of `size` bytes for the agent goes over; None: there is room.

        The first one is let through however large it is. `ahead` are the number and the bytes of events that come
        before it and are not stored yet.
        """
        recipient = self.recipients.get(agent)
        events, total = ahead
        if recipient is not None:
            events, total = events + recipient.events, total + recipient.bytes
        if events >= self._policy.max_queue_events:
            return self._policy.max_queue_events
        if events and total + size > self._policy.max_queue_bytes:
            return self._policy.max_queue_bytes
        return None

    def enqueue(self, agent: AgentId, event: Event, commit: int, now: float) -> None:
        """The event waits for the agent; the commit stores it."""
        recipient = self.recipients.make(agent, self.last_round)
        in_order = not recipient.has_more_stored
        self.recipients.stored(recipient, 1, len(event.envelope))
        if in_order and self._has_window(recipient):
            recipient.keep(Pending(event, commit))
        self.advance(recipient, now)

    def replay(self, entry: DeadLetterEntry, now: float) -> bool:
        """The dead letter waits for its recipient again, behind all else, as if never delivered; false: no room."""
        if self.limit_reached(entry.recipient, entry.bytes) is not None:
            return False
        self._dead_letters.remove(entry)
        self._ledger.write(DeadLetterReplayed(entry.id, self.next_position()))
        recipient = self.recipients.make(entry.recipient, self.last_round)
        self.recipients.stored(recipient, 1, entry.bytes)
        self.advance(recipient, now)
        return True

    def _has_window(self, recipient: Recipient) -> bool:
        policy = self._policy
        return (
            self._desk.hosts.hosts_type(recipient.agent.type)
            and len(recipient.window) < policy.window_events
            and recipient.window_bytes < policy.window_bytes
        )

    # Delivering

    def advance(self, recipient: Recipient, now: float) -> None:
        """Delivers what may be delivered to the recipient now (DLV-3)."""
        if recipient.queued or self._desk.quiet or not recipient.waits:
            return
        ordered = self._ordered(recipient)
        in_flight = recipient.in_flight
        if recipient.has_more_stored and 2 * len(recipient.window) < self._policy.window_events:
            # Before the window is empty: a read waits for the commits before it.
            self._read_on(recipient)
        measured: Place | None = None
        first = full = 0
        while recipient.waits:
            index = recipient.next(now, ordered)
            if index is None:
                if recipient.has_more_stored and (not recipient.window or not ordered):
                    self._read_on(recipient)
                if recipient.window:
                    self._pauses.set(recipient.agent, recipient.next_due(ordered))
                return
            try:
                place = self._desk.places.resolve(recipient.agent, nested=False)
            except CommandError:
                # The table of places is full: it is tried again when the next event comes or a place ends.
                self._placeless[recipient] = None
                return
            if place is None:
                return
            if place is not measured:
                measured, (first, full) = place, pace.room(place, len(in_flight), self._policy)
            flying = len(in_flight)
            if flying >= full or (flying >= first and not pace.may_go_ahead(place, recipient.window[index].losses)):
                return
            queue = self._desk.queue(place, covered=True)
            if queue is None and recipient.window[index].isolated and not place.host.takes_isolated:
                queue = place.host.lonely
            if queue is not None:
                recipient.queued = True
                queue[recipient] = recipient
                return
            self._deliver(recipient, index, place, now)

    def from_backlog(self, recipient: Recipient, now: float) -> None:
        """What the recipient waited for is there, or gone."""
        recipient.queued = False
        self.advance(recipient, now)
        self._tidy(recipient)

    def _ordered(self, recipient: Recipient) -> bool:
        return self._desk.hosts.mode(recipient.agent.type) is not AgentMode.STATELESS

    def _deliver(self, recipient: Recipient, index: int, place: Place, now: float) -> None:
        pending = recipient.depart(index, place)
        pending.delivered = now
        event = pending.event
        self._desk.hand_over(place, len(event.envelope), covered=True)
        if pending.isolated:
            pending.alone = True
            place.host.isolated += 1
        delivery = Delivery(
            recipient=recipient.agent,
            epoch=place.epoch,
            position=event.position,
            round=pending.round,
            attempt=pending.attempt,
            topic=event.topic,
            envelope=event.envelope,
            sender=event.sender,
            event_id=event.event_id,
            trace=event.trace,
        )
        recipient.commit = max(recipient.commit, pending.commit)
        self._desk.out.append(Deliver(place.host.session, delivery, self._ledger.waits_for(recipient.commit)))

    def _read_on(self, recipient: Recipient) -> None:
        """Has the next page read, unless it is being read or has no room."""
        if not recipient.read and self._has_window(recipient):
            self._read(recipient)

    def _read(self, recipient: Recipient) -> None:
        read = self.recipients.begin_read(recipient)
        policy = self._policy
        self._effects.reads.append(
            ReadEvents(read, recipient.agent, recipient.seen, policy.window_events, policy.window_bytes)
        )

    def page(self, read: int, events: list[Waiting], now: float) -> None:
        """The page of stored events that was asked for."""
        recipient = self.recipients.end_read(read)
        if recipient is None:
            return
        if recipient in self._giving_up:
            self._giving_up.take(recipient, events, now)
            self._tidy(recipient)
            return
        for waiting in events:
            recipient.keep(pending_of(waiting))
        self.advance(recipient, now)

    # Settling

    def ack(self, session: str, re: int, ack: Ack, now: float) -> None:
        """The recipient is done with the event.

        Raises:
            CommandError: NOT_FOUND or STALE_EPOCH (DLV-2).
        """
        recipient, pending = self.find(session, ack)
        if ack.ignored:
            self._effects.log("debug", "event ignored", recipient=ack.recipient, position=ack.position)
        commit = self._ledger.write(DeliverySettled(ack.recipient, ack.position))
        self._desk.out.append(Answer(session, re, Done(), commit))
        place = self._settle(recipient, pending, now)
        pace.settled(place, now - pending.delivered)
        if ack.commit is not None and place.kept is not None and place.kept.effectively_once:
            # It begins nothing before it hears that this is durable, so its next event comes in the same frame.
            recipient.commit = commit
        self.advance(recipient, now)
        self._tidy(recipient)

    def nack(self, session: str, re: int, nack: Nack, now: float) -> None:
        """The attempt failed: the next one is made after a pause, or the event is a dead letter (DLV-5, DLV-6).

        Raises:
            CommandError: NOT_FOUND or STALE_EPOCH (DLV-2).
        """
        recipient, pending = self.find(session, nack)
        self._desk.out.append(Answer(session, re, Done(), self._ledger.commit))
        self._fail(recipient, pending, nack.error, nack.delay, now)
        self.advance(recipient, now)
        self._tidy(recipient)

    def refuse(self, session: str, ack: Ack, error: Error, now: float) -> None:
        """What the acknowledgement of a delivery in flight commits is refused: the attempt failed (STA-4)."""
        recipient, pending = self.find(session, ack)
        self._fail(recipient, pending, error, None, now)
        self.advance(recipient, now)
        self._tidy(recipient)

    def find(self, session: str, settled: Ack | Nack) -> tuple[Recipient, Pending]:
        """The delivery in flight to the session that is settled.

        Raises:
            CommandError: NOT_FOUND or STALE_EPOCH (DLV-2).
        """
        recipient = self.recipients.get(settled.recipient)
        pending = recipient.in_flight.get(settled.position) if recipient is not None else None
        if recipient is not None and pending is not None and pending.round == settled.round:
            place = pending.place
            if place is not None and place.epoch == settled.epoch and place.host.session == session:
                return recipient, pending
        current = self._desk.places.get(settled.recipient)
        if settled.epoch and (current is None or settled.epoch < current.epoch):
            raise stale_epoch(settled.recipient, settled.epoch, 0 if current is None else current.epoch)
        raise CommandError(
            Reason.NOT_FOUND,
            f"no delivery to {settled.recipient} at position {settled.position} of round {settled.round}"
            " is in flight to this session",
        )

    def _fail(self, recipient: Recipient, pending: Pending, error: Error, delay: float | None, now: float) -> None:
        """The attempt in flight failed: a new round begins at its position (DLV-4)."""
        pending.failures += 1
        if pending.place is not None:
            pace.failed(pending.place)
        returned = [pending]
        if self._ordered(recipient):
            returned = [other for other in recipient.in_flight.values() if other.position >= pending.position]
        if error.reason in PERMANENT or pending.failures >= self._policy.max_attempts:
            returned.remove(pending)
            self._bury(recipient, pending, error, now)
        else:
            if delay is None:
                factor = BACKOFF_FACTORS[min(pending.failures, len(BACKOFF_FACTORS)) - 1]
                delay = self._policy.redelivery_backoff * factor
            pending.not_before = now + delay
            self._count(recipient, pending)
            self._effects.log(
                "warning",
                "delivery failed",
                recipient=recipient.agent,
                topic=pending.event.topic,
                position=pending.position,
                attempt=pending.failures,
                again_in_s=round(delay, 3),
                reason=reason_name(error.reason),
                error=error.message[:MAX_LOGGED],
            )
        self._take_back(recipient, returned, now)

    def _take_back(self, recipient: Recipient, returned: list[Pending], now: float) -> None:
        """These are no longer in flight; what is delivered from now on is of a new round (DLV-4)."""
        self.last_round += 1
        recipient.round = self.last_round
        places = [self._leave(pending) for pending in returned]
        recipient.come_back(returned)
        for place in places:
            self._left(place, now)

    def _count(self, recipient: Recipient, pending: Pending) -> None:
        failed = DeliveryFailed(recipient.agent, pending.position, pending.failures, pending.losses)
        # It is delivered again after the Nack is answered: until then the worker has the result in hand (DLV-4).
        pending.commit = self._ledger.write(failed)

    def _count_losses(self, recipient: Recipient, returned: list[Pending], started: int, now: float) -> list[Pending]:
        """Counts the session that was lost against the events that it may have started: those that live on (DLV-7)."""
        limit = self._policy.max_lost_sessions
        living = returned[started:]
        for pending in returned[:started]:
            pending.losses += 1
            if pending.losses >= limit:
                why = f"{pending.losses} sessions were lost while they had the event"
                self._bury(recipient, pending, make_error(Reason.OUTCOME_UNKNOWN, why), now)
                continue
            living.append(pending)
            self._count(recipient, pending)
            self._effects.log(
                "warning",
                "session lost with event",
                recipient=recipient.agent,
                topic=pending.event.topic,
                position=pending.position,
                lost_sessions=pending.losses,
                limit=limit,
                isolated=pending.isolated,
            )
        return living

    def _bury(self, recipient: Recipient, pending: Pending, error: Error, now: float) -> None:
        """The event in flight is given up for this recipient (DLV-6)."""
        attempts = pending.failures + pending.losses
        self._dead_letters.add(recipient.agent, pending.event, attempts, error, now)
        self._settle(recipient, pending, now)

    def _settle(self, recipient: Recipient, pending: Pending, now: float) -> Place:
        """The event waits for the recipient no more. Returns where it was in flight to."""
        place = self._leave(pending)
        self.recipients.settle(recipient, pending)
        self._left(place, now)
        return place

    def _leave(self, pending: Pending) -> Place:
        """The event is no longer in flight to the place."""
        place = pending.place
        assert place is not None
        self._desk.hand_back(place)
        if pending.alone:
            pending.alone = False
            place.host.isolated -= 1
        return place

    def _left(self, place: Place, now: float) -> None:
        """An isolated event may have left the session: another one may go there."""
        host = place.host
        # One that goes elsewhere, or delivers nothing, leaves its turn to the next.
        while host.lonely and host.takes_isolated:
            self.from_backlog(host.lonely.popitem(last=False)[1], now)

    def _tidy(self, recipient: Recipient) -> None:
        if self.recipients.tidy(recipient):
            self._pauses.drop(recipient.agent)
            self._placeless.pop(recipient, None)

    # Hosts that come and go

    def activation_failed(self, place: Place, error: Error, now: float) -> None:
        """The agent could not be made: that is a failed attempt for the first event in flight to it (AGT-6)."""
        recipient = self.recipients.get(place.agent)
        if recipient is not None and recipient.in_flight:
            first = recipient.in_flight[min(recipient.in_flight)]
            if first.place is place:
                self._fail(recipient, first, error, None, now)

    def places_ended(self, agent_type: str, places: list[Place], now: float, lost: Registration | None) -> None:
        """Some places of agents of one type are over: what is in flight to them is delivered again (DLV-5).

        Args:
            agent_type: The type.
            places: The places; those of stateless agents need not be among them.
            now: The moment, in seconds.
            lost: They ended with their session, which had registered the type so, and which counts against the events
                that it may have started (DLV-7).
        """
        hosted = self._desk.hosts.hosts_type(agent_type)
        concerned: Iterable[Recipient | None] = self.recipients.of_type(agent_type)
        if hosted and self._desk.hosts.mode(agent_type) is not AgentMode.STATELESS:
            concerned = [self.recipients.get(place.agent) for place in places]
        for recipient in concerned:
            if recipient is None:
                continue
            returned = [p for p in recipient.in_flight.values() if p.place is not None and p.place.is_over]
            if returned and lost is not None:
                returned = self._count_losses(recipient, returned, pace.at_once(lost, self._policy), now)
            if returned:
                self._take_back(recipient, returned, now)
            if not hosted:
                recipient.close_window()
            self.advance(recipient, now)
            self._tidy(recipient)
        placeless, self._placeless = self._placeless, {}
        for recipient in placeless:
            self.advance(recipient, now)

    def retry(self, agent_type: str, now: float) -> None:
        """A session may take messages for agents of this type now."""
        for recipient in self.recipients.of_type(agent_type):
            self.advance(recipient, now)

    def drop_backlog(self, agent_type: str) -> None:
        """The type has neither host nor subscription any more, and none of them was durable (SUB-3)."""
        recipients = self.recipients.of_type(agent_type)
        for recipient in recipients:
            self.recipients.drop(recipient)
            self._pauses.drop(recipient.agent)
            self._placeless.pop(recipient, None)
        if recipients:
            self._ledger.write(BacklogDropped(agent_type))

    def give_up(self, agent_type: str, error: Error) -> None:
        """What waits for agents of this type, which nobody hosts, becomes dead letters (SUB-4)."""
        self._giving_up.begin(agent_type, error)

    def spare(self, agent_type: str) -> None:
        """What still waits for agents of this type is not given up."""
        self._giving_up.spare(agent_type)

    # Time

    def tick(self, now: float) -> None:
        """Delivers again what has paused long enough (DLV-5)."""
        for agent in self._pauses.take(now):
            recipient = self.recipients.get(agent)
            if recipient is not None:
                self.advance(recipient, now)

    def next_due(self) -> float | None:
        """When `tick` has something to do."""
        return self._pauses.next()

    def pending(self, agent: AgentId) -> int:
        """Events stored for the agent that are not settled."""
        recipient = self.recipients.get(agent)
        return recipient.events if recipient is not None else 0

    def counts(self) -> dict[str, int]:
        """Entries by table, for GetStatus."""
        recipients = self.recipients
        return {"events": recipients.events, "deliveries": recipients.in_flight(), "recipients": len(recipients)}
