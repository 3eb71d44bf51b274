"""Agents that are asked back: because they are idle, or because their session drains (AGT-7, AGT-8).

active ──idle for long enough, or its session drains──▶ leaving ──given back──▶ over
                                                           │ time is up
                                                           └──▶ taken: what it has in hand is over, too
"""

from __future__ import annotations

from parley_broker.core.deadlines import Deadlines
from parley_broker.core.effects import AskedBack
from parley_broker.core.ids import AgentId
from parley_broker.core.policy import Policy
from parley_broker.core.shard.desk import Desk
from parley_broker.core.shard.places import Place


class Handover:
    """Which places are asked back, and until when. Ending them is the shard's."""

    def __init__(self, desk: Desk, policy: Policy) -> None:
        self._desk = desk
        self._timeout = policy.drain_timeout
        self._leaving: Deadlines[AgentId] = Deadlines()

    def __len__(self) -> int:
        return len(self._leaving)

    def ask_back(self, place: Place, timeout: float, now: float) -> None:
        """The worker is to give the agent back within `timeout` seconds; 0: the broker's default."""
        timeout = timeout or self._timeout
        self.leave(place, now + timeout)
        self._desk.out.append(AskedBack(place.host.session, place.agent, place.epoch, timeout))

    def leave(self, place: Place, until: float) -> None:
        """The worker was asked; at the moment `until` the agent is taken."""
        assert place.kept is not None
        place.kept.leaving = True
        self._desk.idle.drop(place.agent)
        self._leaving.set(place.agent, until)

    def forget(self, place: Place) -> None:
        """The place is over."""
        self._desk.idle.drop(place.agent)
        self._leaving.drop(place.agent)

    def unsaved(self) -> list[Place]:
        """The places of agents that may have changed since their last commit, and may save outside of one (STA-2)."""
        kept = ((place, place.kept) for place in self._desk.places if place.active)
        return [p for p, k in kept if k is not None and k.touched and not (k.leaving or k.effectively_once)]

    def settle(self, now: float) -> list[Place]:
        """Looks at the places that have nothing in hand any more; those that are to be asked back now."""
        emptied = list(self._desk.emptied)
        self._desk.emptied.clear()
        due: list[Place] = []
        for place in emptied:
            kept = place.kept
            if kept is None or kept.holds or place.ended or place.in_hand:
                continue
            if place.host.draining:
                due.append(place)
            elif kept.idle_timeout and self._desk.hosts.pin(place.agent) is None:
                self._desk.idle.set(place.agent, now + kept.idle_timeout)
        return due

    def take_idle(self, now: float) -> list[Place]:
        """The places that have been idle for long enough."""
        return self._placed(self._desk.idle.take(now))

    def take_late(self, now: float) -> list[Place]:
        """The places whose time to leave is up."""
        return self._placed(self._leaving.take(now))

    def next_due(self) -> float | None:
        """When `take_idle` or `take_late` has something to do."""
        dues = (self._desk.idle.next(), self._leaving.next())
        return min((due for due in dues if due is not None), default=None)

    def _placed(self, agents: list[AgentId]) -> list[Place]:
        places = self._desk.places
        return [place for agent in agents if (place := places.get(agent)) is not None]
