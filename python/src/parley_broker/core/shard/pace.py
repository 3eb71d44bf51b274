"""How many events may be in flight to an agent: those that it handles at once, and some ahead.

What is delivered ahead spares the agent the way to the broker and back between two events. But until it starts, it
holds credit, keeps a drain waiting, and comes again elsewhere if its session is lost. So an agent earns it: one more
with each event that it settles quickly, half as many after a slow one, none after a failure.
"""

from __future__ import annotations

from parley_broker.core.messages import AgentMode
from parley_broker.core.orders import Registration
from parley_broker.core.policy import Policy
from parley_broker.core.shard.places import Place

MAX_AHEAD = 63
"""Events that are delivered to one agent ahead; its session's credit may allow fewer."""
QUICK = 0.25
"""Seconds from a delivery to its Ack within which an agent is quick: about what a drain waits for what is ahead."""


def at_once(registration: Registration, policy: Policy) -> int:
    """How many events of one agent of the type the worker handles at once (DLV-3)."""
    if registration.mode is AgentMode.STATELESS:
        return registration.concurrency or policy.credit_messages
    if registration.mode is AgentMode.EFFECTIVELY_ONCE:
        return 1
    return registration.concurrency or 1


def may_depart(place: Place, in_flight: int, losses: int, policy: Policy) -> bool:
    """Whether the next event of the place's agent may be delivered there while so many are in flight.

    An event that was lost with a session is not delivered ahead: should it end the next one, too, it is known that it
    had started (DLV-7).
    """
    host = place.host
    registration = host.registrations.get(place.agent.type)
    if registration is None:
        return False
    if host.draining:
        # With nothing in flight its agent can go elsewhere.
        return not in_flight
    limit = at_once(registration, policy)
    if in_flight < limit:
        return True
    if in_flight >= limit + place.ahead or registration.mode is not AgentMode.STANDARD:
        return False
    return not losses and host.has_spare_credit


def settled(place: Place, took: float) -> None:
    """The agent is done with an event, so many seconds after it was delivered."""
    if took > QUICK:
        place.ahead //= 2
    elif place.ahead < MAX_AHEAD:
        place.ahead += 1


def failed(place: Place) -> None:
    """An event failed: it comes again, and what was in flight behind it does."""
    place.ahead = 0
