"""Where each agent is, and since which epoch."""

from __future__ import annotations

from dataclasses import dataclass

from parley_broker.core.effects import ShardEffect, Unplaced
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import AgentMode
from parley_broker.core.shard.hosts import Host, Hosts
from parley_broker.errors import CommandError, Reason

STATELESS_EPOCH = 0


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

    @property
    def is_over(self) -> bool:
        """Whether the session no longer has the agent; a stateless one's, whether it no longer hosts the type."""
        return self.ended or self.agent.type not in self.host.registrations


class Places:
    """The placement table. An agent has at most one place; each new one has a higher epoch (AGT-4, AGT-5)."""

    def __init__(self, hosts: Hosts, last_epoch: int, max_agents: int, out: list[ShardEffect]) -> None:
        self._hosts = hosts
        self._out = out
        self.last_epoch = last_epoch
        self._max_agents = max_agents
        self._places: dict[AgentId, Place] = {}

    def __len__(self) -> int:
        return len(self._places)

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
            if not place.host.draining or place.in_hand:
                return place
            other = self._hosts.choose(agent.type, by_load=False, nested=False)
            if other is None:
                return place
            self.end(place)
            return self._new(agent, other)
        pinned_by = self._hosts.pin(agent)
        if pinned_by is not None:
            return self._new(agent, pinned_by)
        stateless = self._hosts.mode(agent.type) is AgentMode.STATELESS
        host = self._hosts.choose(agent.type, by_load=stateless, nested=nested)
        if host is None:
            return None
        if stateless:
            return Place(agent, host, STATELESS_EPOCH, active=True)
        return self._new(agent, host)

    def adopt(self, agent: AgentId, host: Host, epoch: int) -> None:
        """The agent has been with the session since this epoch, which is not above `last_epoch`, and was activated."""
        self._places[agent] = host.places[agent] = Place(agent, host, epoch, active=True)
        self.last_epoch = max(self.last_epoch, epoch)

    def end(self, place: Place) -> None:
        """The place is over."""
        place.ended = True
        del self._places[place.agent]
        del place.host.places[place.agent]
        self._out.append(Unplaced(place.host.session, place.agent))

    def _new(self, agent: AgentId, host: Host) -> Place:
        if len(self._places) >= self._max_agents:
            raise CommandError(
                Reason.RESOURCE_EXHAUSTED,
                f"there are {self._max_agents} agents with a place, which is the limit",
                limit=self._max_agents,
            )
        self.last_epoch += 1
        place = self._places[agent] = host.places[agent] = Place(agent, host, self.last_epoch)
        return place
