"""Events: stored, delivered in order, settled."""

from __future__ import annotations

from broker.core.harness import Core, done, failed
from parley_broker.core.ids import TopicId
from parley_broker.core.messages import (
    AgentMode,
    Delivery,
    Publish,
)
from parley_broker.core.policy import Policy
from parley_broker.errors import Reason


class TestEvents:
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

    def test_concurrency(self, core: Core) -> None:
        worker, publisher = core.client(), core.client()
        worker.host("w", concurrency=3)
        worker.subscribe("t", "w")
        for _ in range(5):
            publisher.publish("t/k")
        flying = worker.take(Delivery)
        assert len(flying) == 3
        core.advance(1)
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
            for _, delivery in flying:
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

    def test_deliveries_wait_for_credit(self, core: Core) -> None:
        worker, publisher = core.client(credit=2), core.client()
        worker.host("w")
        worker.subscribe("t", "w")
        for n in range(4):
            publisher.publish(f"t/{n}", b"x")
        assert len(worker.take(Delivery)) == 2
        worker.frame(credit=3)
        assert len(worker.take(Delivery)) == 1

    def test_a_full_table_of_places_is_tried_again_when_one_ends(self) -> None:
        core = Core(Policy(max_agents=1))
        worker, other, publisher = core.client(), core.client(), core.client()
        for client in (worker, other):
            client.host("w")
        worker.subscribe("t", "w")
        publisher.publish("t/1")
        publisher.publish("t/2")
        ((_, first),) = worker.take(Delivery)
        assert other.take(Delivery) == []
        worker.ack(first)
        core.disconnect(worker)
        assert [d.recipient.key for _, d in other.take(Delivery)] == ["2"]
