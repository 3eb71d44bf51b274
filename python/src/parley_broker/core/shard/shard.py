"""One shard: everything that belongs to a set of keys, decided without I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest

from parley_broker.core.effects import (
    NO_COMMIT,
    Activated,
    Answer,
    Claimed,
    Effects,
    Found,
    Read,
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
    Done,
    Error,
    Nack,
    Publish,
    Published,
    Save,
    State,
    Subscription,
    SubscriptionKey,
)
from parley_broker.core.orders import Claim, Outcome, Registration, Ticket
from parley_broker.core.policy import Policy
from parley_broker.core.records import Opened, ReplyStored, StateSaved, SubscriptionAdded, SubscriptionRemoved
from parley_broker.core.shard.calls import Calls
from parley_broker.core.shard.catalogue import Catalogue
from parley_broker.core.shard.claims import Claims
from parley_broker.core.shard.commits import Commits
from parley_broker.core.shard.dead_letters import DeadLetters
from parley_broker.core.shard.deliveries import Deliveries
from parley_broker.core.shard.desk import Desk
from parley_broker.core.shard.ephemeral import Ephemeral, Passing
from parley_broker.core.shard.event_ids import EventIds
from parley_broker.core.shard.expiry import Expiry
from parley_broker.core.shard.handover import Handover
from parley_broker.core.shard.hosts import Host
from parley_broker.core.shard.ledger import Ledger
from parley_broker.core.shard.loading import Loading
from parley_broker.core.shard.places import Place
from parley_broker.core.shard.producers import Producers
from parley_broker.core.shard.publishing import Publishing
from parley_broker.core.shard.recipients import Recipient
from parley_broker.core.shard.replies import Replies
from parley_broker.core.shard.saves import Saves
from parley_broker.core.shard.states import States, durable_version
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
        self._effects = effects
        self._ledger = Ledger(effects.records)
        self._desk = Desk(policy, memory.last_epoch)
        self._versions = memory.versions
        self._desk.hosts.any_until = memory.hosts_until
        self._claims = memory.claims
        self._desk.places.held_back = self._claims.window_is_open
        self._catalogue = Catalogue(policy.max_subscriptions, (*opened.summary.subscriptions, *memory.transient))
        self._calls = Calls(self._desk)
        self._states = States(self._desk, self._ledger, policy)
        self._saves = Saves(self._desk, self._ledger, self._states)
        self._handover = Handover(self._desk, policy)
        self._loading = Loading(effects, policy)
        self._replies = Replies(effects, self._ledger, policy, wall_offset, opened.summary.replies, self._desk.out)
        self._producers = Producers(self._ledger, policy, wall_offset, opened.summary)
        self._event_ids = EventIds(self._ledger, policy, wall_offset, opened.summary)
        self._policy = policy
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
            self._conflict,
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
        last_round = self._deliveries.last_round
        return Memory(desk.places.last_epoch, last_round + 1, self._claims, desk.hosts.any_until, transient, versions)

    def take(self, now: float) -> list[ShardEffect]:
        """What was decided since the last time, in order."""
        if self._desk.places.to_load:
            self._load()
        if self._desk.emptied:
            for place in self._handover.settle(now):
                self._ask_back(place, 0, now)
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
        """The session hosts the type from now on (AGT-1).

        Raises:
            CommandError: INVALID_ARGUMENT or ALREADY_EXISTS.
        """
        hosts, places = self._desk.hosts, self._desk.places
        hosts.check(session, registration)
        host = hosts.add(session, registration)
        self._expiry.hosted(registration.type)
        outside = [
            place
            for place in host.places.values()
            if place.agent.type == registration.type
            and registration.pinned
            and place.agent.key not in registration.pinned
        ]
        outside += [place for place in self._desk.places.keep_to(host, registration) if place not in outside]
        elsewhere = [
            place
            for key in registration.pinned
            if (place := places.get(AgentId(registration.type, key))) is not None and place.host is not host
        ]
        self._end_places(outside + elsewhere, registration.type, now)
        self._retry(registration.type, now)

    def unhost(self, session: str, agent_type: str, now: float) -> None:
        """The session no longer hosts the type; its places of it are over (AGT-9)."""
        self._unhost(self._desk.hosts.get(session), agent_type, now, lost=False)

    def _unhost(self, host: Host, agent_type: str, now: float, lost: bool) -> None:
        ended = [place for place in host.places.values() if place.agent.type == agent_type]
        stranded = _remove(host, lambda agent: agent.type == agent_type)
        was_last = self._desk.hosts.remove(host, agent_type, now)
        self._end_places(ended, agent_type, now, lost=lost)
        if was_last:
            self._end_transient_subscriptions(agent_type)
            self._expiry.unhosted(agent_type, now)
        self._take_up_all(stranded, now)
        self._calls.retry(agent_type, now)

    def lose(self, session: str, now: float) -> None:
        """The session is over, with all that it hosted (SES-13). Its calls are the gateway's to end."""
        host = self._desk.hosts.get(session)
        host.paused = True
        self._claims.withdraw(session)
        stranded = _remove(host, lambda _agent: True)
        types = list(host.registrations)
        for agent_type in types:
            self._unhost(host, agent_type, now, lost=True)
        self._desk.hosts.forget(session)
        self._producers.leave(session, now)
        for agent_type in list(host.transient):
            if not self._desk.hosts.hosts_type(agent_type):
                self._end_transient_subscriptions(agent_type)
        self._take_up_all(stranded, now)

    def drain(self, session: str, timeout: float, now: float) -> bool:
        """Nothing new is placed with the session; its agents that keep state are asked back (DRN-2).

        Args:
            session: The one that drains.
            timeout: What its agents have, in seconds; 0: the broker's default.
            now: The time.

        Returns:
            Whether nothing dispatched to it is unanswered, and no agent that keeps state is there.
        """
        host = self._desk.hosts.get(session)
        host.draining = True
        for place in list(host.places.values()):
            if place.kept is not None:
                self._ask_back(place, timeout, now)
        return host.drained

    def pause(self, session: str) -> None:
        """The session is suspect: nothing new is placed with it or dispatched to it (SES-12)."""
        self._desk.hosts.get(session).paused = True

    def resume(self, session: str, now: float) -> None:
        """The session is no longer suspect."""
        host = self._desk.hosts.get(session)
        host.paused = False
        self._flush(host, now)
        for agent_type in host.registrations:
            self._retry(agent_type, now)

    def allow(self, session: str, messages: int, size: int, now: float) -> None:
        """The session may take this many more covered messages and bytes (FLOW-1)."""
        host = self._desk.hosts.get(session)
        host.messages_left += messages
        host.bytes_left += size
        if host.backlog:
            self._flush(host, now)

    def activated(self, session: str, agent: AgentId, epoch: int) -> None:
        """The session has made the agent, with the state that it was given."""
        place = self._desk.places.get(agent)
        if place is not None and place.kept is not None and place.host.session == session and place.epoch == epoch:
            self._loading.confirmed(place)

    def activation_failed(self, session: str, agent: AgentId, epoch: int, error: Error, now: float) -> None:
        """The session could not make the agent: the place is over (AGT-6)."""
        place = self._desk.places.get(agent)
        if place is not None and place.host.session == session and place.epoch == epoch:
            self._deliveries.activation_failed(place, error, now)
            self._end_places([place], agent.type, now)

    def deactivated(self, session: str, agent: AgentId, epoch: int, now: float) -> None:
        """The session gives the agent back that it was asked for (AGT-8)."""
        place = self._desk.places.get(agent)
        if place is not None and place.host.session == session and place.epoch == epoch:
            self._end_places([place], agent.type, now, taken=True)

    def adopt(self, session: str, agent: AgentId, epoch: int) -> None:
        """The session has held the agent since this epoch."""
        self._desk.places.adopt(agent, self._desk.hosts.get(session), epoch, self._versions.get(agent))

    def leave(self, session: str, agent: AgentId, epoch: int, now: float) -> None:
        """The session was asked for the agent, which it has, by an earlier shard."""
        place = self._desk.places.get(agent)
        if place is not None and place.epoch == epoch and place.kept is not None:
            self._handover.leave(place, now + self._policy.drain_timeout)

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

    def claim(self, claim: Claim, now: float) -> None:
        """The session says to hold these agents since before: decided now, or at the end of the window (SES-14)."""
        if self._claims.window_is_open:
            self._claims.wait(claim)
        else:
            self._decide([claim])

    def quiesce(self, now: float) -> None:
        """No event is delivered any more, and calls that wait for a host, now or later, are refused (DRN-1)."""
        self._desk.quiet = True
        for agent_type in self._calls.waiting_types():
            self._calls.retry(agent_type, now)

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

    def finish(self, call: int) -> None:
        """The dispatched call has its outcome, or is to be placed again."""
        self._replies.end(call)
        self._calls.finish(call)

    def reply(self, session: str, re: int, outcome: Outcome, now: float) -> None:
        """As Commits.reply."""
        self._commits.reply(session, re, outcome, now)

    # Events

    def subscribe(self, session: str, re: int, subscription: Subscription, now: float) -> None:
        """The subscription is there from its answer on (SUB-6).

        Raises:
            CommandError: INVALID_ARGUMENT or RESOURCE_EXHAUSTED (SUB-5).
        """
        before = self._catalogue.get(subscription.key)
        commit = NO_COMMIT
        changed = self._catalogue.add(subscription)
        if not subscription.durable:
            self._desk.hosts.get(session).transient.add(subscription.key.agent_type)
        if changed:
            if subscription.durable:
                self._ledger.write(SubscriptionAdded(subscription))
                commit = self._ledger.commit
                if not self._desk.hosts.hosts_type(subscription.key.agent_type):
                    self._expiry.unhosted(subscription.key.agent_type, now)
                if before is not None:
                    self._forget_transient(subscription.key.agent_type)
            elif before is not None and before.durable:
                self._ledger.write(SubscriptionRemoved(subscription.key))
                commit = self._ledger.commit
        self._desk.out.append(Answer(session, re, Done(), commit))

    def unsubscribe(self, session: str, re: int, key: SubscriptionKey) -> None:
        """The subscription is gone, for every session (SUB-2).

        Raises:
            CommandError: NOT_FOUND.
        """
        commit = NO_COMMIT
        if self._catalogue.remove(key).durable:
            self._ledger.write(SubscriptionRemoved(key))
            commit = self._ledger.commit
        else:
            self._forget_transient(key.agent_type)
        self._desk.out.append(Answer(session, re, Done(), commit))

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

    def refused(self, session: str, publish: Publish, now: float) -> None:
        """The publish was refused: its number is used up (PUB-4)."""
        self._producers.see(session, publish, NO_COMMIT, now)

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
                self._conflict(save.agent, save.epoch, now)
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
            self._loaded(read, what, now)
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
        """Does what is due: redeliveries, old dead letters, idle agents, ends of graces and of the claim window."""
        hosts = self._desk.hosts
        claims = self._claims.close_window(now)
        if claims is not None:
            self._desk.places.held_back = False
            self._decide(claims)
            for agent_type in hosts.types():
                self._deliveries.retry(agent_type, now)
        self._claims.forget(now)
        if hosts.any_until is not None and hosts.any_until <= now:
            hosts.any_until = None
            claims = claims or []
        if claims is not None:
            for agent_type in self._calls.waiting_types():
                self._calls.retry(agent_type, now)
        self._deliveries.tick(now)
        self._dead_letters.tick(now)
        self._producers.tick(now)
        self._event_ids.tick(now)
        self._expiry.tick(now)
        for agent_type in self._desk.hosts.take_expired(now):
            self._calls.retry(agent_type, now)
        self._replies.tick(now)
        for place in self._handover.take_idle(now):
            self._ask_back(place, 0, now)
        for place in self._handover.take_late(now):
            self._effects.log(
                "warning", "agent taken", agent=place.agent, session=place.host.session, in_hand=place.in_hand
            )
            self._end_places([place], place.agent.type, now, taken=True)

    def next_due(self) -> float | None:
        """When `tick` has something to do; None: nothing known."""
        dues = (
            self._desk.hosts.next_expiry(),
            self._handover.next_due(),
            self._claims.next_due(),
            self._deliveries.next_due(),
            self._dead_letters.next_due(),
            self._replies.next_due(),
            self._producers.next_due(),
            self._event_ids.next_due(),
            self._expiry.next_due(),
        )
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

    def _retry(self, agent_type: str, now: float) -> None:
        desk = self._desk
        if desk.places.held_back and desk.hosts.mode(agent_type) is not AgentMode.STATELESS:
            # Nothing can be placed yet, and there may be much that waits; the end of the window takes it up.
            return
        self._calls.retry(agent_type, now)
        self._deliveries.retry(agent_type, now)

    def _flush(self, host: Host, now: float) -> None:
        """Hands the session what waits for it, as far as its credit goes."""
        while host.exempt and not host.paused:
            self._take_up(host.exempt.popitem(last=False)[1], now, lost=False)
        host.flushing = True
        while host.backlog and host.has_credit and not host.paused:
            self._take_up(host.backlog.popitem(last=False)[1], now, lost=False)
        host.flushing = False
        if host.lonely and host.takes_isolated:
            self._take_up(host.lonely.popitem(last=False)[1], now, lost=False)

    def _take_up(self, item: Ticket | Recipient | Passing, now: float, lost: bool) -> None:
        if isinstance(item, Ticket):
            self._calls.from_backlog(item, now)
        elif isinstance(item, Recipient):
            self._deliveries.from_backlog(item, now)
        else:
            self._ephemeral.from_backlog(item, lost)

    def _take_up_all(self, stranded: list[Ticket | Recipient | Passing], now: float) -> None:
        for item in stranded:
            self._take_up(item, now, lost=True)

    def _loaded(self, read: ReadState, saved: StateSaved | None, now: float) -> None:
        place = self._desk.places.get(read.agent)
        if place is None or place.epoch != read.epoch or place.kept is None:
            return
        kept = place.kept
        state = None
        if place.active:
            kept.version = saved.version if saved is not None else 0
        elif saved is None or saved.data is None:
            # Activate has nowhere to name the version of an agent that never saved anything: it begins at 0 again.
            kept.version = 0
        else:
            kept.version = saved.version
            state = State(saved.data, saved.content_type, saved.version)
        kept.first_version = kept.version
        self._loading.found(place, len(state.data) if state is not None else 0)
        if not place.active:
            place.active = True
            self._desk.out.append(Activated(place.host.session, place.agent, place.epoch, state))
        if not place.in_hand:
            self._desk.emptied[place] = None
        self._saves.flush(place)
        self._release(place, now)

    def _load(self) -> None:
        places = self._desk.places.to_load
        for place in places:
            if not place.ended:
                self._loading.want(place)
        places.clear()

    def _release(self, place: Place, now: float) -> None:
        assert place.kept is not None
        waiting = list(place.kept.waiting.values())
        place.kept.waiting.clear()
        for item in waiting:
            self._take_up(item, now, lost=False)

    def _conflict(self, agent: AgentId, epoch: int, now: float) -> None:
        """The agent's memory is not what was committed: an effectively-once agent is made anew from that (STA-4)."""
        place = self._desk.places.get(agent)
        if place is not None and place.epoch == epoch and place.kept is not None and place.kept.effectively_once:
            self._end_places([place], agent.type, now, taken=True)

    def _ask_back(self, place: Place, timeout: float, now: float) -> None:
        if place.ended or place.kept is None or place.kept.leaving:
            return
        if not place.active:
            self._end_places([place], place.agent.type, now)
            return
        before = _remove(place.host, place.agent.__eq__)
        self._handover.ask_back(place, timeout, now)
        for item in before:
            self._take_up(item, now, lost=False)

    def _end_places(
        self, places: list[Place], agent_type: str, now: float, *, taken: bool = False, lost: bool = False
    ) -> None:
        stranded: list[Ticket | Recipient | Passing] = []
        for place in places:
            stranded += _remove(place.host, place.agent.__eq__)
            self._desk.places.end(place, taken=taken and place.in_hand > 0)
            if place.kept is not None:
                stranded += place.kept.waiting.values()
                place.kept.waiting.clear()
                self._handover.forget(place)
                self._loading.confirmed(place)
                self._saves.flush(place)
            self._claims.place_ended(place.agent, place.epoch, now)
        self._deliveries.places_ended(agent_type, places, now, lost)
        self._take_up_all(stranded, now)

    def _decide(self, claims: list[Claim]) -> None:
        for verdict in self._claims.decide(claims, self._desk):
            claim = verdict.claim
            host = self._desk.hosts.get(claim.session)
            for agent, epoch in verdict.granted:
                if self._desk.places.get(agent) is None:
                    self._desk.places.adopt(agent, host, epoch, version=None)
            self._desk.out.append(Claimed(claim.session, claim.re, verdict.granted, verdict.refused))

    def _end_transient_subscriptions(self, agent_type: str) -> None:
        ended = [s for s in self._catalogue.of_type(agent_type) if not s.durable]
        for subscription in ended:
            self._catalogue.remove(subscription.key)
        self._forget_transient(agent_type)
        if ended and not self._catalogue.of_type(agent_type):
            self._deliveries.drop_backlog(agent_type)

    def _forget_transient(self, agent_type: str) -> None:
        """No session needs to remember that it subscribed for the type, once nothing of that is left."""
        if all(subscription.durable for subscription in self._catalogue.of_type(agent_type)):
            for host in self._desk.hosts.by_session.values():
                host.transient.discard(agent_type)


def _beginning(policy: Policy, opened: Opened, now: float) -> Memory:
    window_ends = None if opened.fresh else now + policy.claim_window
    hosts_until = None if opened.fresh else now + policy.host_grace
    return Memory(opened.term << 32, FIRST_ROUND, Claims(policy.host_grace, window_ends), hosts_until)


def _remove(host: Host, of: Callable[[AgentId], bool]) -> list[Ticket | Recipient | Passing]:
    """Takes what waits for these agents out of the session's backlogs, in order."""
    removed: list[Ticket | Recipient | Passing] = []
    for queue in (host.exempt, host.backlog, host.lonely):
        for key, item in [(key, item) for key, item in queue.items() if of(item.agent)]:
            del queue[key]
            removed.append(item)
    return removed
