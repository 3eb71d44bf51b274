"""Idempotency keys: the same key is not run twice, and has the same reply for a while."""

from __future__ import annotations

from typing import Any

import pytest

from broker.core.harness import Client, Core, agent, done, failed, reply, request
from parley_broker.core.gateway.callers import LATE_REPLY
from parley_broker.core.messages import (
    Activate,
    AgentMode,
    Cancel,
    Commit,
    Drain,
    Goodbye,
    Message,
    Reply,
    Request,
    State,
    UnregisterAgentType,
    make_error,
)
from parley_broker.core.policy import Policy
from parley_broker.errors import Reason


def ask(caller: Client, key: str = "key", payload: bytes = b"?", **fields: Any) -> int:
    """Calls `w/k` with the key: the id."""
    return caller.command(request("w/k", payload, idempotency_key=key, payload_hash=payload, **fields))


def working(worker: Client) -> tuple[int, Request]:
    """The one call that the worker was handed."""
    ((number, body),) = worker.take(Request)
    return number, body


class Stage:
    """A worker that hosts `w`, and two callers."""

    def __init__(self, core: Core | None = None) -> None:
        self.core = core or Core()
        self.worker, self.one, self.two = self.core.client(), self.core.client(), self.core.client()
        self.worker.host("w")

    def done(self) -> None:
        """Nothing is left but what is stored."""
        tables = self.core.tables
        assert tables["calls"] == tables["placed_calls"] == 0, tables


@pytest.fixture
def stage() -> Stage:
    return Stage()


class TestStored:
    def test_the_reply_is_answered_again(self, stage: Stage) -> None:
        first = ask(stage.one)
        number, body = working(stage.worker)
        assert (body.idempotency_key, body.attempt) == ("key", 1)
        reply(stage.worker, number, b"once")
        assert stage.one.answer(first) == Reply(b"once")
        assert stage.two.answer(ask(stage.two)) == Reply(b"once")
        assert stage.worker.take(Request) == []
        stage.done()

    def test_the_first_answer_waits_for_the_store(self, stage: Stage) -> None:
        first = ask(stage.one)
        number, _ = working(stage.worker)
        stage.core.hold = True
        reply(stage.worker, number)
        second = ask(stage.two)
        assert stage.one.answer(first) is None
        assert stage.two.answer(second) is None
        stage.core.hold = False
        stage.core.settle()
        assert stage.one.answer(first) == stage.two.answer(second) == Reply(b"!")
        assert stage.worker.take(Request) == []

    def test_a_reply_that_the_store_does_not_take_is_not_answered(self, stage: Stage) -> None:
        first = ask(stage.one)
        number, _ = working(stage.worker)
        stage.core.hold = True
        reply(stage.worker, number)
        second = ask(stage.two)
        stage.core.fail_commit()
        stage.core.hold = False
        stage.core.settle()
        failed(stage.one.answer(first), Reason.UNAVAILABLE)
        number, _ = working(stage.worker)
        reply(stage.worker, number, b"again")
        assert stage.two.answer(second) == Reply(b"again")
        stage.done()

    def test_it_outlives_the_broker(self, stage: Stage) -> None:
        ask(stage.one)
        number, _ = working(stage.worker)
        reply(stage.worker, number, b"stored")
        later = Core(store=stage.core.store)
        later.advance(100)
        caller = later.client()
        assert caller.answer(ask(caller)) == Reply(b"stored")
        failed(caller.answer(ask(caller, payload=b"other")), Reason.INVALID_ARGUMENT)

    def test_for_the_window_only(self) -> None:
        stage = Stage(Core(Policy(idempotency_window=60, heartbeat_interval=1000)))
        ask(stage.one)
        reply(stage.worker, working(stage.worker)[0])
        stage.core.advance(59)
        assert stage.core.tables["stored_replies"] == 1
        assert isinstance(stage.two.answer(ask(stage.two)), Reply)
        stage.core.advance(2)
        assert stage.core.tables["stored_replies"] == 0
        assert stage.core.store.load(stage.core.opened.term).summary.replies == ()
        ask(stage.two)
        working(stage.worker)

    @pytest.mark.parametrize("policy", [Policy(max_stored_replies=2), Policy(max_stored_reply_bytes=2)])
    def test_the_oldest_make_room(self, policy: Policy) -> None:
        stage = Stage(Core(policy))
        for key in "abc":
            ask(stage.one, key)
            reply(stage.worker, working(stage.worker)[0], b"!")
        assert [entry.key for entry in stage.core.store.load(stage.core.opened.term).summary.replies] == ["b", "c"]
        assert isinstance(stage.one.answer(ask(stage.one, "b")), Reply)
        ask(stage.one, "a")
        working(stage.worker)

    def test_errors_are_not_stored(self, stage: Stage) -> None:
        first = ask(stage.one)
        number, _ = working(stage.worker)
        stage.worker.say(make_error(Reason.HANDLER_FAILED, "no"), re=number)
        failed(stage.one.answer(first), Reason.HANDLER_FAILED)
        ask(stage.one)
        working(stage.worker)

    def test_a_commit_comes_with_it(self, stage: Stage) -> None:
        stage.worker.host("w", AgentMode.EFFECTIVELY_ONCE)
        first = ask(stage.one)
        number, body = working(stage.worker)
        committed = Commit(agent("w/k"), body.epoch, 0, State(b"s"))
        stage.core.hold = True
        stage.worker.say(Reply(b"!", commit=committed), 7, re=number)
        names = [type(record).__name__ for record in stage.core.machine.effects.records]
        assert names == ["StateSaved", "ReplyStored"]
        stage.core.hold = False
        stage.core.settle()
        assert stage.one.answer(first) == Reply(b"!")
        assert stage.two.answer(ask(stage.two)) == Reply(b"!"), "without what it committed"

    def test_a_stored_reply_that_is_no_longer_wanted(self, stage: Stage) -> None:
        ask(stage.one)
        reply(stage.worker, working(stage.worker)[0])
        stage.core.hold = True
        second = ask(stage.two)
        stage.two.say(Cancel(second))
        failed(stage.two.answer(second), Reason.CANCELLED)
        stage.core.hold = False
        stage.core.settle()
        assert stage.two.read() == []
        stage.done()

    def test_a_stored_reply_that_made_room_meanwhile(self) -> None:
        stage = Stage(Core(Policy(max_stored_replies=1)))
        ask(stage.one, "a")
        reply(stage.worker, working(stage.worker)[0])
        ask(stage.one, "b")
        number, _ = working(stage.worker)
        stage.core.hold = True
        second = ask(stage.two, "a")
        reply(stage.worker, number)
        stage.core.hold = False
        stage.core.settle()
        number, _ = working(stage.worker)
        reply(stage.worker, number, b"anew")
        assert stage.two.answer(second) == Reply(b"anew")


