"""Failed attempts, lost sessions: what comes again, when, where, and as which attempt."""

from __future__ import annotations

import pytest

from broker.core.harness import Client, Core, agent, done, failed
from parley_broker.core.messages import (
    Activate,
    AgentMode,
    Delivery,
    Error,
    Goodbye,
    Nack,
    UnregisterAgentType,
    make_error,
)
from parley_broker.core.policy import Policy
from parley_broker.errors import Reason

RAISED = make_error(Reason.HANDLER_FAILED, "it raised")


def nack(client: Client, d: Delivery, error: Error = RAISED, delay: float | None = None) -> object:
    return client.ask(Nack(d.recipient, d.epoch, d.position, d.round, error, delay))


def deliveries(client: Client) -> list[Delivery]:
    return [delivery for _, delivery in client.take(Delivery)]


def wait(core: Core, client: Client, seconds: float) -> None:
    """Time passes, and the client's heartbeats with it."""
    for _ in range(int(seconds)):
        client.frame()
        core.advance(1.0)
    core.advance(seconds % 1)


def worker_of(core: Core, **fields: object) -> Client:
    worker = core.client()
    worker.host("w", **fields)  # type: ignore[arg-type]
    worker.subscribe("t", "w")
    return worker


class TestNack:
    def test_the_event_comes_again_with_growing_pauses_and_later_ones_wait(self, core: Core) -> None:
        worker = worker_of(core)
        for name in (b"first", b"second"):
            worker.publish("t/k", name)
        (d,) = deliveries(worker)
        for attempt, pause in ((2, 0.5), (3, 2.0), (4, 8.0), (5, 32.0)):
            assert done(nack(worker, d))
            wait(core, worker, pause - 0.02)
            assert deliveries(worker) == []
            core.advance(0.03)
            (again,) = deliveries(worker)
            assert (again.envelope, again.attempt, again.position) == (b"first", attempt, d.position)
            assert again.round > d.round
            d = again
        worker.ack(d)
        (second,) = deliveries(worker)
        assert (second.envelope, second.attempt) == (b"second", 1)
        worker.ack(second)
        assert core.tables["events"] == core.tables["recipients"] == 0

    def test_the_next_attempt_comes_after_the_answer(self, core: Core) -> None:
        """Before it the worker has the result in hand, and would settle the next attempt with it."""
        worker = worker_of(core)
        worker.publish("t/k")
        (d,) = deliveries(worker)
        core.hold = True
        asked = worker.command(Nack(d.recipient, d.epoch, d.position, d.round, RAISED, 0.0))
        core.advance(1.0)
        assert deliveries(worker) == []
        assert worker.answer(asked) is None
        core.hold = False
        core.commit()
        assert done(worker.answer(asked))
        assert [again.attempt for again in deliveries(worker)] == [2]

    def test_the_delay_of_the_nack_rules(self, core: Core) -> None:
        worker = worker_of(core)
        worker.publish("t/k")
        (d,) = deliveries(worker)
        nack(worker, d, delay=0.0)
        (d,) = deliveries(worker)
        assert d.attempt == 2
        nack(worker, d, delay=100.0)
        wait(core, worker, 99.0)
        assert deliveries(worker) == []
        core.advance(1.1)
        assert [d.attempt for d in deliveries(worker)] == [3]

    def test_the_pause_stays_where_it_is_after_the_fourth(self) -> None:
        core = Core(Policy(max_attempts=1000))
        worker = worker_of(core)
        worker.publish("t/k")
        for attempt in range(1, 8):
            (d,) = deliveries(worker)
            assert d.attempt == attempt
            nack(worker, d)
            wait(core, worker, 33)

    def test_other_recipients_are_not_held_up(self, core: Core) -> None:
        worker = worker_of(core)
        worker.publish("t/bad")
        (d,) = deliveries(worker)
        nack(worker, d)
        worker.publish("t/good")
        assert [str(d.recipient) for d in deliveries(worker)] == ["w/good"]

    def test_the_answer_waits_for_the_count_to_be_durable(self, core: Core) -> None:
        worker = worker_of(core)
        worker.publish("t/k")
        (d,) = deliveries(worker)
        core.hold = True
        asked = worker.command(Nack(d.recipient, d.epoch, d.position, d.round, RAISED))
        assert worker.answer(asked) is None
        core.commit()
        assert done(worker.answer(asked))

    def test_the_count_outlives_a_restart(self, core: Core) -> None:
        worker = worker_of(core)
        worker.publish("t/k")
        (d,) = deliveries(worker)
        nack(worker, d)
        later = worker_of(Core(store=core.store))
        assert [d.attempt for d in deliveries(later)] == [2]

    def test_a_settlement_of_an_older_round_is_refused(self, core: Core) -> None:
        worker = worker_of(core)
        worker.publish("t/k")
        (d,) = deliveries(worker)
        nack(worker, d, delay=0.0)
        (again,) = deliveries(worker)
        failed(worker.ack(d), Reason.NOT_FOUND)
        failed(nack(worker, d), Reason.NOT_FOUND)  # type: ignore[arg-type]
        assert done(worker.ack(again))

    def test_with_concurrency_the_round_begins_at_the_position(self, core: Core) -> None:
        worker = worker_of(core, concurrency=3)
        for n in range(1, 5):
            worker.publish("t/k", b"%d" % n)
        one, two, three = deliveries(worker)
        nack(worker, two)
        failed(worker.ack(three), Reason.NOT_FOUND)
        assert done(worker.ack(one)), "a position below stays as it is"
        assert deliveries(worker) == [], "later ones wait for the pause"
        core.advance(0.6)
        again = deliveries(worker)
        assert [(d.envelope, d.attempt) for d in again] == [(b"2", 2), (b"3", 1), (b"4", 1)]
        assert {d.round for d in again} == {again[0].round}
        assert again[0].round > two.round

    def test_a_stateless_recipient_goes_on_with_its_other_events(self, core: Core) -> None:
        worker = worker_of(core, mode=AgentMode.STATELESS)
        worker.publish("t/k", b"1")
        worker.publish("t/k", b"2")
        one, two = deliveries(worker)
        nack(worker, one)
        assert done(worker.ack(two)), "it has no order, so no round but the event's own"
        worker.publish("t/k", b"3")
        (three,) = deliveries(worker)
        assert three.envelope == b"3"
        core.advance(0.6)
        (again,) = deliveries(worker)
        assert (again.envelope, again.attempt) == (b"1", 2)
        failed(worker.ack(one), Reason.NOT_FOUND)
        assert done(worker.ack(again))
        assert done(worker.ack(three))
        assert core.tables["events"] == 0

    def test_a_stateless_backlog_is_read_on_while_events_pause(self) -> None:
        core = Core(Policy(window_events=2))
        worker = core.client()
        worker.subscribe("t", "w")
        for n in range(6):
            worker.publish("t/k", b"%d" % n)
        worker.host("w", AgentMode.STATELESS, concurrency=1)
        seen = []
        for _ in range(6):
            (d,) = deliveries(worker)
            seen.append(int(d.envelope))
            if seen == [0]:
                nack(worker, d)
            else:
                worker.ack(d)
        assert seen == [0, 1, 2, 3, 4, 5]
        core.advance(1)
        assert [d.envelope for d in deliveries(worker)] == [b"0"]

    def test_a_failed_activation_is_a_failed_attempt(self, core: Core) -> None:
        worker = worker_of(core)
        worker.publish("t/k", b"1")
        worker.publish("t/k", b"2")
        why = make_error(Reason.ACTIVATION_FAILED, "the factory raised")
        for attempt in range(1, 6):
            ((activate, _),) = worker.take(Activate)
            (d,) = deliveries(worker)
            assert (d.envelope, d.attempt) == (b"1", attempt)
            worker.say(why, re=activate)
            assert isinstance(nack(worker, d, why), Error), "it was counted already"
            if attempt < 5:
                assert deliveries(worker) == []
                wait(core, worker, 40)
        assert core.tables["dead_letters"] == 1
        (d,) = deliveries(worker)
        assert (d.envelope, d.attempt) == (b"2", 1)

    def test_a_nack_before_the_failed_activation_counts_once(self, core: Core) -> None:
        worker = worker_of(core)
        worker.publish("t/k")
        ((activate, _),) = worker.take(Activate)
        (d,) = deliveries(worker)
        why = make_error(Reason.ACTIVATION_FAILED, "the factory raised")
        nack(worker, d, why)
        worker.say(why, re=activate)
        core.advance(1)
        assert [d.attempt for d in deliveries(worker)] == [2]


