"""Events: stored, delivered in order, settled."""

from __future__ import annotations

from broker.core.harness import Core, agent, done, failed, request
from parley_broker.core.ids import TopicId
from parley_broker.core.messages import (
    AgentMode,
    Delivery,
    Nack,
    Publish,
    Published,
    Request,
    make_error,
)
from parley_broker.core.policy import Policy
from parley_broker.errors import Reason


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

    def test_a_store_full_of_bytes(self) -> None:
        core = Core(Policy(max_stored_bytes=10))
        publisher = core.client()
        publisher.subscribe("t", "w")
        publisher.publish("t/1", b"123456")
        failed(publisher.publish("t/2", b"12345"), Reason.RESOURCE_EXHAUSTED, limit=10)

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