class TestKeys:
    def test_another_payload_is_refused(self, stage: Stage) -> None:
        ask(stage.one)
        number, _ = working(stage.worker)
        failed(stage.two.answer(ask(stage.two, payload=b"other")), Reason.INVALID_ARGUMENT, field="idempotency_key")
        reply(stage.worker, number)
        failed(stage.two.answer(ask(stage.two, payload=b"other")), Reason.INVALID_ARGUMENT, field="idempotency_key")

    def test_they_belong_to_their_target(self, stage: Stage) -> None:
        ask(stage.one)
        stage.two.command(request("w/other", idempotency_key="key"))
        assert len(stage.worker.take(Request)) == 2

    def test_one_that_is_too_long_is_refused(self, stage: Stage) -> None:
        failed(stage.one.answer(ask(stage.one, "x" * 256)), Reason.INVALID_ARGUMENT, field="idempotency_key")
        assert stage.one.answer(ask(stage.one, "x" * 255)) is None


class TestJoined:
    def test_a_duplicate_joins_the_running_call(self, stage: Stage) -> None:
        first, second, third = ask(stage.one), ask(stage.two), ask(stage.one)
        number, _ = working(stage.worker)
        reply(stage.worker, number, b"once")
        assert stage.one.answer(first) == stage.two.answer(second) == stage.one.answer(third) == Reply(b"once")
        stage.done()

    def test_an_error_is_everybody_s(self, stage: Stage) -> None:
        first, second = ask(stage.one), ask(stage.two)
        number, _ = working(stage.worker)
        stage.worker.say(make_error(Reason.HANDLER_FAILED, "no"), re=number)
        failed(stage.one.answer(first), Reason.HANDLER_FAILED)
        failed(stage.two.answer(second), Reason.HANDLER_FAILED)
        stage.done()

    def test_one_that_waits_for_a_host(self, stage: Stage) -> None:
        first = stage.one.command(request("late/k", idempotency_key="x", wait_for_ready=True))
        second = stage.two.command(request("late/k", idempotency_key="x"))
        assert stage.two.answer(second) is None
        stage.worker.host("late")
        number, _ = working(stage.worker)
        reply(stage.worker, number)
        assert isinstance(stage.one.answer(first), Reply)
        assert isinstance(stage.two.answer(second), Reply)

    def test_each_has_its_own_cancel(self, stage: Stage) -> None:
        first, second = ask(stage.one), ask(stage.two)
        number, _ = working(stage.worker)
        stage.one.say(Cancel(first))
        failed(stage.one.answer(first), Reason.CANCELLED)
        assert stage.worker.take(Cancel) == []
        reply(stage.worker, number)
        assert isinstance(stage.two.answer(second), Reply)
        stage.done()

    def test_the_last_one_to_leave_cancels(self, stage: Stage) -> None:
        first, second = ask(stage.one), ask(stage.two)
        number, _ = working(stage.worker)
        stage.two.say(Cancel(second))
        assert stage.worker.take(Cancel) == []
        stage.one.say(Cancel(first))
        assert [body.request_id for _, body in stage.worker.take(Cancel)] == [number]
        stage.worker.say(make_error(Reason.CANCELLED, "stopped"), re=number)
        stage.done()

    def test_each_has_its_own_deadline(self, stage: Stage) -> None:
        now = stage.core.now
        first, second = ask(stage.one, deadline=now + 9), ask(stage.two, deadline=now + 3)
        number, _ = working(stage.worker)
        stage.core.advance(4)
        assert failed(stage.two.answer(second), Reason.DEADLINE_EXCEEDED).may_have_run
        reply(stage.worker, number)
        assert isinstance(stage.one.answer(first), Reply)

    def test_who_has_more_time_than_the_one_that_it_joined_gets_another_run(self, stage: Stage) -> None:
        now = stage.core.now
        first, second = ask(stage.one, deadline=now + 3), ask(stage.two, deadline=now + 9)
        number, body = working(stage.worker)
        assert body.deadline == now + 3
        stage.core.advance(4)
        failed(stage.one.answer(first), Reason.DEADLINE_EXCEEDED)
        stage.worker.say(make_error(Reason.DEADLINE_EXCEEDED, "too slow"), re=number)
        number, body = working(stage.worker)
        assert (body.deadline, body.attempt) == (now + 9, 2)
        reply(stage.worker, number)
        assert isinstance(stage.two.answer(second), Reply)
        stage.done()

    def test_a_failed_commit_leaves_them_joined(self, stage: Stage) -> None:
        first, second = ask(stage.one), ask(stage.two)
        number, _ = working(stage.worker)
        stage.core.fail_commit()
        third = ask(stage.two)
        assert stage.worker.take(Request) == []
        reply(stage.worker, number)
        answers = [stage.one.answer(first), stage.two.answer(second), stage.two.answer(third)]
        assert answers == [Reply(b"!")] * 3
        stage.done()

    def test_a_call_whose_time_was_up_before_it_was_written_is_run_for_those_that_have_more(self, stage: Stage) -> None:
        now = stage.core.now
        first, second = ask(stage.one, deadline=now + 3), ask(stage.two, deadline=now + 9)
        alone = ask(stage.one, "alone", deadline=now + 3)
        stage.core.advance(4)
        failed(stage.one.answer(first), Reason.DEADLINE_EXCEEDED)
        failed(stage.one.answer(alone), Reason.DEADLINE_EXCEEDED)
        number, body = working(stage.worker)
        assert (body.deadline, body.attempt) == (now + 9, 1)
        reply(stage.worker, number)
        assert isinstance(stage.two.answer(second), Reply)
        stage.done()

    def test_one_whose_time_was_up_when_it_was_to_be_written_never_ran(self, stage: Stage) -> None:
        first = ask(stage.one, deadline=stage.core.now + 0.995)
        stage.core.now += 0.996
        assert stage.worker.take(Request) == []
        stage.core.advance(1)
        assert not failed(stage.one.answer(first), Reason.DEADLINE_EXCEEDED).may_have_run
        stage.done()