class TestPlacesThatEnd:
    def test_a_lost_session_gives_its_events_back_in_order_with_the_same_attempt(self, core: Core) -> None:
        worker, publisher = worker_of(core, concurrency=2), core.client()
        for n in range(1, 4):
            publisher.publish("t/k", b"%d" % n)
        assert len(deliveries(worker)) == 2
        core.disconnect(worker)
        other = worker_of(core)
        got = []
        while flying := deliveries(other):
            for d in flying:
                got.append((d.envelope, d.attempt))
                other.ack(d)
        assert got == [(b"1", 1), (b"2", 1), (b"3", 1)]
        assert core.tables["events"] == 0

    def test_another_session_takes_over_at_once(self, core: Core) -> None:
        worker = worker_of(core)
        worker.publish("t/k")
        (d,) = deliveries(worker)
        other = worker_of(core)
        core.disconnect(worker)
        (again,) = deliveries(other)
        assert (again.position, again.attempt) == (d.position, 1)
        assert again.round > d.round
        assert again.epoch > d.epoch

    def test_unregistering_gives_events_back(self, core: Core) -> None:
        worker, other = worker_of(core), core.client()
        worker.publish("t/k")
        assert len(deliveries(worker)) == 1
        worker.ask(UnregisterAgentType("w"))
        other.host("w")
        assert [d.attempt for d in deliveries(other)] == [1]
        assert "session lost with event" not in core.logs

    def test_credit_for_what_was_not_sent_lets_another_one_go(self, core: Core) -> None:
        worker, publisher = core.client(credit=1), core.client()
        worker.host("w")
        worker.host("v")
        worker.subscribe("t", "w")
        worker.subscribe("u", "v")
        core.hold = True
        publisher.command_publish("t/k")
        worker.command(UnregisterAgentType("w"))
        publisher.command_publish("u/k")
        core.hold = False
        core.settle()
        assert [d.recipient.type for d in deliveries(worker)] == ["v"]

    def test_a_failed_commit_delivers_again_in_a_new_round(self, core: Core) -> None:
        worker = worker_of(core)
        worker.publish("t/k", b"1")
        (d,) = deliveries(worker)
        core.hold = True
        asked = worker.command(Nack(d.recipient, d.epoch, d.position, d.round, RAISED))
        core.fail_commit()
        failed(worker.answer(asked), Reason.UNAVAILABLE)
        core.hold = False
        core.settle()
        (again,) = deliveries(worker)
        assert (again.position, again.attempt, again.epoch) == (d.position, 1, d.epoch)
        assert again.round > d.round
        assert done(worker.ack(again))


