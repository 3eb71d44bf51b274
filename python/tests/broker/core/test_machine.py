"""Gateway and shard together: calls, events, commits."""

from __future__ import annotations

import pytest

from parley_broker.core.ids import TopicId
from parley_broker.core.messages import (
    Activate,
    AgentMode,
    Cancel,
    Delivery,
    Drain,
    Error,
    Hello,
    Message,
    Nack,
    Publish,
    Published,
    Reply,
    Request,
    UnregisterAgentType,
    make_error,
)
from parley_broker.core.policy import Policy
from parley_broker.errors import EndCode, Reason

from .harness import Client, Core, agent, done, failed, request


@pytest.fixture
def core() -> Core:
    return Core()


def reply(worker: Client, call: int, envelope: bytes = b"!") -> None:
    worker.say(Reply(envelope), re=call)


class TestCalls:
    def test_activate_comes_once_and_first(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        caller.command(request("w/k"))
        kinds = [type(m.body) for m in worker.read()]
        assert kinds == [Activate, Request, Request]

    def test_a_failed_activation_ends_the_place(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        first = caller.command(request("w/k"))
        (activation, activate), (call, _) = worker.take(Activate) + worker.take(Request)  # type: ignore[operator]
        worker.say(make_error(Reason.ACTIVATION_FAILED, "no"), re=activation)
        worker.say(make_error(Reason.ACTIVATION_FAILED, "no"), re=call)
        failed(caller.answer(first), Reason.ACTIVATION_FAILED)
        assert core.tables["agents"] == 0
        caller.command(request("w/k"))
        ((_, again),) = worker.take(Activate)
        assert again.epoch > activate.epoch

    def test_a_late_reply_is_dropped(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/k", deadline=core.now + 1))
        ((call, _),) = worker.take(Request)
        core.advance(1.1)
        error = failed(caller.answer(asked), Reason.DEADLINE_EXCEEDED, timeout_ms=1000)
        assert error.may_have_run
        reply(worker, call)
        assert caller.read() == []

    def test_the_default_and_the_longest_timeout(self) -> None:
        core = Core(Policy(default_call_timeout=5, max_call_timeout=10))
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        caller.command(request("w/k", deadline=core.now + 100))
        deadlines = [body.deadline for _, body in worker.take(Request)]
        assert deadlines == [core.now + 5, core.now + 10]

    def test_no_time_left_is_never_dispatched(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        error = failed(caller.ask(request("w/k", deadline=core.now)), Reason.DEADLINE_EXCEEDED)
        assert not error.may_have_run
        assert worker.take(Request) == []

    def test_waiting_for_a_host(self, core: Core) -> None:
        caller = core.client()
        asked = [caller.command(request("w/k", b"%d" % n, wait_for_ready=True)) for n in range(3)]
        worker = core.client()
        worker.host("w")
        calls = worker.take(Request)
        assert [body.envelope for _, body in calls] == [b"0", b"1", b"2"], "in the order sent (RPC-3)"
        reply(worker, calls[0][0])
        assert isinstance(caller.answer(asked[0]), Reply)

    def test_waiting_for_a_host_in_vain(self, core: Core) -> None:
        caller = core.client()
        asked = caller.command(request("w/k", wait_for_ready=True, deadline=core.now + 1))
        core.advance(2)
        assert not failed(caller.answer(asked), Reason.DEADLINE_EXCEEDED).may_have_run
        assert core.tables["placed_calls"] == 0

    def test_a_type_hosted_lately_is_waited_for(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        core.disconnect(worker)
        core.advance(4)
        asked = caller.command(request("w/k"))
        assert caller.answer(asked) is None
        core.advance(5.9)
        assert caller.answer(asked) is None
        core.advance(0.2)
        failed(caller.answer(asked), Reason.NO_RESPONDERS, agent_type="w")
        failed(caller.ask(request("w/k")), Reason.NO_RESPONDERS)

    def test_a_host_within_the_grace_takes_what_waits(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        core.disconnect(worker)
        caller.command(request("w/k"))
        core.advance(5)
        second = core.client()
        second.host("w")
        assert len(second.take(Request)) == 1

    def test_the_loss_of_the_worker(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/k"))
        core.disconnect(worker)
        failed(caller.answer(asked), Reason.OUTCOME_UNKNOWN, agent="w/k")

    def test_the_loss_of_the_caller_cancels(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        ((call, _),) = worker.take(Request)
        core.disconnect(caller)
        assert [body.request_id for _, body in worker.take(Cancel)] == [call]
        assert core.tables["calls"] == core.tables["placed_calls"] == 0

    def test_cancel_before_the_dispatch(self, core: Core) -> None:
        caller = core.client()
        asked = caller.command(request("w/k", wait_for_ready=True))
        caller.say(Cancel(asked))
        assert not failed(caller.answer(asked), Reason.CANCELLED).may_have_run
        worker = core.client()
        worker.host("w")
        assert worker.take(Request) == []

    def test_request_and_cancel_in_one_frame(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")

        caller.frame(Message(request("w/k"), 7), Message(Cancel(7)))
        failed(caller.answer(7), Reason.CANCELLED)
        assert worker.take(Request) == [], "what was not written yet is never dispatched"
        assert core.tables["calls"] == core.tables["placed_calls"] == 0

    def test_a_cancel_for_nothing_is_ignored(self, core: Core) -> None:
        caller = core.client()
        caller.say(Cancel(99))
        assert caller.read() == []
        assert caller.closed is None

    def test_unregistering_ends_the_calls_of_the_type(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        worker.host("other")
        asked = caller.command(request("w/k"))
        kept = caller.command(request("other/k"))
        assert done(worker.ask(UnregisterAgentType("w")))
        failed(caller.answer(asked), Reason.OUTCOME_UNKNOWN)
        assert caller.answer(kept) is None
        failed(worker.ask(UnregisterAgentType("w")), Reason.NOT_FOUND)

    def test_too_many_calls(self) -> None:
        core = Core(Policy(max_outstanding_calls=2))
        worker, caller = core.client(), core.client()
        worker.host("w")
        for _ in range(2):
            caller.command(request("w/k"))
        failed(caller.ask(request("w/k")), Reason.RESOURCE_EXHAUSTED, limit=2)

    def test_too_deep(self, core: Core) -> None:
        caller = core.client()
        caller.host("w")
        chain = tuple(agent(f"w/{n}") for n in range(32))
        error = failed(caller.ask(request("w/k", call_chain=chain)), Reason.RESOURCE_EXHAUSTED, depth=33, limit=32)
        assert not error.retryable
        caller.command(request("w/k", call_chain=chain[:31]))
        assert len(caller.take(Request)) == 1

    def test_idempotency_keys_are_not_promised(self, core: Core) -> None:
        failed(core.client().ask(request("w/k", idempotency_key="x")), Reason.INVALID_ARGUMENT, field="idempotency_key")


class TestPlaces:
    def test_agents_go_to_the_session_with_the_fewest(self, core: Core) -> None:
        first, second, caller = core.client(), core.client(), core.client()
        first.host("w")
        second.host("w")
        for n in range(10):
            caller.command(request(f"w/{n}"))
        assert len(first.take(Request)) == len(second.take(Request)) == 5

    def test_pinned_keys(self, core: Core) -> None:
        first, second, caller = core.client(), core.client(), core.client()
        assert done(first.host("w", pinned_keys=("a",)))
        failed(second.host("w", pinned_keys=("b", "a")), Reason.ALREADY_EXISTS)
        failed(caller.ask(request("w/z")), Reason.NO_RESPONDERS, agent="w/z")
        assert done(second.host("w"))
        caller.command(request("w/a"))
        caller.command(request("w/z"))
        assert [b.target.key for _, b in first.take(Request)] == ["a"]
        assert [b.target.key for _, b in second.take(Request)] == ["z"]

    def test_a_pin_takes_the_place(self, core: Core) -> None:
        first, second, caller = core.client(), core.client(), core.client()
        first.host("w")
        caller.command(request("w/a"))
        ((_, before),) = first.take(Request)
        second.host("w", pinned_keys=("a",))
        caller.command(request("w/a"))
        ((_, after),) = second.take(Request)
        assert after.epoch > before.epoch

    def test_the_modes_of_a_type_agree(self, core: Core) -> None:
        core.client().host("w")
        other = core.client()
        failed(other.host("w", AgentMode.STATELESS), Reason.INVALID_ARGUMENT, mode="STANDARD")
        failed(other.host("x", AgentMode.EFFECTIVELY_ONCE), Reason.INVALID_ARGUMENT, mode="3")

    def test_registering_again_replaces(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w", AgentMode.STATELESS)
        assert done(worker.host("w", AgentMode.STANDARD, pinned_keys=("a",)))
        failed(caller.ask(request("w/b")), Reason.NO_RESPONDERS)

    def test_too_many_types_and_keys(self) -> None:
        core = Core(Policy(max_agent_types=1, max_pinned_keys=2))
        worker = core.client()
        failed(worker.host("a", pinned_keys=("1", "2", "3")), Reason.RESOURCE_EXHAUSTED, limit=2)
        worker.host("a")
        assert done(worker.host("a"))
        failed(worker.host("b"), Reason.RESOURCE_EXHAUSTED, limit=1)

    def test_too_many_agents(self) -> None:
        core = Core(Policy(max_agents=1))
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/1"))
        failed(caller.ask(request("w/2")), Reason.RESOURCE_EXHAUSTED, limit=1)


class TestSenders:
    def test_a_hosted_agent_may_send(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        ((_, asked),) = worker.take(Request)
        sender = {"sender": agent("w/k"), "sender_epoch": asked.epoch}
        assert isinstance(worker.publish("t/k", **sender), Published)
        failed(caller.publish("t/k", **sender), Reason.PERMISSION_DENIED, sender="w/k")

    def test_an_agent_without_a_place_may_not(self, core: Core) -> None:
        worker = core.client()
        worker.host("w")
        failed(worker.publish("t/k", sender=agent("w/k")), Reason.PERMISSION_DENIED)

    def test_a_stateless_agent_may(self, core: Core) -> None:
        worker = core.client()
        worker.host("w", AgentMode.STATELESS)
        assert isinstance(worker.publish("t/k", sender=agent("w/any")), Published)

    def test_an_old_epoch_is_stale(self, core: Core) -> None:
        worker, other, caller = core.client(), core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        ((_, asked),) = worker.take(Request)
        other.host("w", pinned_keys=("k",))
        caller.command(request("w/k"))
        ((_, moved),) = other.take(Request)
        failed(
            worker.publish("t/k", sender=agent("w/k"), sender_epoch=asked.epoch),
            Reason.STALE_EPOCH,
            epoch=asked.epoch,
            current=moved.epoch,
        )


class TestSuspects:
    POLICY = Policy(heartbeat_interval=1, suspect_limit=10)

    def test_nothing_new_goes_to_a_suspect(self) -> None:
        core = Core(self.POLICY)
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        for _ in range(4):
            core.advance(1)
            caller.frame()
        assert "session suspect" in core.logs
        second = caller.command(request("w/k"))
        nested = caller.command(request("w/other", wait_for_ready=True))
        assert len(worker.take(Request)) == 1
        assert caller.answer(second) is None
        worker.frame()
        assert [b.target.key for _, b in worker.take(Request)] == ["k", "other"]
        assert caller.answer(nested) is None

    def test_a_suspect_is_lost_after_its_limit(self) -> None:
        core = Core(self.POLICY)
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/k"))
        for _ in range(14):
            core.advance(1)
            caller.frame()
        assert worker.closed is not None
        assert worker.closed.code is EndCode.DEADLINE_EXCEEDED
        failed(caller.answer(asked), Reason.OUTCOME_UNKNOWN)

    def test_what_waits_for_a_suspect_goes_elsewhere_when_it_is_lost(self) -> None:
        core = Core(self.POLICY)
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        for _ in range(4):
            core.advance(1)
            caller.frame()
        other = core.client()
        other.host("w")
        caller.command(request("w/k", b"second"))
        assert other.take(Request) == [], "the agent has its place"
        core.disconnect(worker)
        assert [b.envelope for _, b in other.take(Request)] == [b"second"]


class TestDrain:
    def test_done_when_nothing_is_in_hand(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        ((call, _),) = worker.take(Request)
        drain = worker.command(Drain())
        assert worker.answer(drain) is None
        reply(worker, call)
        assert done(worker.answer(drain))

    def test_done_at_once_when_idle(self, core: Core) -> None:
        assert done(core.client().ask(Drain()))

    def test_idle_agents_move_and_busy_ones_stay(self, core: Core) -> None:
        worker, other, caller = core.client(), core.client(), core.client()
        worker.host("w")
        caller.command(request("w/busy"))
        caller.command(request("w/idle"))
        calls = {b.target.key: call for call, b in worker.take(Request)}
        reply(worker, calls["idle"])
        other.host("w")
        worker.command(Drain())
        for key in ("busy", "idle", "new"):
            caller.command(request(f"w/{key}"))
        assert [b.target.key for _, b in worker.take(Request)] == ["busy"]
        assert [b.target.key for _, b in other.take(Request)] == ["idle", "new"]

    def test_work_in_hand_may_still_call_here(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("a")
        worker.host("b")
        caller.command(request("a/k"))
        ((_, asked),) = worker.take(Request)
        worker.command(Drain())
        worker.command(request("b/k", sender=agent("a/k"), sender_epoch=asked.epoch, call_chain=(agent("a/k"),)))
        assert [b.target.type for _, b in worker.take(Request)] == ["b"]


class TestCredit:
    def test_root_calls_wait_for_credit_and_nested_ones_do_not(self, core: Core) -> None:
        worker, caller = core.client(credit=2), core.client()
        worker.host("w")
        worker.frame(credit=2)
        caller.host("c", AgentMode.STATELESS)
        for n in range(4):
            caller.command(request("w/k", b"%d" % n))
        assert len(worker.take(Request)) == 2
        caller.command(request("w/k", b"nested", call_chain=(agent("c/k"),)))
        assert [b.envelope for _, b in worker.take(Request)] == [b"nested"]
        worker.frame(credit=3)
        assert [b.envelope for _, b in worker.take(Request)] == [b"2"]

    def test_the_last_one_may_exceed_the_bytes(self, core: Core) -> None:
        worker, caller = core.client(credit=5), core.client()
        worker.host("w")
        for _ in range(3):
            caller.command(request("w/k", b"1234"))
        assert len(worker.take(Request)) == 2, "4 bytes are below 5, 8 are not"

    def test_beyond_the_broker_s_credit(self) -> None:

        core = Core(Policy(credit_messages=2, credit_bytes=1000))
        caller = core.client()
        caller.frame(*(Message(request("w/k"), n) for n in range(1, 4)))
        failed(caller.answer(1), Reason.NO_RESPONDERS)
        failed(caller.answer(2), Reason.NO_RESPONDERS)
        failed(caller.answer(3), Reason.RESOURCE_EXHAUSTED, credit="2 messages and 1000 bytes")
        failed(caller.ask(request("w/k")), Reason.NO_RESPONDERS)

    def test_a_call_that_ended_before_it_was_written_gives_its_credit_back(self, core: Core) -> None:
        worker, caller = core.client(credit=1), core.client()
        worker.host("w")
        first = caller.command(request("w/k", b"a"))
        caller.command(request("w/k", b"b"))
        caller.say(Cancel(first))
        assert [b.envelope for _, b in worker.take(Request)] == [b"b"]


class TestEvents:
    def test_published_waits_for_the_commit_and_a_call_does_not(self, core: Core) -> None:
        worker, publisher = core.client(), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        core.hold = True

        published = publisher.command(Publish(TopicId("t", "k"), b"x"))
        publisher.command(request("w/k"))
        assert publisher.answer(published) is None
        assert worker.take(Delivery) == []
        assert len(worker.take(Request)) == 1, "plain RPC never waits for a disk"
        core.commit()
        assert publisher.answer(published) == Published(1)
        assert len(worker.take(Delivery)) == 1

    def test_an_agent_never_gets_its_own_event(self, core: Core) -> None:
        worker = core.client()
        worker.host("w", pinned_keys=("k",))
        worker.subscribe("t", "w")
        assert worker.publish("t/k", sender=agent("w/k")) == Published(0)
        assert worker.publish("t/k") == Published(1)

    def test_a_stranger_s_ack_is_refused(self, core: Core) -> None:
        worker, other = core.client(), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        other.publish("t/k")
        ((_, delivery),) = worker.take(Delivery)
        failed(other.ack(delivery), Reason.NOT_FOUND)
        assert done(worker.ack(delivery))
        failed(worker.ack(delivery), Reason.NOT_FOUND)

    def test_an_ack_of_an_old_epoch_is_stale(self, core: Core) -> None:
        worker, other, publisher = core.client(), core.client(), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        publisher.publish("t/k")
        ((_, delivery),) = worker.take(Delivery)
        other.host("w", pinned_keys=("k",))
        publisher.publish("t/k")
        ((_, second),) = other.take(Delivery)
        failed(worker.ack(delivery), Reason.STALE_EPOCH, epoch=delivery.epoch, current=second.epoch)
        assert "delivery orphaned" in core.logs

    def test_concurrency(self, core: Core) -> None:
        worker, publisher = core.client(), core.client()
        worker.host("w", concurrency=3)
        worker.subscribe("t", "w")
        for _ in range(5):
            publisher.publish("t/k")
        flying = worker.take(Delivery)
        assert len(flying) == 3
        worker.ack(flying[1][1])
        assert len(worker.take(Delivery)) == 1

    def test_stateless_recipients_have_no_order(self, core: Core) -> None:
        workers = [core.client(), core.client()]
        for worker in workers:
            worker.host("w", AgentMode.STATELESS)
        workers[0].subscribe("t", "w")
        for _ in range(6):
            workers[0].publish("t/k")
        assert [len(worker.take(Delivery)) for worker in workers] == [3, 3]

    def test_a_backlog_larger_than_the_window_comes_in_order(self) -> None:
        core = Core(Policy(window_events=3))
        worker, publisher = core.client(), core.client()
        worker.subscribe("t", "w")
        for n in range(20):
            publisher.publish("t/k", b"%d" % n)
        worker.host("w")
        got = []
        while flying := worker.take(Delivery):
            ((_, delivery),) = flying
            got.append(int(delivery.envelope))
            if len(got) == 10:
                publisher.publish("t/k", b"20")
            worker.ack(delivery)
        assert got == list(range(21))
        assert core.tables["events"] == core.tables["recipients"] == 0

    def test_a_backlog_is_read_after_the_commit_of_what_is_in_it(self) -> None:
        core = Core(Policy(window_events=1))
        worker, publisher = core.client(), core.client()
        worker.host("w", concurrency=10)
        worker.subscribe("t", "w")
        core.hold = True

        for n in range(5):
            publisher.command(Publish(TopicId("t", "k"), b"%d" % n))
        core.hold = False
        core.settle()
        assert [b.envelope for _, b in worker.take(Delivery)] == [b"0", b"1", b"2", b"3", b"4"]

    def test_the_loss_of_a_worker_leaves_the_event_and_goes_on(self, core: Core) -> None:
        worker, publisher = core.client(), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        publisher.publish("t/k", b"first")
        publisher.publish("t/k", b"second")
        assert len(worker.take(Delivery)) == 1
        core.disconnect(worker)
        other = core.client()
        other.host("w")
        assert [b.envelope for _, b in other.take(Delivery)] == [b"second"]
        assert core.tables["events"] == 2
        again = Core(store=core.store)
        later = again.client()
        later.host("w")
        assert [b.envelope for _, b in later.take(Delivery)] == [b"first"], "a restart delivers it again"

    def test_a_nack_leaves_the_event_and_goes_on(self, core: Core) -> None:
        worker = core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        worker.publish("t/k", b"first")
        worker.publish("t/k", b"second")
        ((_, d),) = worker.take(Delivery)
        error = make_error(Reason.HANDLER_FAILED, "no")
        assert done(worker.ask(Nack(d.recipient, d.epoch, d.position, d.round, error)))
        assert [b.envelope for _, b in worker.take(Delivery)] == [b"second"]
        assert core.tables["events"] == 2
        assert "delivery failed" in core.logs

    def test_a_full_queue_refuses_for_everybody(self) -> None:
        core = Core(Policy(max_queue_events=2))
        worker, publisher = core.client(), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        worker.subscribe("t", "other")
        for _ in range(2):
            publisher.publish("t/k")
        publisher.publish("t/k2")
        failed(publisher.publish("t/k"), Reason.RESOURCE_EXHAUSTED, agent="w/k", limit=2)
        assert core.tables["events"] == 6

    def test_a_queue_full_of_bytes(self) -> None:
        core = Core(Policy(max_queue_bytes=10))
        publisher = core.client()
        publisher.subscribe("t", "w")
        publisher.publish("t/k", b"123456")
        failed(publisher.publish("t/k", b"12345"), Reason.RESOURCE_EXHAUSTED, limit=10)

    def test_a_full_store(self) -> None:
        core = Core(Policy(max_stored_events=1))
        publisher = core.client()
        publisher.subscribe("t", "w")
        publisher.publish("t/1")
        failed(publisher.publish("t/2"), Reason.RESOURCE_EXHAUSTED, limit=1)

    def test_too_many_recipients(self) -> None:
        core = Core(Policy(max_recipients=1))
        publisher = core.client()
        publisher.subscribe("t", "a")
        publisher.subscribe("t", "b")
        failed(publisher.publish("t/k"), Reason.RESOURCE_EXHAUSTED, limit=1)

    def test_deliveries_wait_for_credit(self, core: Core) -> None:
        worker, publisher = core.client(credit=2), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        for n in range(4):
            publisher.publish(f"t/{n}", b"x")
        assert len(worker.take(Delivery)) == 2
        worker.frame(credit=3)
        assert len(worker.take(Delivery)) == 1

    def test_ephemeral_events_go_to_hosted_types_only(self, core: Core) -> None:
        worker, publisher = core.client(credit=1), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        worker.subscribe("t", "nobody")
        assert publisher.publish("t/k", b"1", ephemeral=True) == Published(1)
        assert publisher.publish("t/k", b"2", ephemeral=True) == Published(1)
        assert [b.position for _, b in worker.take(Delivery)] == [0]
        assert core.tables["ephemeral_events"] == 1
        worker.frame(credit=100)
        assert [b.envelope for _, b in worker.take(Delivery)] == [b"2"]
        assert core.tables["ephemeral_events"] == core.tables["deliveries"] == 0

    def test_ephemeral_events_of_a_lost_session_are_gone(self, core: Core) -> None:
        worker, publisher = core.client(credit=0), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        publisher.publish("t/k", ephemeral=True)
        core.disconnect(worker)
        assert core.tables["ephemeral_events"] == 0


class TestSubscriptions:
    def test_one_that_is_not_durable_ends_with_the_last_host(self, core: Core) -> None:
        first, second, publisher = core.client(), core.client(), core.client()
        first.host("w")
        second.host("w")
        first.subscribe("t", "w", durable=False)
        core.disconnect(first)
        assert publisher.publish("t/k") == Published(1)
        core.disconnect(second)
        assert publisher.publish("t/k") == Published(0)
        assert core.tables["events"] == core.tables["recipients"] == core.tables["subscriptions"] == 0
        assert core.store.load(core.opened.term).summary.backlogs == ()

    def test_a_durable_one_stays(self, core: Core) -> None:
        worker, publisher = core.client(), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        core.disconnect(worker)
        assert publisher.publish("t/k") == Published(1)
        assert Core(store=core.store).tables["subscriptions"] == 1

    def test_one_of_a_type_that_nobody_ever_hosted_ends_with_its_session(self, core: Core) -> None:
        client = core.client()
        client.subscribe("t", "w", durable=False)
        core.disconnect(client)
        assert core.tables["subscriptions"] == 0

    def test_changing_durability_is_stored(self, core: Core) -> None:
        client = core.client()
        client.subscribe("t", "w", durable=True)
        client.subscribe("t", "w", durable=False)
        assert core.store.load(core.opened.term).summary.subscriptions == ()
        client.subscribe("t", "w", durable=True)
        assert len(core.store.load(core.opened.term).summary.subscriptions) == 1


class TestFailedCommits:
    def test_commands_get_unavailable_and_calls_go_on(self, core: Core) -> None:

        worker, caller = core.client(), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        worker.subscribe("transient", "w", durable=False)
        running = caller.command(request("w/k"))
        ((call, before),) = worker.take(Request)
        waiting = caller.command(request("later/k", wait_for_ready=True))
        core.hold = True
        published = caller.command(Publish(TopicId("t", "k"), b"lost"))
        core.fail_commit()
        core.hold = False
        failed(caller.answer(published), Reason.UNAVAILABLE)
        assert worker.take(Delivery) == []
        reply(worker, call)
        assert isinstance(caller.answer(running), Reply)
        caller.command(request("w/k"))
        ((_, after),) = worker.take(Request)
        assert after.epoch == before.epoch, "the place was kept"
        worker.host("later")
        assert caller.answer(waiting) is None
        assert len(worker.take(Request)) == 1
        assert caller.publish("t/k") == Published(1)
        assert caller.publish("transient/k") == Published(1)

    def test_what_was_in_flight_is_delivered_again_in_a_later_round(self, core: Core) -> None:
        worker, publisher = core.client(), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        publisher.publish("t/k", b"event")
        ((_, first),) = worker.take(Delivery)
        core.fail_commit()
        ((_, second),) = worker.take(Delivery)
        assert (second.position, second.round) == (first.position, first.round + 1)
        failed(worker.ack(first), Reason.NOT_FOUND)
        assert done(worker.ack(second))

    def test_epochs_go_on(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/1"))
        ((_, first),) = worker.take(Request)
        worker.ask(UnregisterAgentType("w"))
        core.fail_commit()
        worker.host("w")
        caller.command(request("w/1"))
        ((_, second),) = worker.take(Request)
        assert second.epoch > first.epoch

    def test_credit_is_remembered(self, core: Core) -> None:
        worker, caller = core.client(credit=2), core.client()
        worker.host("w")
        caller.command(request("w/k", b""))
        core.fail_commit()
        for _ in range(3):
            caller.command(request("w/k", b""))
        assert len(worker.take(Request)) == 2


class TestOutput:
    def test_a_client_that_reads_nothing_is_cut(self) -> None:
        core = Core(Policy(max_output_bytes=10_000))
        worker, deaf, other = core.client(), core.client(), core.client()
        worker.host("w")
        for n in range(20):
            deaf.say(request("w/k"), n + 1)
        for call, _ in worker.take(Request):
            reply(worker, call, b"x" * 1000)
        assert deaf.closed is not None
        assert deaf.closed.code is EndCode.RESOURCE_EXHAUSTED
        assert deaf.connection in core.closed
        other.command(request("w/k"))
        assert len(worker.take(Request)) == 1
        assert core.tables["calls"] == 1

    def test_an_error_of_a_worker_is_bounded_too(self) -> None:
        core = Core(Policy(max_envelope_bytes=100))
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/k"))
        ((call, _),) = worker.take(Request)
        worker.say(Error(15, "x" * 1000, False, True), re=call)
        assert failed(caller.answer(asked), Reason.PAYLOAD_TOO_LARGE).may_have_run

    def test_a_worker_that_does_not_know_requests_gets_none(self, core: Core) -> None:

        worker, caller = core.client(hello=Hello(1, 1, "p", kinds=frozenset({20, 21}))), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        failed(caller.ask(request("w/k")), Reason.UNHANDLED_MESSAGE)
        caller.publish("t/k")
        assert core.tables["deliveries"] == 0
        assert core.tables["placed_calls"] == 0


class TestBacklogs:
    def test_what_waits_for_credit_goes_elsewhere_when_the_type_is_unregistered(self, core: Core) -> None:
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

    def test_a_session_s_call_to_itself_ends_with_it(self, core: Core) -> None:
        worker = core.client()
        worker.host("w")
        worker.command(request("w/k"))
        core.disconnect(worker)
        assert core.tables["calls"] == core.tables["connections"] == 0

    def test_a_delivery_held_for_its_commit_is_not_sent_to_who_left(self, core: Core) -> None:
        worker = core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        core.hold = True
        worker.command(Publish(TopicId("t", "k"), b"x"))
        worker.command(UnregisterAgentType("w"))
        core.hold = False
        core.settle()
        assert worker.take(Delivery) == []
        assert core.tables["deliveries"] == 0

    def test_a_stateless_recipient_s_delivery_is_left_with_its_session(self, core: Core) -> None:
        worker = core.client()
        worker.host("w", AgentMode.STATELESS)
        worker.subscribe("t", "w")
        worker.publish("t/k")
        core.disconnect(worker)
        assert core.tables["deliveries"] == 0
        assert core.tables["events"] == 1
