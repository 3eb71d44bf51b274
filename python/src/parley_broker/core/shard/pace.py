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


def room(place: Place, in_flight: int, policy: Policy) -> tuple[int, int]:
    """How many events may be in flight to the place's agent now, while so many are: at once, and with those ahead.

    What is ahead is filled up when half of it is gone, so that one frame takes many events.
    """
    registration = place.host.registrations.get(place.agent.type)
    if registration is None:
        return 0, 0
    if place.host.draining:
        # With nothing in flight its agent can go elsewhere.
        return 1, 1
    first = at_once(registration, policy)
    full = first + place.ahead
    if registration.mode is not AgentMode.STANDARD or 2 * in_flight > full:
        return first, first
    return first, full


def may_go_ahead(place: Place, losses: int) -> bool:
    """Whether the next event of the place's agent may be delivered ahead.

    Not one that was lost with a session: should it end the next one, too, it is known that it had started (DLV-7).
    """
    return not losses and place.host.has_spare_credit


def settled(place: Place, took: float) -> None:
    """The agent is done with an event, so many seconds after it was delivered."""
    if took > QUICK:
        place.ahead //= 2
    elif place.ahead < MAX_AHEAD:
        place.ahead += 1


def failed(place: Place) -> None:
    """An event failed: it comes again, and what was in flight behind it does."""
    place.ahead = 0
