"""The whole core over a store whose commits fail."""

from __future__ import annotations

from broker.core.harness import Core, done, failed, reply, request
from parley_broker.core.ids import TopicId
from parley_broker.core.messages import (
    Deactivate,
    Delivery,
    Drain,
    Publish,
    Published,
    Reply,
    Request,
    UnregisterAgentType,
)
from parley_broker.errors import Reason


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

    def test_a_drain_that_has_nothing_to_wait_for_any_more_is_answered(self, core: Core) -> None:
        worker, other, publisher = core.client(), core.client(), core.client()
        worker.host("w")
        publisher.subscribe("t", "w")
        publisher.publish("t/k")
        assert len(worker.take(Delivery)) == 1
        drain = worker.command(Drain())
        other.host("w")
        assert worker.answer(drain) is None
        core.fail_commit()
        assert len(other.take(Delivery)) == 1, "it is with a session that stays"
        assert done(worker.answer(drain))
        assert core.tables["commands"] == 0

    def test_a_drain_goes_on_waiting_for_a_call(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        ((call, _),) = worker.take(Request)
        drain = worker.command(Drain())
        core.fail_commit()
        assert worker.answer(drain) is None
        reply(worker, call)
        assert done(worker.answer(drain))

    def test_a_transient_subscription_still_ends_with_the_session_that_made_it(self, core: Core) -> None:
        subscriber = core.client()
        subscriber.subscribe("t", "w", durable=False)
        core.fail_commit()
        assert (core.tables["subscriptions"], core.tables["subscribers"]) == (1, 1)
        core.disconnect(subscriber)
        assert (core.tables["subscriptions"], core.tables["subscribers"]) == (0, 0)

    def test_an_agent_that_was_idle_is_asked_back_all_the_same(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w", keeps_state=True, idle_timeout_ms=2000)
        for key in "ab":
            caller.command(request(f"w/{key}"))
        calls = {body.target.key: call for call, body in worker.take(Request)}
        reply(worker, calls["a"])
        core.fail_commit()
        core.advance(3)
        assert [body.agent.key for _, body in worker.take(Deactivate)] == ["a"], "b has a call in hand"
        reply(worker, calls["b"])
        core.advance(3)
        assert [body.agent.key for _, body in worker.take(Deactivate)] == ["b"]
