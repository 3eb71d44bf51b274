"""Where work is handed to sessions: hosts, places, what each session may still take, and the effects so far."""

from __future__ import annotations

from parley_broker.core.effects import Activated, Idle, ShardEffect
from parley_broker.core.policy import Policy
from parley_broker.core.shard.hosts import Host, Hosts
from parley_broker.core.shard.places import Place, Places


class Desk:
    """What calls and deliveries share when they are dispatched."""

    def __init__(self, policy: Policy, last_epoch: int) -> None:
        self.hosts = Hosts(policy.host_grace)
        self.out: list[ShardEffect] = []
        self.places = Places(self.hosts, last_epoch, policy.max_agents, self.out)

    def can_take(self, host: Host, covered: bool) -> bool:
        """Whether the session takes a message now; covered ones need credit and wait their turn (FLOW-1)."""
        if host.paused:
            return False
        return not covered or (host.has_credit and (host.flushing or not host.backlog))

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

    def hand_back(self, place: Place) -> None:
        """Counts a dispatched message as answered, or as given up."""
        place.in_hand -= 1
        host = place.host
        host.in_hand -= 1
        if host.draining and not host.in_hand:
            self.out.append(Idle(host.session))
