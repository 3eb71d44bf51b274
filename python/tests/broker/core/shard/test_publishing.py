"""Events on their way in: checked, stored for all or for none."""

from __future__ import annotations

from broker.core.harness import Core, agent, failed, request
from parley_broker.core.ids import TopicId
from parley_broker.core.messages import DeadLetterFilter, Delivery, Publish, Published, Request
from parley_broker.core.policy import Policy
from parley_broker.errors import Reason


class TestPublishing:
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
        publisher.host("w")
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

    def test_a_full_queue_that_nobody_hosts_makes_dead_letters(self) -> None:
        core = Core(Policy(max_queue_events=1))
        publisher = core.client()
        publisher.subscribe("t", "away")
        publisher.subscribe("t", "here")
        publisher.host("here")
        publisher.publish("t/k", b"1")
        publisher.ack(publisher.take(Delivery)[0][1])
        assert publisher.publish("t/k", b"2") == Published(2)
        assert [d.envelope for _, d in publisher.take(Delivery)] == [b"2"]
        found, _ = core.machine.dead_letters(DeadLetterFilter(), 0, 10, 1 << 30)
        (letter,) = core.store.read_dead_letters(list(found))
        assert (letter.recipient, letter.event.envelope, letter.attempts) == (agent("away/k"), b"2", 0)
        assert letter.error.reason == Reason.RESOURCE_EXHAUSTED
        assert core.tables["events"] == 2
