"""Which sessions host which agent types, and how much each has in hand."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from parley_broker.core.ids import AgentId
from parley_broker.core.messages import AgentMode
from parley_broker.core.orders import Registration
from parley_broker.errors import CommandError, Reason


@dataclass(slots=True, eq=False)
class Host:
    """A session that hosts, or may host, agents."""

    session: str
    registrations: dict[str, Registration] = field(default_factory=dict)
    places: dict[AgentId, Any] = field(default_factory=dict)
    """The places of agents here."""
    keeping: int = 0
    """How many of them keep state."""
    to_load: OrderedDict[Any, None] = field(default_factory=OrderedDict)
    """Those whose state is to be read, in order."""
    reads: int = 0
    """Those whose state is being read."""
    unconfirmed: int = 0
    """Bytes of states that were given with Activate and are not confirmed."""
    in_hand: int = 0
    """Calls and deliveries dispatched here and not answered."""
    paused: bool = False
    """Suspect: nothing new is placed or dispatched here (SES-12)."""
    draining: bool = False
    """Nothing new is placed here (DRN-2)."""
    messages_left: int = 0
    bytes_left: int = 0
    """Credit: what may still be dispatched (FLOW-1)."""
    most_messages: int = 0
    most_bytes: int = 0
    """The most credit that it ever had at once: what it gives in all."""
    backlog: OrderedDict[object, Any] = field(default_factory=OrderedDict)
    """Covered messages that wait for the session to take them, in order."""
    exempt: OrderedDict[object, Any] = field(default_factory=OrderedDict)
    """Messages that need no credit and wait for the end of a pause, in order."""
    isolated: int = 0
    """Isolated events in flight to the session: at most one (DLV-7)."""
    lonely: OrderedDict[object, Any] = field(default_factory=OrderedDict)
    """Recipients whose next event is isolated and waits until no other one is here, in order."""
    flushing: bool = False
    """The head of the backlog is being handed over."""
    transient: set[str] = field(default_factory=set)
    """Agent types that the session made subscriptions for which are not durable (SUB-3)."""
    turn: int = 0
    """When it was chosen last; spreads work over hosts that are equal otherwise."""

    @property
    def drained(self) -> bool:
        """Whether it drains, and nothing here is unanswered or to be handed over any more (DRN-2)."""
        return self.draining and not self.in_hand and not self.keeping

    @property
    def has_credit(self) -> bool:
        """Whether one more covered message may be dispatched."""
        return self.messages_left > 0 and self.bytes_left > 0

    @property
    def has_spare_credit(self) -> bool:
        """Whether a message may be dispatched ahead: half of the credit is for those that can be handled at once."""
        return 2 * self.messages_left > self.most_messages and 2 * self.bytes_left > self.most_bytes

    def allow(self, messages: int, size: int) -> None:
        """Adds credit."""
        self.messages_left += messages
        self.bytes_left += size
        self.most_messages = max(self.most_messages, self.messages_left)
        self.most_bytes = max(self.most_bytes, self.bytes_left)

    @property
    def takes_isolated(self) -> bool:
        """Whether an isolated event may be dispatched here."""
        return not self.isolated and not self.paused


class Hosts:
    """The sessions by id and by the types that they host."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._turns = 0
        self.by_session: dict[str, Host] = {}
        self._by_type: dict[str, dict[str, Host]] = {}
        self._pins: dict[AgentId, Host] = {}
        self._hosted_until: dict[str, float] = {}
        self.any_until: float | None = None
        """Until when a type that nobody has hosted yet counts as hosted lately: nobody knows what was hosted before a
        restart (RPC-5)."""

    def __len__(self) -> int:
        return len(self.by_session)

    def get(self, session: str) -> Host:
        """The session's host entry, made when it is new."""
        host = self.by_session.get(session)
        if host is None:
            host = self.by_session[session] = Host(session)
        return host

    def check(self, session: str, registration: Registration) -> None:
        """Raises INVALID_ARGUMENT or ALREADY_EXISTS when another session's registration forbids it (AGT-1, AGT-2)."""
        for host in self._by_type.get(registration.type, {}).values():
            if host.session == session:
                continue
            mode = host.registrations[registration.type].mode
            if mode != registration.mode:
                raise CommandError(
                    Reason.INVALID_ARGUMENT,
                    f"agent type {registration.type} is hosted as {mode.name} already, not {registration.mode.name}",
                    mode=mode.name,
                )
        for key in registration.pinned:
            pinned_by = self._pins.get(AgentId(registration.type, key))
            if pinned_by is not None and pinned_by.session != session:
                raise CommandError(
                    Reason.ALREADY_EXISTS,
                    f"agent {registration.type}/{key} is pinned by another session",
                    agent=f"{registration.type}/{key}",
                )

    def add(self, session: str, registration: Registration) -> Host:
        """The session hosts the type from now on; a registration that it had for the type is replaced."""
        host = self.get(session)
        self._unpin(host, registration.type)
        host.registrations[registration.type] = registration
        self._by_type.setdefault(registration.type, {})[session] = host
        for key in registration.pinned:
            self._pins[AgentId(registration.type, key)] = host
        self._hosted_until.pop(registration.type, None)
        return host

    def remove(self, host: Host, agent_type: str, now: float) -> bool:
        """The session no longer hosts the type; true if nobody does any more."""
        self._unpin(host, agent_type)
        del host.registrations[agent_type]
        hosts = self._by_type[agent_type]
        del hosts[host.session]
        if hosts:
            return False
        del self._by_type[agent_type]
        self._hosted_until[agent_type] = now + self._grace
        return True

    def forget(self, session: str) -> None:
        """Drops the session, which hosts nothing any more."""
        self.by_session.pop(session, None)

    def types(self) -> list[str]:
        """The types that are hosted."""
        return list(self._by_type)

    def hosts_type(self, agent_type: str) -> bool:
        """Whether a live session hosts the type, suspect and draining ones included."""
        return agent_type in self._by_type

    def mode(self, agent_type: str) -> AgentMode | None:
        """The mode of a hosted type; None when nobody hosts it."""
        for host in self._by_type.get(agent_type, {}).values():
            return host.registrations[agent_type].mode
        return None

    def pinned_only(self, agent_type: str) -> bool:
        """Whether the type is hosted, but with pinned keys only."""
        hosts = self._by_type.get(agent_type)
        return hosts is not None and all(host.registrations[agent_type].pinned for host in hosts.values())

    def pin(self, agent: AgentId) -> Host | None:
        """The session that pins the agent."""
        return self._pins.get(agent)

    def choose(self, agent_type: str, *, by_load: bool, nested: bool) -> Host | None:
        """The session that a new agent, or a stateless one's message, goes to (AGT-4); None if none may take it.

        Args:
            agent_type: The type that it must host, with any key.
            by_load: Count messages in hand, not agents.
            nested: Work that is in hand already depends on it: a draining session may take it when no other can.
        """
        best: Host | None = None
        for host in self._by_type.get(agent_type, {}).values():
            if host.paused or host.registrations[agent_type].pinned or (host.draining and not nested):
                continue
            if best is None or _rank(host, by_load) < _rank(best, by_load):
                best = host
        if best is not None:
            self._turns += 1
            best.turn = self._turns
        return best

    def hosted_until(self, agent_type: str) -> float | None:
        """The end of the grace of a type that lost its last host; None when it is hosted, or was not lately (RPC-5)."""
        until = self._hosted_until.get(agent_type)
        return self.any_until if until is None and agent_type not in self._by_type else until

    def take_expired(self, now: float) -> list[str]:
        """Removes and returns the types whose grace is over."""
        expired = [agent_type for agent_type, until in self._hosted_until.items() if until <= now]
        for agent_type in expired:
            del self._hosted_until[agent_type]
        return expired

    def next_expiry(self) -> float | None:
        """When the next grace ends, in seconds; the types are kept in the order in which they end."""
        first = next(iter(self._hosted_until.values()), None)
        dues = [due for due in (first, self.any_until) if due is not None]
        return min(dues, default=None)

    def _unpin(self, host: Host, agent_type: str) -> None:
        old = host.registrations.get(agent_type)
        if old is not None:
            for key in old.pinned:
                del self._pins[AgentId(agent_type, key)]


def _rank(host: Host, by_load: bool) -> tuple[bool, int, int]:
    return (host.draining, host.in_hand if by_load else len(host.places), host.turn)
