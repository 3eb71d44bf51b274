"""What a session may take, and what it has in hand."""

from __future__ import annotations

from parley_broker.core.effects import Activated, Idle
from parley_broker.core.ids import AgentId
from parley_broker.core.orders import Registration
from parley_broker.core.policy import Policy
from parley_broker.core.shard.desk import Desk


def test_credit_and_turns() -> None:
    desk = Desk(Policy(), 0)
    host = desk.hosts.add("s", Registration("w"))
    assert not desk.can_take(host, covered=True)
    assert desk.can_take(host, covered=False)
    host.messages_left, host.bytes_left = 1, 1
    assert desk.can_take(host, covered=True)
    host.backlog["somebody"] = object()
    assert not desk.can_take(host, covered=True), "others were first"
    host.paused = True
    assert not desk.can_take(host, covered=False)


def test_in_hand_and_idle() -> None:
    desk = Desk(Policy(), 0)
    host = desk.hosts.add("s", Registration("w"))
    host.messages_left, host.bytes_left = 5, 5
    place = desk.places.resolve(AgentId("w", "k"), nested=False)
    assert place is not None
    desk.hand_over(place, 9, covered=True)
    desk.hand_over(place, 9, covered=False)
    assert (host.messages_left, host.bytes_left, host.in_hand, place.in_hand) == (4, -4, 2, 2)
    assert desk.out == [Activated("s", AgentId("w", "k"), 1)], "once"
    host.draining = True
    desk.hand_back(place)
    desk.hand_back(place)
    assert desk.out[1:] == [Idle("s")]
