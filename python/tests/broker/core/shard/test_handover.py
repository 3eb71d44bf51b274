"""Agents that keep state are asked back when idle and when their session drains."""

from __future__ import annotations

from broker.core.harness import Client, Core, agent, done, failed, reply, request
from parley_broker.core.ids import TopicId
from parley_broker.core.messages import (
    Activate,
    Cancel,
    Deactivate,
    Delivery,
    Done,
    Drain,
    Publish,
    Reply,
    Request,
    Save,
    State,
    UnregisterAgentType,
    make_error,
)
from parley_broker.core.policy import Policy
from parley_broker.errors import Reason

W = agent("w/k")


def call(caller: Client, envelope: bytes = b"?", **fields: object) -> int:
    return caller.command(request("w/k", envelope, **fields))


def serve(worker: Client) -> None:
    """The worker answers every call that it has."""
    for number, _ in worker.take(Request):
        reply(worker, number)


class TestIdle:
    def test_an_idle_agent_is_asked_back_and_comes_again_with_its_state(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w", keeps_state=True, idle_timeout_ms=2000)
        call(caller)
        ((_, first),) = worker.take(Activate)
        core.advance(3)
        assert worker.take(Deactivate) == [], "it has a call in hand"
        serve(worker)
        core.advance(1.5)
        call(caller)
        serve(worker)
        core.advance(1.5)
        assert worker.take(Deactivate) == [], "a message came in between"
        core.advance(1)
        ((number, asked),) = worker.take(Deactivate)
        assert (asked.agent, asked.epoch, asked.timeout_ms) == (W, first.epoch, 25_000)
        assert done(worker.ask(Save(W, first.epoch, 0, State(b"saved"))))
        waiting = call(caller)
        assert worker.take(Request) == []
        worker.say(Done(), re=number)
        ((_, second),) = worker.take(Activate)
        assert second.state == State(b"saved", "", 1)
        assert second.epoch > first.epoch
        serve(worker)
        assert isinstance(caller.answer(waiting), Reply)
        assert core.tables["leaving_agents"] == 0

    def test_an_agent_without_messages_after_its_activation_is_idle(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w", keeps_state=True, idle_timeout_ms=2000)
        core.hold = True
        asked = call(caller)
        caller.say(Cancel(asked))
        core.hold = False
        core.settle()
        core.advance(3)
        ((number, _),) = worker.take(Deactivate)
        worker.say(Done(), re=number)
        assert core.tables["agents"] == 0

    def test_agents_without_state_stay(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w", idle_timeout_ms=100)
        call(caller)
        serve(worker)
        core.advance(10)
        assert worker.take(Deactivate) == []
        assert core.tables["agents"] == 1

    def test_pinned_agents_stay(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w", keeps_state=True, idle_timeout_ms=100, pinned_keys=("k",))
        call(caller)
        serve(worker)
        core.advance(10)
        assert worker.take(Deactivate) == []


class TestDrain:
    def test_agents_with_state_are_handed_over(self, core: Core) -> None:
        worker, other, caller = core.client(), core.client(), core.client()
        worker.host("w", keeps_state=True)
        running = call(caller)
        ((_, first),) = worker.take(Activate)
        other.host("w", keeps_state=True)
        drained = worker.command(Drain(9000))
        ((number, asked),) = worker.take(Deactivate)
        assert asked.timeout_ms == 9000
        waiting = call(caller, b"waits")
        serve(worker)
        assert isinstance(caller.answer(running), Reply)
        assert worker.answer(drained) is None, "the agent is still there"
        assert other.take(Request) == []
        worker.command(Save(W, first.epoch, 0, State(b"moved")))
        worker.say(Done(), re=number)
        assert done(worker.answer(drained))
        ((_, second),) = other.take(Activate)
        assert second.state == State(b"moved", "", 1)
        serve(other)
        assert isinstance(caller.answer(waiting), Reply)

    def test_events_wait_and_move_too(self, core: Core) -> None:
        worker, other, caller = core.client(), core.client(), core.client()
        worker.host("w", keeps_state=True)
        worker.subscribe("t", "w")
        caller.publish("t/k", b"0")
        ((_, before),) = worker.take(Delivery)
        other.host("w", keeps_state=True)
        worker.command(Drain())
        caller.publish("t/k", b"1")
        ((number, _),) = worker.take(Deactivate)
        worker.ack(before)
        assert worker.take(Delivery) == other.take(Delivery) == []
        worker.say(Done(), re=number)
        ((_, after),) = other.take(Delivery)
        assert after.envelope == b"1"

    def test_what_waited_for_credit_keeps_its_order(self, core: Core) -> None:
        worker, other, caller = core.client(credit=1), core.client(), core.client()
        worker.host("w", keeps_state=True)
        call(caller, b"0")
        call(caller, b"1")
        other.host("w", keeps_state=True)
        worker.command(Drain())
        call(caller, b"2")
        ((number, _),) = worker.take(Deactivate)
        serve(worker)
        worker.frame_credit(100, 1 << 40)
        worker.say(Done(), re=number)
        assert [body.envelope for _, body in other.take(Request)] == [b"1", b"2"]

    def test_a_call_that_the_agent_itself_waits_for_goes_on(self, core: Core) -> None:
        worker, middle, caller = core.client(), core.client(), core.client()
        worker.host("w", keeps_state=True)
        middle.host("m")
        call(caller)
        ((outer, body),) = worker.take(Request)
        nested = worker.command(request("m/1", sender=W, sender_epoch=body.epoch, call_chain=(W,)))
        ((through, inner),) = middle.take(Request)
        worker.command(Drain())
        back = middle.command(
            request("w/k", sender=agent("m/1"), sender_epoch=inner.epoch, call_chain=(W, agent("m/1")))
        )
        serve(worker)
        assert isinstance(middle.answer(back), Reply)
        reply(middle, through)
        assert isinstance(worker.answer(nested), Reply)
        reply(worker, outer)

    def test_without_another_host_calls_wait_until_the_session_leaves(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w", keeps_state=True)
        call(caller)
        serve(worker)
        drained = worker.command(Drain())
        ((number, _),) = worker.take(Deactivate)
        waiting = call(caller)
        worker.say(Done(), re=number)
        assert done(worker.answer(drained))
        core.disconnect(worker)
        other = core.client()
        other.host("w", keeps_state=True)
        serve(other)
        assert isinstance(caller.answer(waiting), Reply)

    def test_an_agent_whose_state_is_being_read_moves_at_once(self, core: Core) -> None:
        worker, other, caller = core.client(), core.client(), core.client()
        worker.host("w", keeps_state=True)
        core.hold = True
        call(caller)
        other.host("w", keeps_state=True)
        drained = worker.command(Drain())
        assert done(worker.answer(drained))
        core.hold = False
        core.settle()
        assert len(other.take(Request)) == 1
        assert worker.take(Activate) == []

    def test_an_agent_that_came_during_the_drain_is_asked_back_when_it_is_done(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("a")
        worker.host("w", keeps_state=True)
        caller.command(request("a/1"))
        ((outer, body),) = worker.take(Request)
        drained = worker.command(Drain())
        worker.command(request("w/k", sender=agent("a/1"), sender_epoch=body.epoch, call_chain=(agent("a/1"),)))
        serve(worker)
        ((number, _),) = worker.take(Deactivate)
        reply(worker, outer)
        assert worker.answer(drained) is None
        worker.say(Done(), re=number)
        assert done(worker.answer(drained))


class TestForce:
    def test_after_the_timeout_the_agent_is_taken(self) -> None:
        core = Core(Policy(drain_timeout=5))
        worker, other, caller = core.client(), core.client(), core.client()
        worker.host("w", keeps_state=True)
        worker.subscribe("t", "w")
        running = call(caller)
        caller.publish("t/k")
        ((number, body),) = worker.take(Request)
        ((_, delivery),) = worker.take(Delivery)
        other.host("w", keeps_state=True)
        drained = worker.command(Drain())
        waiting = call(caller, b"waits")
        core.advance(5.1)
        failed(caller.answer(running), Reason.OUTCOME_UNKNOWN, agent=W)
        assert done(worker.answer(drained))
        serve(other)
        assert isinstance(caller.answer(waiting), Reply)
        reply(worker, number)
        assert caller.answer(running) is None
        ((_, current),) = other.take(Activate)
        failed(worker.ask(Save(W, body.epoch, 0, State(b""))), Reason.STALE_EPOCH, current=current.epoch)
        failed(worker.ack(delivery), Reason.STALE_EPOCH)
        stale = Publish(TopicId("t", "k"), b"", W, body.epoch)
        failed(worker.ask(stale), Reason.STALE_EPOCH, epoch=body.epoch, current=current.epoch)

    def test_one_that_refuses_is_taken_at_once(self, core: Core) -> None:
        worker, other, caller = core.client(), core.client(), core.client()
        worker.host("w", keeps_state=True)
        running = call(caller)
        other.host("w", keeps_state=True)
        worker.command(Drain())
        ((number, _),) = worker.take(Deactivate)
        worker.say(make_error(Reason.INTERNAL, "no"), re=number)
        failed(caller.answer(running), Reason.OUTCOME_UNKNOWN)
        assert core.tables["leaving_agents"] == core.tables["calls"] == 0

    def test_a_lost_session_ends_it(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w", keeps_state=True)
        call(caller)
        worker.command(Drain())
        core.disconnect(worker)
        core.advance(60)
        assert core.tables["leaving_agents"] == core.tables["agents"] == 0

    def test_an_unregistered_type_ends_at_once(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w", keeps_state=True)
        running = call(caller)
        assert done(worker.ask(UnregisterAgentType("w")))
        failed(caller.answer(running), Reason.OUTCOME_UNKNOWN)
        assert worker.take(Deactivate) == []

    def test_a_failed_commit_in_between_changes_nothing(self, core: Core) -> None:
        worker, other, caller = core.client(), core.client(), core.client()
        worker.host("w", keeps_state=True)
        call(caller)
        serve(worker)
        other.host("w", keeps_state=True)
        drained = worker.command(Drain())
        ((number, _),) = worker.take(Deactivate)
        core.fail_commit()
        assert worker.take(Deactivate) == []
        call(caller)
        assert worker.take(Request) == []
        worker.say(Done(), re=number)
        assert done(worker.answer(drained))
        assert len(other.take(Request)) == 1
