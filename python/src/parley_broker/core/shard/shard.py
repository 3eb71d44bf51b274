"""One shard: everything that belongs to a set of keys, decided without I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import nsmallest

from parley_broker.core.effects import (
    NO_COMMIT,
    Answer,
    Effects,
    Found,
    Read,
    ReadEpochs,
    ReadEvents,
    ReadState,
    ShardEffect,
    Told,
)
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import (
    Ack,
    AgentMode,
    DeadLetterFilter,
    Error,
    Nack,
    Publish,
    Published,
    Save,
    Subscription,
    SubscriptionKey,
)
from parley_broker.core.orders import Claim, Outcome, Registration, Ticket
from parley_broker.core.policy import Policy
from parley_broker.core.records import Opened, ReplyStored, StateSaved
from parley_broker.core.shard.calls import Calls
from parley_broker.core.shard.catalogue import Catalogue
from parley_broker.core.shard.claims import Claims
from parley_broker.core.shard.commits import Commits
from parley_broker.core.shard.dead_letters import DeadLetters
from parley_broker.core.shard.deliveries import Deliveries
from parley_broker.core.shard.desk import Desk
from parley_broker.core.shard.ephemeral import Ephemeral
from parley_broker.core.shard.event_ids import EventIds
from parley_broker.core.shard.expiry import Expiry
from parley_broker.core.shard.handover import Handover
from parley_broker.core.shard.ledger import Ledger
from parley_broker.core.shard.loading import Loading
from parley_broker.core.shard.producers import Producers
from parley_broker.core.shard.publishing import Publishing
from parley_broker.core.shard.replies import Replies
from parley_broker.core.shard.saves import Saves
from parley_broker.core.shard.states import States, durable_version
from parley_broker.core.shard.subscribing import Subscribing
from parley_broker.core.shard.workers import Workers
from parley_broker.core.views import AgentView
from parley_broker.errors import CommandError, Reason


@dataclass(frozen=True, slots=True)
class Memory:
    """What no store knows, for the shard that follows one that was discarded."""

    last_epoch: int
    round: int
    claims: Claims
    hosts_until: float | None
    transient: tuple[Subscription, ...] = ()
    versions: Mapping[AgentId, int] = field(default_factory=dict)
    """Of the states of agents that have a place, as far as they are durable."""
    subscribers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By session: the agent types that it made subscriptions for which are not durable."""


FIRST_ROUND = 1