class TestLostSessions:
    @pytest.fixture
    def core(self) -> Core:
        return Core(Policy(max_lost_sessions=4))

    def test_an_event_that_ends_its_workers_becomes_a_dead_letter(self, core: Core) -> None:
        publisher = worker_of(core, pinned_keys=("elsewhere",))
        publisher.publish("t/k")
        for _ in range(4):
            worker = worker_of(core)
            (d,) = deliveries(worker)
            assert d.attempt == 1
            core.disconnect(worker)
        assert deliveries(worker_of(core)) == []
        assert (core.tables["events"], core.tables["dead_letters"]) == (0, 1)

    def test_one_that_goes_elsewhere_leaves_its_turn_to_the_next(self, core: Core) -> None:
        publisher = core.client()
        publisher.subscribe("t", "s")
        for number in range(2):
            worker = core.client()
            worker.host("s", AgentMode.STATELESS)
            if not number:
                for key in "1234":
                    publisher.publish(f"t/{key}")
            assert len(worker.take(Delivery)) == 4
            core.disconnect(worker)
        first, second = core.client(), core.client()
        for worker in (first, second):
            worker.host("s", AgentMode.STATELESS)
        for _ in range(4):
            for worker in (first, second):
                for _, delivery in worker.take(Delivery):
                    worker.ack(delivery)
        assert core.tables["events"] == 0

    def test_the_count_outlives_a_restart(self, core: Core) -> None:
        for _ in range(4):
            worker = worker_of(core)
            if not core.tables["events"]:
                worker.publish("t/k")
            core.disconnect(worker)
            core = Core(Policy(max_lost_sessions=4), store=core.store)
        assert (core.tables["events"], core.tables["dead_letters"]) == (0, 1)

    def test_suspects_are_delivered_one_at_a_time_and_the_others_beside_them(self, core: Core) -> None:
        worker = worker_of(core)
        for key in ("a", "b", "c"):
            worker.publish(f"t/{key}")
        for _ in range(2):
            assert len(deliveries(worker)) == 3
            core.disconnect(worker)
            worker = worker_of(core)
        worker.publish("t/healthy")
        first, healthy = deliveries(worker)
        assert {str(first.recipient), str(healthy.recipient)} == {"w/a", "w/healthy"}
        worker.ack(first)
        (second,) = deliveries(worker)
        nack(worker, second)
        (third,) = deliveries(worker)
        worker.ack(third)
        core.advance(1)
        (second,) = deliveries(worker)
        worker.ack(second)
        worker.ack(healthy)
        assert core.tables["events"] == core.tables["recipients"] == 0

    def test_another_session_may_have_its_own_suspect(self, core: Core) -> None:
        worker = worker_of(core)
        for key in ("a", "b"):
            worker.publish(f"t/{key}")
        for _ in range(2):
            core.disconnect(worker)
            worker = worker_of(core)
        other = core.client()
        other.host("w", pinned_keys=("b",))
        assert [str(d.recipient) for d in deliveries(worker)] == ["w/a"]
        assert [str(d.recipient) for d in deliveries(other)] == ["w/b"]

    def test_only_the_event_that_kills_dies(self, core: Core) -> None:
        publisher = core.client()
        worker = worker_of(core)
        keys = ["k1", "k2", "poison", "k3"]
        for key in keys:
            publisher.publish(f"t/{key}")
        handled: list[str] = []
        for _ in range(40):
            flying = deliveries(worker)
            if not flying:
                break
            poison = [d for d in flying if d.recipient.key == "poison"]
            if poison:
                core.disconnect(worker)
                worker = worker_of(core)
                continue
            for d in flying:
                handled.append(d.recipient.key)
                worker.ack(d)
        assert sorted(handled) == ["k1", "k2", "k3"]
        assert (core.tables["events"], core.tables["dead_letters"]) == (0, 1)

    def test_waiting_suspects_go_elsewhere_when_their_session_is_lost(self, core: Core) -> None:
        worker = worker_of(core)
        for key in ("a", "b"):
            worker.publish(f"t/{key}")
        for _ in range(2):
            core.disconnect(worker)
            worker = worker_of(core)
        assert len(deliveries(worker)) == 1
        other = worker_of(core)
        core.disconnect(worker)
        (d,) = deliveries(other)
        other.ack(d)
        (e,) = deliveries(other)
        assert {d.recipient, e.recipient} == {agent("w/a"), agent("w/b")}

    def test_goodbye_ends_a_session_like_a_loss(self, core: Core) -> None:
        worker = worker_of(core)
        worker.publish("t/k")
        worker.say(Goodbye("bye"))
        assert "session lost with event" in core.logs
