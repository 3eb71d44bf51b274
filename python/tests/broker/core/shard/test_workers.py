"""Work that is stranded, and workers that come and go."""

from __future__ import annotations

from broker.core.harness import Core, done, request
from parley_broker.core.messages import (
    AgentMode,
    Delivery,
    Request,
    UnregisterAgentType,
)


def test_what_waits_for_credit_goes_elsewhere_when_the_type_is_unregistered(core: Core) -> None:
    worker, other, caller = core.client(credit=1), core.client(), core.client()
    worker.host("w")
    worker.subscribe("t", "w")
    caller.command(request("w/k", b"a"))
    waiting = caller.command(request("w/k", b"b"))
    caller.publish("t/e")
    other.host("w")
    assert done(worker.ask(UnregisterAgentType("w")))
    assert [b.envelope for _, b in other.take(Request)] == [b"b"]
    assert len(other.take(Delivery)) == 1
    assert caller.answer(waiting) is None


def test_a_session_s_call_to_itself_ends_with_it(core: Core) -> None:
    worker = core.client()
    worker.host("w")
    worker.command(request("w/k"))
    core.disconnect(worker)
    assert core.tables["calls"] == core.tables["connections"] == 0


def test_a_stateless_recipient_s_delivery_is_left_with_its_session(core: Core) -> None:
    worker = core.client()
    worker.host("w", AgentMode.STATELESS)
    worker.subscribe("t", "w")
    worker.publish("t/k")
    core.disconnect(worker)
    assert core.tables["deliveries"] == 0
    assert core.tables["events"] == 1


def test_only_the_session_s_own_places_end_with_it(core: Core) -> None:
    first, second, caller = core.client(), core.client(), core.client()
    for worker in (first, second):
        worker.host("w")
    for key in "abcd":
        caller.command(request(f"w/{key}"))
    assert len(first.take(Request)) == len(second.take(Request)) == 2
    core.disconnect(first)
    assert core.tables["agents"] == 2
    assert core.tables["hosts"] == 2, "the other worker's and the caller's"