class Shard:
    """Decides where calls go, who gets which event, and what is stored.

    Commands are methods; what they decide is in `take()` for the gateway, and in `effects` for the engine.

    Args:
        policy: The limits.
        opened: The term of this start and what the store holds.
        effects: Takes records, reads and log lines.
        wall_offset: As for Machine: wall = now + offset.
        now: The moment of the start.
        memory: What a discarded shard of the same term left; None: this is the first one.
    """

    def __init__(
        self,
        policy: Policy,
        opened: Opened,
        effects: Effects,
        wall_offset: float,
        now: float,
        memory: Memory | None = None,
    ) -> None:
        after_start = memory is None
        memory = memory or _beginning(policy, opened, now)
        self._ledger = Ledger(effects.records)
        self._desk = Desk(policy, memory.last_epoch)
        self._versions = memory.versions
        self._desk.hosts.any_until = memory.hosts_until
        for session, types in memory.subscribers.items():
            self._desk.hosts.get(session).transient.update(types)
        self._claims = memory.claims
        self._desk.places.awaits = self._claims.awaits
        effects.reads.extend(self._claims.reads)
        self._catalogue = Catalogue(policy.max_subscriptions, (*opened.summary.subscriptions, *memory.transient))
        self._calls = Calls(self._desk)
        self._states = States(self._desk, self._ledger, policy)
        self._saves = Saves(self._desk, self._ledger, self._states)
        self._handover = Handover(self._desk, policy)
        self._loading = Loading(effects, policy)
        self._replies = Replies(effects, self._ledger, policy, wall_offset, opened.summary.replies, self._desk.out)
        self._producers = Producers(self._ledger, policy, wall_offset, opened.summary)
        self._event_ids = EventIds(self._ledger, policy, wall_offset, opened.summary)
        self._dead_letters = DeadLetters(effects, self._ledger, policy, wall_offset, opened.summary)
        self._deliveries = Deliveries(
            self._desk, effects, self._ledger, policy, self._dead_letters, opened.summary, memory.round
        )
        self._expiry = Expiry(effects, self._ledger, policy, self._catalogue, self._deliveries, wall_offset)
        self._expiry.begin(opened.summary, now, after_start)
        self._ephemeral = Ephemeral(self._desk, self._ledger, policy)
        self._publishing = Publishing(
            self._desk, effects, self._ledger, policy, self._deliveries, self._ephemeral, self._dead_letters
        )
        self._subscribing = Subscribing(self._desk, self._ledger, self._catalogue, self._deliveries, self._expiry)
        self._workers = Workers(
            self._desk,
            self._calls,
            self._deliveries,
            self._ephemeral,
            self._saves,
            self._handover,
            self._loading,
            self._claims,
            self._subscribing,
            effects,
            policy.drain_timeout,
        )
        self._commits = Commits(
            self._desk,
            self._ledger,
            effects,
            self._states,
            self._catalogue,
            self._publishing,
            self._deliveries,
            self._calls,
            self._replies,
            self._event_ids,
            self._workers.conflict,
        )
        self._timed = (
            self._deliveries,
            self._dead_letters,
            self._producers,
            self._event_ids,
            self._expiry,
            self._replies,
        )

    def memory(self) -> Memory:
        """What the next shard needs to know when this one is discarded; its round is the next one (DLV-4)."""
        transient = tuple(s for s in self._catalogue.list() if not s.durable)
        versions = {
            place.agent: version
            for place in self._desk.places
            if place.kept is not None and (version := durable_version(place.kept, self._ledger.durable)) is not None
        }
        desk = self._desk
        subscribers = {host.session: frozenset(host.transient) for host in desk.hosts.by_session.values()}
        return Memory(
            desk.places.last_epoch,
            self._deliveries.last_round + 1,
            self._claims,
            desk.hosts.any_until,
            transient,
            versions,
            subscribers,
        )

    def take(self, now: float) -> list[ShardEffect]:
        """What was decided since the last time, in order."""
        self._workers.settle(now)
        out = self._desk.out
        taken = out.copy()
        out.clear()
        return taken

    @property
    def has_decided(self) -> bool:
        """Whether `take` would return anything."""
        return bool(self._desk.out or self._desk.emptied or self._desk.places.to_load)

    # Hosts

    def host(self, session: str, registration: Registration, now: float) -> None:
        """As Workers.host."""
        self._workers.host(session, registration, now)

    def unhost(self, session: str, agent_type: str, now: float) -> None:
        """As Workers.unhost."""
        self._workers.unhost(session, agent_type, now)

    def lose(self, session: str, now: float) -> None:
        """As Workers.lose."""
        self._workers.lose(session, now)
        self._producers.leave(session, now)

    def drain(self, session: str, timeout: float, now: float) -> bool:
        """As Workers.drain."""
        return self._workers.drain(session, timeout, now)

    def pause(self, session: str) -> None:
        """As Workers.pause."""
        self._workers.pause(session)

    def resume(self, session: str, now: float) -> None:
        """As Workers.resume."""
        self._workers.resume(session, now)

    def allow(self, session: str, messages: int, size: int, now: float) -> None:
        """As Workers.allow."""
        self._workers.allow(session, messages, size, now)

    def activated(self, session: str, agent: AgentId, epoch: int) -> None:
        """As Workers.activated."""
        self._workers.activated(session, agent, epoch)

    def activation_failed(self, session: str, agent: AgentId, epoch: int, error: Error, now: float) -> None:
        """As Workers.activation_failed."""
        self._workers.activation_failed(session, agent, epoch, error, now)

    def deactivated(self, session: str, agent: AgentId, epoch: int, now: float) -> None:
        """As Workers.deactivated."""
        self._workers.deactivated(session, agent, epoch, now)

    def leave(self, session: str, agent: AgentId, epoch: int, now: float) -> None:
        """As Workers.leave."""
        self._workers.leave(session, agent, epoch, now)

    def claim(self, claim: Claim, now: float) -> None:
        """As Workers.claim."""
        self._workers.claim(claim, now)

    def adopt(self, session: str, agent: AgentId, epoch: int) -> None:
        """The session has held the agent since this epoch."""
        place = self._desk.places.adopt(agent, self._desk.hosts.get(session), epoch, self._versions.get(agent))
        # It may be idle: that is looked at once it is known what it has in hand.
        self._desk.emptied[place] = None

    def current_epoch(self, agent: AgentId) -> int:
        """The epoch of the agent's place; 0 when it has none."""
        place = self._desk.places.get(agent)
        return place.epoch if place is not None else 0

    def adopt_call(self, session: str, ticket: Ticket) -> None:
        """The session runs this call, which an earlier shard dispatched."""
        self._calls.adopt(ticket, self._desk.hosts.get(session))
        if ticket.key:
            self._replies.lead(ticket)

    def mode(self, agent_type: str) -> AgentMode | None:
        """The mode of a hosted type; None when nobody hosts it."""
        return self._desk.hosts.mode(agent_type)

    def quiesce(self, now: float) -> None:
        """No event is delivered any more, and calls that wait for a host, now or later, are refused (DRN-1)."""
        self._desk.quiet = True
        for agent_type in self._calls.waiting_types():
            self._calls.retry(agent_type, now)

    def unsaved(self) -> list[tuple[str, AgentId, int]]:
        """As Handover.unsaved: session, agent and epoch."""
        return [(place.host.session, place.agent, place.epoch) for place in self._handover.unsaved()]

    @property
    def in_hand(self) -> int:
        """Calls and deliveries dispatched and not answered."""
        return sum(host.in_hand for host in self._desk.hosts.by_session.values())

    # Calls

    def place(self, ticket: Ticket, now: float) -> None:
        """Dispatches the call, lets it wait, or refuses it (RPC-5); with a key it may get another's outcome (RPC-8)."""
        if not ticket.key or self._replies.admit(ticket):
            self._calls.place(ticket, now)

    def withdraw(self, call: int) -> None:
        """The call is not wanted any more, wherever it is."""
        self._replies.end(call)
        self._calls.withdraw(call)

    def recall(self, ticket: Ticket) -> None:
        """As Calls.recall."""
        self._calls.recall(ticket)

    def finish(self, call: int) -> None:
        """The dispatched call has its outcome, or is to be placed again."""
        self._replies.end(call)
        self._calls.finish(call)

    def reply(self, session: str, re: int, outcome: Outcome, now: float) -> None:
        """As Commits.reply."""
        self._commits.reply(session, re, outcome, now)

    # Events

    def subscribe(self, session: str, re: int, subscription: Subscription, now: float) -> None:
        """As Subscribing.add."""
        self._subscribing.add(session, re, subscription, now)

    def unsubscribe(self, session: str, re: int, key: SubscriptionKey) -> None:
        """As Subscribing.remove."""
        self._subscribing.remove(session, re, key)

    def subscriptions(self) -> list[Subscription]:
        """All subscriptions in the order of their triples."""
        return self._catalogue.list()

    def publish(self, session: str, re: int, publish: Publish, now: float) -> None:
        """As Publishing.publish, for the agent types that subscribe; a duplicate is only answered (PUB-4, PUB-5)."""
        types = self._catalogue.match(publish.topic.type)
        commit = self._producers.commit_of(publish)
        if commit is None:
            commit = self._event_ids.commit_of(publish, now)
        if commit is None:
            commit = self._publishing.publish(session, re, publish, types, now)
            self._event_ids.see(publish, commit, now)
        else:
            self._desk.out.append(Answer(session, re, Published(len(types), duplicate=True), commit))
            commit = NO_COMMIT
        self._producers.see(session, publish, commit, now)

    def ack(self, session: str, re: int, ack: Ack, now: float) -> None:
        """As Deliveries.ack, or Commits.ack."""
        if ack.commit is None:
            self._deliveries.ack(session, re, ack, now)
        else:
            self._commits.ack(session, re, ack, now)

    def refuse(self, session: str, ack: Ack, error: Error, now: float) -> None:
        """As Deliveries.refuse."""
        self._deliveries.refuse(session, ack, error, now)

    def nack(self, session: str, re: int, nack: Nack, now: float) -> None:
        """As Deliveries.nack."""
        self._deliveries.nack(session, re, nack, now)

    def save(self, session: str, re: int, save: Save, now: float) -> None:
        """As Saves.save."""
        try:
            self._saves.save(session, re, save)
        except CommandError as failure:
            if failure.reason is Reason.STATE_CONFLICT:
                self._workers.conflict(save.agent, save.epoch, now)
            raise

    # Dead letters

    def dead_letters(
        self, wanted: DeadLetterFilter, after: int, count: int, size: int
    ) -> tuple[dict[int, Subscription | None], bool]:
        """Dead letters with ids above `after`, each with what may have brought it, and whether there are more.

        At most `count`, and no further one once their envelopes have `size` bytes.
        """
        shown: dict[int, Subscription | None] = {}
        for entry in self._dead_letters.find(wanted):
            if entry.id > after:
                if len(shown) >= count or size <= 0:
                    return shown, True
                size -= entry.bytes
                shown[entry.id] = self._catalogue.find(entry.recipient.type, entry.topic_type)
        return shown, False

    def replay(self, ask: int, wanted: DeadLetterFilter, now: float) -> None:
        """Puts dead letters back at the tails of their recipients' queues, as far as these have room."""
        found = self._dead_letters.find(wanted)
        replayed = [entry for entry in found if self._deliveries.replay(entry, now)]
        for agent_type in {entry.recipient.type for entry in replayed}:
            if not self._desk.hosts.hosts_type(agent_type):
                self._expiry.unhosted(agent_type, now)
        self._desk.out.append(Told(ask, len(replayed), self._ledger.commit if replayed else NO_COMMIT))

    def purge(self, ask: int, wanted: DeadLetterFilter) -> None:
        """Deletes dead letters."""
        purged = self._dead_letters.purge(wanted)
        self._desk.out.append(Told(ask, purged, self._ledger.commit if purged else NO_COMMIT))

    # Store

    def sealed(self) -> int:
        """The records made so far are one commit: its number. Later ones belong to the next."""
        self._producers.flush()
        return self._ledger.seal()

    def committed(self, commit: int) -> None:
        """This commit and all before it are durable."""
        self._ledger.durable = commit

    def found(self, read: Read, what: Found, now: float) -> None:
        """What the store has of what was wanted."""
        if isinstance(read, ReadEvents):
            assert isinstance(what, list)
            self._deliveries.page(read.id, what, now)
        elif isinstance(read, ReadState):
            assert what is None or isinstance(what, StateSaved)
            self._workers.loaded(read, what, now)
        elif isinstance(read, ReadEpochs):
            assert isinstance(what, tuple)
            self._workers.sought(read, what, now)
        else:
            assert what is None or isinstance(what, ReplyStored)
            ticket = self._replies.found(read, what)
            if ticket is not None:
                self.place(ticket, now)

    def abandon(self, why: str) -> list[ShardEffect]:
        """The shard is discarded: what waits in it for the store is answered."""
        self._saves.abandon(why)
        return self._desk.out

    # Time

    def tick(self, now: float) -> None:
        """Does what is due in each table."""
        self._workers.tick(now)
        for table in self._timed:
            table.tick(now)

    def next_due(self) -> float | None:
        """When `tick` has something to do; None: nothing known."""
        dues = [table.next_due() for table in (self._workers, *self._timed)]
        return min((due for due in dues if due is not None), default=None)

    def views(self, after: AgentId | None, agent_type: str, limit: int) -> list[AgentView]:
        """The placed agents above this one in their order, at most `limit`; `agent_type` empty: of all types."""
        wanted = (
            place
            for place in self._desk.places
            if (not agent_type or place.agent.type == agent_type) and (after is None or place.agent > after)
        )
        return [
            AgentView(place.agent, place.host.session, place.epoch, self._deliveries.pending(place.agent))
            for place in nsmallest(limit, wanted, key=lambda place: place.agent)
        ]

    def tables(self) -> dict[str, int]:
        """Entries by table, for GetStatus."""
        return {
            "hosts": len(self._desk.hosts),
            "agents": len(self._desk.places),
            "subscriptions": len(self._catalogue),
            "subscribers": sum(len(host.transient) for host in self._desk.hosts.by_session.values()),
            "placed_calls": len(self._calls),
            "leaving_agents": len(self._handover),
            "claims": len(self._claims),
            "stored_replies": len(self._replies),
            **self._deliveries.counts(),
            "ephemeral_events": len(self._ephemeral),
            "dead_letters": len(self._dead_letters),
            "producers": len(self._producers),
            "event_ids": len(self._event_ids),
        }


def _beginning(policy: Policy, opened: Opened, now: float) -> Memory:
    window_ends = None if opened.fresh else now + policy.claim_window
    hosts_until = None if opened.fresh else now + policy.host_grace
    first_epoch = opened.term << 32
    return Memory(first_epoch, FIRST_ROUND, Claims(policy.host_grace, window_ends, first_epoch), hosts_until)
