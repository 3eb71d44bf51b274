"""Reading the states of agents that get a place: so many at once that what is sent with Activate stays within bounds.

wanted ──▶ being read ──▶ given with Activate ──answered──▶ (nothing)
   │ too much is under way: waits
"""

from __future__ import annotations

from parley_broker.core.effects import Effects, ReadState
from parley_broker.core.policy import Policy
from parley_broker.core.shard.hosts import Host
from parley_broker.core.shard.places import Place

SHARE = 4
"""The part of what may wait for a client to read that states may take up is one in this many (FLOW-4)."""


class Loading:
    """Per session: the reads that are under way, and the bytes of the states that it has not confirmed yet."""

    def __init__(self, effects: Effects, policy: Policy) -> None:
        self._effects = effects
        self._max_bytes = policy.max_output_bytes // SHARE
        self._max_reads = max(1, self._max_bytes // policy.max_envelope_bytes)

    def want(self, place: Place) -> None:
        """The state of the place's agent is wanted."""
        place.host.to_load[place] = None
        self._go_on(place.host)

    def found(self, place: Place, size: int) -> None:
        """The state is there; the worker is to confirm that it got these bytes."""
        kept, host = place.kept, place.host
        assert kept is not None
        kept.reading = False
        kept.unconfirmed = size
        host.reads -= 1
        host.unconfirmed += size
        self._go_on(host)

    def confirmed(self, place: Place) -> None:
        """The worker has answered Activate, or the place is over."""
        kept, host = place.kept, place.host
        assert kept is not None
        host.unconfirmed -= kept.unconfirmed
        kept.unconfirmed = 0
        if kept.reading:
            kept.reading = False
            host.reads -= 1
        if place.ended:
            host.to_load.pop(place, None)
        self._go_on(host)

    def _go_on(self, host: Host) -> None:
        while host.to_load and host.reads < self._max_reads and host.unconfirmed < self._max_bytes:
            place: Place = host.to_load.popitem(last=False)[0]
            assert place.kept is not None
            place.kept.reading = True
            host.reads += 1
            self._effects.reads.append(ReadState(place.agent, place.epoch))
