"""What sessions say to have held before, and how long it is remembered who held what.

               of an earlier term, of agents that keep state: read what they committed under
claim ──▶ sought ──▶ overtaken: refused at once
  │          │                     end of the window: highest epoch wins
  └──────────┴──▶ window open: waits for the others ─────────────────────▶ granted or refused
             └──▶ window over: granted or refused at once
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from parley_broker.core.effects import ReadEpochs
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import AgentMode
from parley_broker.core.orders import Claim
from parley_broker.core.shard.desk import Desk
from parley_broker.core.shard.hosts import Host


@dataclass(slots=True)
class Sought:
    """A claim that waits for what the store has of some of its agents."""

    claim: Claim
    read: ReadEpochs
    agents: frozenset[AgentId]


@dataclass(slots=True)
class Verdict:
    """What a claim led to: the agents that the session has, with their epochs, and those that it is to drop."""

    claim: Claim
    granted: tuple[tuple[AgentId, int], ...]
    refused: tuple[AgentId, ...]


class Claims:
    """The claims of one shard, and of those that follow it in the same term (SES-14).

    Args:
        memory_time: How long the end of a place is remembered, in seconds.
        window_ends: When the claim window is over; None: there is none, since nothing was stored before.
        first_epoch: All epochs of this term are above it.
    """

    def __init__(self, memory_time: float, window_ends: float | None, first_epoch: int = 0) -> None:
        self._memory_time = memory_time
        self._window_ends = window_ends
        self._first_epoch = first_epoch
        self._sought: dict[int, Sought] = {}
        self._last_number = 0
        self._waiting: list[Claim] = []
        self._ended: dict[AgentId, tuple[int, float]] = {}
        self._forgotten = 0
        """Highest epoch of an ended place that is not remembered: what was claimed below it may be a later one's."""

    def __len__(self) -> int:
        return len(self._waiting) + len(self._sought)

    def awaits(self, agent: AgentId) -> bool:
        """Whether the agent, unless it is stateless, gets no new place: sessions may still claim it (SES-14)."""
        return self.window_is_open or any(agent in sought.agents for sought in self._sought.values())

    @property
    def window_is_open(self) -> bool:
        """Whether claims wait for others, and with them every agent that is not stateless."""
        return self._window_ends is not None

    @property
    def remembered(self) -> int:
        """Ended places that are remembered."""
        return len(self._ended)

    def seek(self, claim: Claim, host: Host) -> ReadEpochs | None:
        """What is to be read before the claim can be decided; None: nothing.

        What agents have committed in this term was committed by places that are there, or are remembered.
        """
        agents = []
        for agent, epoch in claim.agents:
            registration = host.registrations.get(agent.type)
            if epoch < self._first_epoch and registration is not None and registration.keeps_state:
                agents.append(agent)
        if not agents:
            return None
        self._last_number += 1
        read = ReadEpochs(self._last_number, tuple(agents))
        self._sought[read.claim] = Sought(claim, read, frozenset(agents))
        return read

    @property
    def reads(self) -> list[ReadEpochs]:
        """What is to be read still."""
        return [sought.read for sought in self._sought.values()]

    def found(self, read: ReadEpochs, epochs: tuple[int, ...]) -> Claim | None:
        """What the agents committed under last: the claim, which knows now what is overtaken; None: it is withdrawn."""
        sought = self._sought.pop(read.claim, None)
        if sought is None:
            return None
        last = dict(zip(read.agents, epochs, strict=True))
        overtaken = frozenset(agent for agent, epoch in sought.claim.agents if epoch < last.get(agent, 0))
        return replace(sought.claim, overtaken=overtaken)

    def wait(self, claim: Claim) -> None:
        """The claim is decided at the end of the window."""
        self._waiting.append(claim)

    def withdraw(self, session: str) -> set[str]:
        """The session is lost, and its claims with it: the types of agents that nothing is sought of any more."""
        self._waiting = [claim for claim in self._waiting if claim.session != session]
        dropped = [number for number, sought in self._sought.items() if sought.claim.session == session]
        return {agent.type for number in dropped for agent in self._sought.pop(number).agents}

    def place_ended(self, agent: AgentId, epoch: int, now: float) -> None:
        """The agent no longer has the place of this epoch."""
        self._ended.pop(agent, None)
        self._ended[agent] = epoch, now + self._memory_time

    def close_window(self, now: float) -> list[Claim] | None:
        """The claims that have waited, once the window is over; None: it is not, or has been for long."""
        if self._window_ends is None or now < self._window_ends:
            return None
        waited, self._waiting = self._waiting, []
        self._window_ends = None
        return waited

    def forget(self, now: float) -> None:
        """Forgets the places that ended long ago."""
        while self._ended:
            agent, (epoch, until) = next(iter(self._ended.items()))
            if until > now:
                return
            del self._ended[agent]
            self._forgotten = max(self._forgotten, epoch)

    def next_due(self) -> float | None:
        """When there is something to do; None: nothing known."""
        ended = next((until for _, until in self._ended.values()), None)
        dues = [due for due in (ended, self._window_ends) if due is not None]
        return min(dues, default=None)

    def decide(self, claims: list[Claim], desk: Desk) -> list[Verdict]:
        """What becomes of these claims, which compete with each other: the highest epoch wins, the first of equals."""
        best: dict[AgentId, tuple[int, str]] = {}
        room = desk.places.room
        for claim in claims:
            for agent, epoch in claim.agents:
                if agent not in best and len(best) >= room:
                    continue
                if epoch > best.get(agent, (0, ""))[0] and self._is_valid(claim, agent, epoch, desk):
                    best[agent] = epoch, claim.session
        verdicts = []
        for claim in claims:
            wins = [best.get(agent) == (epoch, claim.session) for agent, epoch in claim.agents]
            granted = tuple(held for held, won in zip(claim.agents, wins, strict=True) if won)
            refused = tuple(agent for (agent, _), won in zip(claim.agents, wins, strict=True) if not won)
            verdicts.append(Verdict(claim, granted, refused))
        return verdicts

    def _is_valid(self, claim: Claim, agent: AgentId, epoch: int, desk: Desk) -> bool:
        if agent in claim.overtaken:
            return False
        host = desk.hosts.get(claim.session)
        registration = host.registrations.get(agent.type)
        if registration is None or registration.mode is not AgentMode.STANDARD:
            return False
        if registration.pinned and agent.key not in registration.pinned:
            return False
        if desk.hosts.pin(agent) not in (None, host) or epoch > desk.places.last_epoch:
            return False
        place = desk.places.get(agent)
        if place is not None:
            return place.host is host and place.epoch == epoch
        known = self._ended.get(agent)
        return epoch >= (self._forgotten if known is None else known[0])