class TestLost:
    def test_it_is_run_again_elsewhere(self, stage: Stage) -> None:
        other = stage.core.client()
        other.host("w")
        first, second = ask(stage.one), ask(stage.two)
        _, body = working(stage.worker)
        stage.core.disconnect(stage.worker)
        again, repeat = working(other)
        assert (repeat.attempt, repeat.idempotency_key, repeat.envelope) == (2, "key", body.envelope)
        assert repeat.epoch > body.epoch
        reply(other, again)
        assert isinstance(stage.one.answer(first), Reply)
        assert isinstance(stage.two.answer(second), Reply)
        stage.done()

    def test_it_waits_for_a_host_until_its_deadline(self, stage: Stage) -> None:
        first, second = ask(stage.one, deadline=stage.core.now + 60), ask(stage.two, deadline=stage.core.now + 20)
        working(stage.worker)
        stage.core.disconnect(stage.worker)
        for _ in range(30):
            stage.one.frame()
            stage.two.frame()
            stage.core.advance(1)
        assert failed(stage.two.answer(second), Reason.DEADLINE_EXCEEDED).may_have_run
        other = stage.core.client()
        other.host("w")
        number, body = working(other)
        assert body.attempt == 2
        reply(other, number)
        assert isinstance(stage.one.answer(first), Reply)

    def test_without_a_key_the_outcome_is_unknown(self, stage: Stage) -> None:
        asked = stage.one.command(request("w/k"))
        working(stage.worker)
        stage.core.disconnect(stage.worker)
        failed(stage.one.answer(asked), Reason.OUTCOME_UNKNOWN)

    def test_what_nobody_waits_for_is_not_run_again(self, stage: Stage) -> None:
        other = stage.core.client()
        other.host("w")
        first = ask(stage.one)
        working(stage.worker)
        stage.one.say(Cancel(first))
        stage.core.disconnect(stage.worker)
        assert other.take(Request) == []
        stage.done()

    def test_a_taken_agent_s_call_is_run_again(self) -> None:
        stage = Stage(Core(Policy(drain_timeout=5)))
        stage.worker.host("w", keeps_state=True)
        first = ask(stage.one)
        working(stage.worker)
        other = stage.core.client()
        other.host("w", keeps_state=True)
        stage.worker.command(Drain())
        stage.core.advance(6)
        number, body = working(other)
        assert body.attempt == 2
        reply(other, number)
        assert isinstance(stage.one.answer(first), Reply)

    def test_an_unregistered_type_s_call_is_run_again(self, stage: Stage) -> None:
        first = ask(stage.one)
        working(stage.worker)
        assert done(stage.worker.ask(UnregisterAgentType("w")))
        stage.worker.host("w")
        number, _ = working(stage.worker)
        reply(stage.worker, number)
        assert isinstance(stage.one.answer(first), Reply)


