"""A broker that is about to go: nothing new, what is under way ends, everybody is told (DRN-1)."""

from __future__ import annotations

from broker.core.harness import Client, Core, agent, failed, reply, request
from parley_broker.core.ids import TopicId
from parley_broker.core.messages import (
    Delivery,
    Drain,
    Error,
    Goodbye,
    Heartbeat,
    Message,
    Publish,
    Published,
    Reply,
    Request,
)
from parley_broker.errors import EndCode, Reason

from .harness import HELLO


def confirm(*clients: Client) -> None:
    """The clients say that they know of the drain."""
    for client in clients:
        for number, _ in client.take(Heartbeat):
            client.say(Heartbeat(), re=number)


class TestRefusals:
    def test_new_sessions(self, core: Core) -> None:
        core.client()
        core.drain(10)
        late = core.connect()
        late.frame(Message(HELLO, 5))
        assert failed(late.answer(5), Reason.DRAINING).retryable
        assert late.closed is not None
        assert late.closed.code is EndCode.UNAVAILABLE

    def test_resumes_are_not_new(self, core: Core) -> None:
        client, other = core.client(), core.client()
        core.cut(client)
        core.drain(10)
        welcome = core.resume(client)
        assert welcome is not None
        assert welcome.resumed
        assert len(client.take(Drain)) == 1
        assert other.take(Drain)[0][1].timeout_ms == 10_000

    def test_root_requests_and_not_nested_ones(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        ((_, asked),) = worker.take(Request)
        core.drain(10)
        assert not failed(caller.ask(request("w/k")), Reason.DRAINING).may_have_run
        sender = {"sender": agent("w/k"), "sender_epoch": asked.epoch, "call_chain": (agent("w/k"),)}
        worker.command(request("w/other", b"nested", **sender))
        assert [r.envelope for _, r in worker.take(Request)] == [b"nested"]
        failed(worker.ask(request("nobody/k", **sender)), Reason.DRAINING)

    def test_calls_that_wait_for_a_host(self, core: Core) -> None:
        caller = core.client()
        asked = caller.command(request("w/k", wait_for_ready=True))
        core.drain(10)
        assert not failed(caller.answer(asked), Reason.DRAINING).may_have_run

    def test_events_are_stored_and_not_delivered(self, core: Core) -> None:
        worker = core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        worker.publish("t/k", b"first")
        ((_, first),) = worker.take(Delivery)
        core.drain(10)
        assert worker.publish("t/k", b"second") == Published(1)
        worker.ack(first)
        assert worker.take(Delivery) == []
        assert core.tables["events"] == 1
        failed(worker.publish("t/k", ephemeral=True), Reason.DRAINING)

    def test_a_shard_that_begins_anew_drains_too(self, core: Core) -> None:
        worker = core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        core.drain(10)
        core.hold = True
        worker.command(Publish(TopicId("t", "k"), b"lost"))
        core.fail_commit()
        core.hold = False
        assert worker.publish("t/k") == Published(1)
        assert worker.take(Delivery) == []


class TestEnd:
    def test_at_once_with_nobody_connected(self, core: Core) -> None:
        assert core.drained == ""
        core.cut(core.client())
        core.drain(10)
        assert core.drained == "nobody is connected"

    def test_when_nothing_is_under_way(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        asked = caller.command(request("w/k"))
        ((call, _),) = worker.take(Request)
        core.drain(10)
        confirm(worker, caller)
        assert core.drained == ""
        core.advance(3)
        assert core.logs.count("drain waits") == 3
        reply(worker, call)
        assert isinstance(caller.answer(asked), Reply)
        assert core.drained == "nothing is under way"
        assert core.machine.next_due() is None or core.machine.next_due() > core.now

    def test_not_before_the_clients_know(self, core: Core) -> None:
        first, second = core.client(), core.client()
        core.drain(10)
        confirm(first)
        assert core.drained == ""
        confirm(second)
        assert core.drained == "nothing is under way"

    def test_a_client_that_does_not_say_so_is_not_waited_for(self, core: Core) -> None:
        core.client()
        core.drain(10)
        core.advance(0.9)
        assert core.drained == ""
        core.advance(0.2)
        assert core.drained == "nothing is under way"

    def test_deliveries_and_commits_are_waited_for(self, core: Core) -> None:
        worker = core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        worker.publish("t/k")
        ((_, delivery),) = worker.take(Delivery)
        core.drain(10)
        core.advance(2)
        assert core.drained == ""
        core.hold = True
        worker.command(Publish(TopicId("t", "k"), b"stored"))
        worker.ack_later(delivery)
        assert core.drained == ""
        core.commit()
        assert core.drained == "nothing is under way"

    def test_when_its_time_is_up(self, core: Core) -> None:
        worker, caller = core.client(), core.client()
        worker.host("w")
        caller.command(request("w/k"))
        core.drain(10)
        core.advance(9.9)
        assert core.drained == ""
        core.drain(100)
        core.advance(0.2)
        assert core.drained == "its time is up"

    def test_goodbye(self, core: Core) -> None:
        client = core.client()
        core.machine.say_goodbye("over")
        assert [body for _, body in client.take(Goodbye)] == [Goodbye("over")]
        assert not client.take(Error)
