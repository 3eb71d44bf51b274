"""The sessions that host agents, and what is done for them when they come, go, fall silent or take more.

Whatever waits for a session waits in one of its queues; when the session takes it or is gone, its table takes it up.
"""

from __future__ import annotations

from collections.abc import Callable

from parley_broker.core.effects import Activated, Claimed, Effects, Overtaken, ReadEpochs, ReadState
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import AgentMode, Error, State
from parley_broker.core.orders import Claim, Registration, Ticket
from parley_broker.core.records import StateSaved
from parley_broker.core.shard.calls import Calls
from parley_broker.core.shard.claims import Claims
from parley_broker.core.shard.deliveries import Deliveries
from parley_broker.core.shard.desk import Desk
from parley_broker.core.shard.ephemeral import Ephemeral, Passing
from parley_broker.core.shard.handover import Handover
from parley_broker.core.shard.hosts import Host
from parley_broker.core.shard.loading import Loading
from parley_broker.core.shard.places import Place
from parley_broker.core.shard.recipients import Recipient
from parley_broker.core.shard.saves import Saves
from parley_broker.core.shard.subscribing import Subscribing


class Workers:
    """The sessions that host agents: what they host, what they hold, and what waits for them.

    Args:
        desk: Hosts and places.
        calls: What waits and runs of calls.
        deliveries: What waits and is in flight of events.
        ephemeral: What waits of ephemeral events.
        saves: What waits of writes.
        handover: The agents that were asked back.
        loading: The agents whose state is read and sent.
        claims: The agents that are said to have been held before.
        subscribing: Is told who hosts what.
        effects: Takes log lines.
        drain_timeout: What an agent that was asked back has by default, in seconds.
    """

    def __init__(
        self,
        desk: Desk,
        calls: Calls,
        deliveries: Deliveries,
        ephemeral: Ephemeral,
        saves: Saves,
        handover: Handover,
        loading: Loading,
        claims: Claims,
        subscribing: Subscribing,
        effects: Effects,
        drain_timeout: float,
    ) -> None:
        self._desk = desk
        self._calls = calls
        self._deliveries = deliveries
        self._ephemeral = ephemeral
        self._saves = saves
        self._handover = handover
        self._loading = loading
        self._claims = claims
        self._subscribing = subscribing
        self._effects = effects
        self._drain_timeout = drain_timeout

    # What they host

    def host(self, session: str, registration: Registration, now: float) -> None:
        """The session hosts the type from now on (AGT-1).

        Raises:
            CommandError: INVALID_ARGUMENT or ALREADY_EXISTS.
        """
        hosts, places = self._desk.hosts, self._desk.places
        hosts.check(session, registration)
        host = hosts.add(session, registration)
        self._subscribing.hosted(registration.type)
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
        self.end_places(outside + elsewhere, registration.type, now)
        self.retry(registration.type, now)

    def unhost(self, session: str, agent_type: str, now: float) -> None:
        """The session no longer hosts the type; its places of it are over (AGT-9)."""
        self._unhost(self._desk.hosts.get(session), agent_type, now, None)

    def _unhost(self, host: Host, agent_type: str, now: float, lost: Registration | None) -> None:
        ended = [place for place in host.places.values() if place.agent.type == agent_type]
        stranded = _remove(host, lambda agent: agent.type == agent_type)
        was_last = self._desk.hosts.remove(host, agent_type, now)
        self.end_places(ended, agent_type, now, lost=lost)
        if was_last:
            self._subscribing.unhosted(agent_type, now)
        self._take_up_all(stranded, now)
        self._calls.retry(agent_type, now)

    def lose(self, session: str, now: float) -> None:
        """The session is over, with all that it hosted (SES-13). Its calls are the gateway's to end."""
        host = self._desk.hosts.get(session)
        host.paused = True
        awaited = self._claims.withdraw(session)
        stranded = _remove(host, lambda _agent: True)
        types = list(host.registrations)
        for agent_type in types:
            self._unhost(host, agent_type, now, host.registrations[agent_type])
        self._desk.hosts.forget(session)
        for agent_type in list(host.transient):
            if not self._desk.hosts.hosts_type(agent_type):
                self._subscribing.end_transient(agent_type)
        self._take_up_all(stranded, now)
        for agent_type in awaited:
            self.retry(agent_type, now)

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
                self.ask_back(place, timeout, now)
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
            self.retry(agent_type, now)

    def allow(self, session: str, messages: int, size: int, now: float) -> None:
        """The session may take this many more covered messages and bytes (FLOW-1)."""
        host = self._desk.hosts.get(session)
        host.allow(messages, size)
        if host.backlog:
            self._flush(host, now)

    # What they hold

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
            self.end_places([place], agent.type, now)

    def deactivated(self, session: str, agent: AgentId, epoch: int, now: float) -> None:
        """The session gives the agent back that it was asked for (AGT-8)."""
        place = self._desk.places.get(agent)
        if place is not None and place.host.session == session and place.epoch == epoch:
            self.end_places([place], agent.type, now, taken=True)

    def leave(self, session: str, agent: AgentId, epoch: int, now: float) -> None:
        """The session was asked for the agent, which it has, by an earlier shard."""
        place = self._desk.places.get(agent)
        if place is not None and place.epoch == epoch and place.kept is not None:
            self._handover.leave(place, now + self._drain_timeout)

    def claim(self, claim: Claim, now: float) -> None:
        """The session says to hold these agents since before: decided now, or at the end of the window (SES-14)."""
        read = self._claims.seek(claim, self._desk.hosts.get(claim.session))
        if read is not None:
            self._effects.reads.append(read)
        else:
            self._enter(claim)

    def sought(self, read: ReadEpochs, epochs: tuple[int, ...], now: float) -> None:
        """What the agents of a claim have committed under last: a claim below that is refused (SES-14)."""
        claim = self._claims.found(read, epochs)
        if claim is None:
            return
        if claim.overtaken:
            self._desk.out.append(Overtaken(claim.session, claim.overtaken))
        self._enter(claim)
        for agent_type in {agent.type for agent in read.agents}:
            self.retry(agent_type, now)

    def _enter(self, claim: Claim) -> None:
        if self._claims.window_is_open and len(claim.overtaken) < len(claim.agents):
            self._claims.wait(claim)
        else:
            self._decide([claim])

    def loaded(self, read: ReadState, saved: StateSaved | None, now: float) -> None:
        """What the store has of the agent's state: it is activated with it (STA-1)."""
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

    def conflict(self, agent: AgentId, epoch: int, now: float) -> None:
        """The agent's memory is not what was committed: an effectively-once agent is made anew from that (STA-4)."""
        place = self._desk.places.get(agent)
        if place is not None and place.epoch == epoch and place.kept is not None and place.kept.effectively_once:
            self.end_places([place], agent.type, now, taken=True)

    def ask_back(self, place: Place, timeout: float, now: float) -> None:
        """The worker is to give the agent back, if it keeps state (AGT-8); `timeout` 0: the broker's default."""
        if place.ended or place.kept is None or place.kept.leaving:
            return
        if not place.active:
            self.end_places([place], place.agent.type, now)
            return
        before = _remove(place.host, place.agent.__eq__)
        self._handover.ask_back(place, timeout, now)
        for item in before:
            self._take_up(item, now, lost=False)

    def end_places(
        self,
        places: list[Place],
        agent_type: str,
        now: float,
        *,
        taken: bool = False,
        lost: Registration | None = None,
    ) -> None:
        """These places of one type's agents are over.

        Args:
            places: May be none: then the type alone is looked at.
            agent_type: Theirs.
            now: The time.
            taken: So are the calls that the agents have in hand.
            lost: With their session, which had registered the type so.
        """
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

    # Time

    def settle(self, now: float) -> None:
        """Has states read that are wanted, and asks agents back that have nothing in hand any more."""
        if self._desk.places.to_load:
            self._load()
        if self._desk.emptied:
            for place in self._handover.settle(now):
                self.ask_back(place, 0, now)

    def tick(self, now: float) -> None:
        """Does what is due: the end of the claim window and of graces, idle agents, late ones."""
        hosts = self._desk.hosts
        claims = self._claims.close_window(now)
        if claims is not None:
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
        for agent_type in hosts.take_expired(now):
            self._calls.retry(agent_type, now)
        for place in self._handover.take_idle(now):
            self.ask_back(place, 0, now)
        for place in self._handover.take_late(now):
            self._effects.log(
                "warning", "agent taken", agent=place.agent, session=place.host.session, in_hand=place.in_hand
            )
            self.end_places([place], place.agent.type, now, taken=True)

    def next_due(self) -> float | None:
        """When `tick` has something to do; None: nothing known."""
        dues = (self._desk.hosts.next_expiry(), self._handover.next_due(), self._claims.next_due())
        return min((due for due in dues if due is not None), default=None)

    # What waits for them

    def retry(self, agent_type: str, now: float) -> None:
        """A session may take messages for agents of this type now."""
        desk = self._desk
        if self._claims.window_is_open and desk.hosts.mode(agent_type) is not AgentMode.STATELESS:
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
        while host.lonely and host.takes_isolated:
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


def _remove(host: Host, of: Callable[[AgentId], bool]) -> list[Ticket | Recipient | Passing]:
    """Takes what waits for these agents out of the session's backlogs, in order."""
    removed: list[Ticket | Recipient | Passing] = []
    for queue in (host.exempt, host.backlog, host.lonely):
        for key, item in [(key, item) for key, item in queue.items() if of(item.agent)]:
            del queue[key]
            removed.append(item)
    return removed
