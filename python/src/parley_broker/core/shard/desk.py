"""Where work is handed to sessions: hosts, places, what each session may still take, and the effects so far."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from parley_broker.core.deadlines import Deadlines
from parley_broker.core.effects import Activated, Idle, ShardEffect
from parley_broker.core.ids import AgentId
from parley_broker.core.policy import Policy
from parley_broker.core.shard.hosts import Host, Hosts
from parley_broker.core.shard.places import Place, Places


class Desk:
    """What calls and deliveries share when they are dispatched."""

    def __init__(self, policy: Policy, last_epoch: int) -> None:
        self.hosts = Hosts(policy.host_grace)
        self.out: list[ShardEffect] = []
        self.places = Places(self.hosts, last_epoch, policy.max_agents, self.out)
        self.idle: Deadlines[AgentId] = Deadlines()
        """When agents that keep state have been idle for long enough (AGT-7)."""
        self.emptied: dict[Place, None] = {}
        """Places of agents that keep state which had their last message answered, since `Handover.settle` looked."""

        self.quiet = False
        """The broker drains: no event is delivered any more, and no call waits for a host (DRN-1)."""

    def can_take(self, host: Host, covered: bool) -> bool:
        """Whether the session takes a message now; covered ones need credit and wait their turn (FLOW-1)."""
        if host.paused:
            return False
        return not covered or (host.has_credit and (host.flushing or not host.backlog))

    def queue(self, place: Place, covered: bool, reentrant: bool = False) -> OrderedDict[object, Any] | None:
        """Where a message for the place waits; None when it need not wait.

        Args:
            place: Where it goes.
            covered: It needs credit (FLOW-1).
            reentrant: The agent itself waits for it: what it has in hand cannot be finished before.
        """
        kept = place.kept
        if kept is not None and kept.holds and not (reentrant and place.in_hand):
            return kept.waiting
        if self.can_take(place.host, covered):
            return None
        return place.host.backlog if covered else place.host.exempt

    def hand_over(self, place: Place, size: int, covered: bool) -> None:
        """Counts a message of `size` bytes as dispatched to the place, after the Activate that it may need (AGT-6)."""
        host = place.host
        host.in_hand += 1
        place.in_hand += 1
        if covered:
            host.messages_left -= 1
            host.bytes_left -= size
        if not place.active:
            place.active = True
            self.out.append(Activated(host.session, place.agent, place.epoch))
        kept = place.kept
        if kept is not None:
            kept.touched = True
            if kept.idle_timeout:
                self.idle.drop(place.agent)

    def hand_back(self, place: Place) -> None:
        """Counts a dispatched message as answered, or as given up."""
        place.in_hand -= 1
        host = place.host
        host.in_hand -= 1
        if place.kept is not None and not place.in_hand and not place.ended:
            self.emptied[place] = None
        if host.drained:
            self.out.append(Idle(host.session))
