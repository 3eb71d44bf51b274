"""Where each agent is, and since which epoch."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from parley_broker.core.effects import Idle, ShardEffect, Unplaced
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import AgentMode
from parley_broker.core.orders import Registration
from parley_broker.core.shard.hosts import Host, Hosts
from parley_broker.errors import CommandError, Reason

STATELESS_EPOCH = 0


@dataclass(slots=True, eq=False)
class Kept:
    """What is known of an agent that keeps state, while it has a place.

    reading its state ──▶ active ──asked back──▶ leaving ──▶ the place ends
    """

    effectively_once: bool
    idle_timeout: float
    """Seconds; 0: none."""
    version: int | None = None
    """Of what was committed last; None: it is being read."""
    first_version: int = 0
    """What it was when the place began."""
    commits: deque[int] = field(default_factory=deque)
    """The store's commits that the last versions came with, one each; those that are durable go with the next write."""
    reading: bool = False
    unconfirmed: int = 0
    """Bytes of its state, until the worker has answered Activate."""
    leaving: bool = False
    """It was asked back (AGT-8)."""
    touched: bool = False
    """It may have changed since its last commit."""
    waiting: OrderedDict[object, Any] = field(default_factory=OrderedDict)
    """Messages for the agent that wait until it is here, or for its next place, in order."""

    @property
    def holds(self) -> bool:
        """Whether messages for the agent wait."""
        return self.leaving or self.version is None


@dataclass(slots=True, eq=False)
class Place:
    """That an agent is with a session."""

    agent: AgentId
    host: Host
    epoch: int
    in_hand: int = 0
    """Calls and deliveries dispatched to the agent and not answered."""
    active: bool = False
    """Activate was sent."""
    ended: bool = False
    kept: Kept | None = None
    """None: the agent keeps no state."""
    ahead: int = 0
    """Events that may be in flight to it beyond those that it handles at once; see `pace`."""

    @property
    def is_over(self) -> bool:
        """Whether the session no longer has the agent; a stateless one's, whether it no longer hosts the type."""
        return self.ended or self.agent.type not in self.host.registrations


class Places:
    """The placement table. An agent has at most one place; each new one has a higher epoch (AGT-4, AGT-5)."""

    def __init__(self, hosts: Hosts, last_epoch: int, max_agents: int, out: list[ShardEffect]) -> None:
        self._hosts = hosts
        self._out = out
        self.to_load: list[Place] = []
        """Places whose state is to be read, since somebody looked."""
        self.last_epoch = last_epoch
        self._max_agents = max_agents
        self.awaits: Callable[[AgentId], bool] = lambda _agent: False
        """Whether an agent gets no new place, unless it is stateless, since sessions may still claim it (SES-14)."""
        self._places: dict[AgentId, Place] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Place]:
        return iter(self._places.values())

    @property
    def room(self) -> int:
        """How many more agents may have a place."""
        return max(0, self._max_agents - len(self._places))

    def get(self, agent: AgentId) -> Place | None:
        """The agent's place, if it has one."""
        return self._places.get(agent)

    def resolve(self, agent: AgentId, nested: bool) -> Place | None:
        """The place that a message for the agent goes to, made when it needs one; None when no session may take it.

        Raises:
            CommandError: RESOURCE_EXHAUSTED: the table is full.
        """
        place = self._places.get(agent)
        if place is not None:
            if not place.host.draining or place.in_hand or place.kept is not None:
                return place
            other = self._hosts.choose(agent.type, by_load=False, nested=False)
            if other is None:
                return place
            self.end(place)
            return self._new(agent, other)
        stateless = self._hosts.mode(agent.type) is AgentMode.STATELESS
        if not stateless and self.awaits(agent):
            return None
        pinned_by = self._hosts.pin(agent)
        if pinned_by is not None:
            return self._new(agent, pinned_by)
        host = self._hosts.choose(agent.type, by_load=stateless, nested=nested)
        if host is None:
            return None
        if stateless:
            return Place(agent, host, STATELESS_EPOCH, active=True)
        return self._new(agent, host)

    def adopt(self, agent: AgentId, host: Host, epoch: int, version: int | None) -> Place:
        """The agent has been with the session since this epoch, which is not above `last_epoch`, and was activated.

        `version` is that of its state; None: it is read, if the agent keeps any.
        """
        self.last_epoch = max(self.last_epoch, epoch)
        place = self._enter(Place(agent, host, epoch, active=True), version)
        if place.kept is not None:
            place.kept.touched = True
        return place

    def keep_to(self, host: Host, registration: Registration) -> list[Place]:
        """The session's places of this type go by its new registration; those that must begin anew for that."""
        anew: list[Place] = []
        for place in host.places.values():
            if place.agent.type != registration.type:
                continue
            if (place.kept is not None) is not registration.loads_state:
                anew.append(place)
            elif place.kept is not None:
                place.kept.effectively_once = registration.mode is AgentMode.EFFECTIVELY_ONCE
                place.kept.idle_timeout = registration.idle_timeout
        return anew

    def end(self, place: Place, *, taken: bool = False) -> None:
        """The place is over. `taken`: so are the calls that the agent has in hand."""
        place.ended = True
        host = place.host
        del self._places[place.agent]
        del host.places[place.agent]
        self._out.append(Unplaced(host.session, place.agent, taken))
        if place.kept is not None:
            host.keeping -= 1
            if host.drained:
                self._out.append(Idle(host.session))

    def _new(self, agent: AgentId, host: Host) -> Place:
        if len(self._places) >= self._max_agents:
            raise CommandError(
                Reason.RESOURCE_EXHAUSTED,
                f"there are {self._max_agents} agents with a place, which is the limit",
                limit=self._max_agents,
            )
        self.last_epoch += 1
        return self._enter(Place(agent, host, self.last_epoch), version=None)

    def _enter(self, place: Place, version: int | None) -> Place:
        host, agent = place.host, place.agent
        self._places[agent] = host.places[agent] = place
        registration = host.registrations.get(agent.type)
        if registration is not None and registration.loads_state:
            host.keeping += 1
            place.kept = _kept(registration, version)
            if version is None:
                self.to_load.append(place)
        return place


def _kept(registration: Registration, version: int | None) -> Kept:
    once = registration.mode is AgentMode.EFFECTIVELY_ONCE
    return Kept(once, registration.idle_timeout, version, first_version=version or 0)