class TestLateReplies:
    """Nobody waits any more, but the worker may still answer."""

    @pytest.mark.parametrize("how", ["deadline", "cancel", "goodbye"])
    def test_the_reply_is_kept_for_the_key(self, stage: Stage, how: str) -> None:
        first = ask(stage.one, deadline=stage.core.now + 2)
        number, _ = working(stage.worker)
        if how == "deadline":
            stage.core.advance(3)
        elif how == "cancel":
            stage.one.say(Cancel(first))
        else:
            stage.one.frame(Message(Goodbye()))
        told = [body.request_id for _, body in stage.worker.take(Cancel)]
        assert told == ([number] if how == "cancel" else [])
        reply(stage.worker, number, b"late")
        stage.done()
        assert stage.two.answer(ask(stage.two)) == Reply(b"late")
        for _ in range(60):
            stage.two.frame()
            stage.core.advance(1)

    def test_a_duplicate_joins_what_nobody_waits_for(self, stage: Stage) -> None:
        ask(stage.one)
        number, _ = working(stage.worker)
        stage.core.disconnect(stage.one)
        second = ask(stage.two)
        assert stage.worker.take(Request) == []
        reply(stage.worker, number)
        assert isinstance(stage.two.answer(second), Reply)

    def test_a_duplicate_of_a_cancelled_one_is_run_again_when_that_has_stopped(self, stage: Stage) -> None:
        first = ask(stage.one)
        number, _ = working(stage.worker)
        stage.one.say(Cancel(first))
        second = ask(stage.two)
        stage.worker.say(make_error(Reason.CANCELLED, "stopped"), re=number)
        number, body = working(stage.worker)
        assert body.attempt == 2
        reply(stage.worker, number)
        assert isinstance(stage.two.answer(second), Reply)

    def test_it_is_not_awaited_for_ever(self) -> None:
        stage = Stage(Core(Policy(heartbeat_interval=1000)))
        ask(stage.one, deadline=stage.core.now + 2)
        number, _ = working(stage.worker)
        stage.core.advance(2 + LATE_REPLY - 1)
        assert stage.core.tables["calls"] == 1
        stage.core.advance(2)
        stage.done()
        reply(stage.worker, number)
        ask(stage.two)
        working(stage.worker)


def test_one_activation_for_a_hundred_first_calls_with_one_key(stage: Stage) -> None:
    stage.worker.host("w", keeps_state=True)
    callers = [stage.core.client() for _ in range(100)]
    asked = [ask(caller) for caller in callers]
    assert len(stage.worker.take(Activate)) == 1
    number, _ = working(stage.worker)
    reply(stage.worker, number)
    assert all(isinstance(caller.answer(number), Reply) for caller, number in zip(callers, asked, strict=True))
