"""Events: stored, delivered in order, settled."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from broker.core.harness import Core, done, failed
from parley_broker.core.ids import TopicId
from parley_broker.core.messages import (
    AgentMode,
    Delivery,
    Nack,
    Publish,
    make_error,
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

    def test_what_waits_for_a_commit_is_not_overtaken(self, core: Core) -> None:
        worker, publisher = core.client(), core.client()
        worker.host("w", concurrency=2)
        worker.subscribe("t", "w")
        publisher.publish("t/k", b"0")
        publisher.publish("t/k", b"1")
        (_, first), (_, second) = worker.take(Delivery)
        core.hold = True
        for n in range(2, 5):
            publisher.command_publish("t/k", b"%d" % n)
        core.begin_commit()
        worker.ack_later(first)
        core.end_commit()
        worker.ack_later(second)
        core.hold = False
        core.settle()
        assert [d.envelope for _, d in worker.take(Delivery)] == [b"2", b"3", b"4"]

    def test_what_failed_is_not_overtaken_by_what_came_after_it(self, core: Core) -> None:
        worker, publisher = core.client(), core.client()
        worker.host("w", concurrency=3)
        worker.subscribe("t", "w")
        for n in range(3):
            publisher.publish("t/k", b"%d" % n)
        first = worker.take(Delivery)[0][1]
        core.hold = True
        error = make_error(Reason.HANDLER_FAILED, "no")
        worker.command(Nack(first.recipient, first.epoch, first.position, first.round, error, 0))
        core.hold = False
        core.settle()
        assert [d.envelope for _, d in worker.take(Delivery)] == [b"0", b"1", b"2"]

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


STEPS = ("publish", "publish", "ack", "ack", "nack", "begin", "end")


@settings(max_examples=300)
@given(st.integers(1, 3), st.lists(st.sampled_from(STEPS), min_size=8, max_size=30))
def test_one_recipient_gets_its_events_in_order_whatever_commits_do(concurrency: int, steps: list[str]) -> None:
    core = Core()
    worker, publisher = core.client(), core.client()
    worker.host("w", concurrency=concurrency)
    worker.subscribe("t", "w")
    in_hand: list[Delivery] = []
    last = (0, 0)
    dropped = 0

    def listen() -> None:
        nonlocal last
        for _, delivery in worker.take(Delivery):
            assert (delivery.round, delivery.position) > last
            last = (delivery.round, delivery.position)
            if delivery.round > dropped:
                in_hand.append(delivery)

    def carry_out(step: str) -> None:
        nonlocal dropped
        if step == "publish":
            publisher.command_publish("t/k")
        elif step == "ack" and in_hand:
            worker.ack_later(in_hand.pop(0))
        elif step == "nack" and in_hand:
            d = in_hand[0]
            in_hand.clear()
            dropped = d.round  # as a worker does (DLV-4)
            error = make_error(Reason.HANDLER_FAILED, "no")
            worker.command(Nack(d.recipient, d.epoch, d.position, d.round, error, 0))
        elif step == "begin":
            core.begin_commit()
        elif step == "end":
            core.end_commit()
        listen()

    for _ in range(3):
        carry_out("publish")
    core.hold = True
    for step in steps:
        carry_out(step)
    core.hold = False
    core.settle()
    for _ in range(3 + len(steps)):
        listen()
        carry_out("ack")
    assert core.tables["events"] == 0
