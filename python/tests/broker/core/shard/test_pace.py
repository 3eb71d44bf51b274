"""How many events are in flight to an agent: at once, and ahead."""

from __future__ import annotations

import pytest

from broker.core.harness import Client, Core, agent, done, failed, request
from parley_broker.core.messages import (
    Ack,
    AgentMode,
    Commit,
    Deactivate,
    Delivery,
    Drain,
    Nack,
    Request,
    State,
    make_error,
)
from parley_broker.core.orders import Registration
from parley_broker.core.policy import Policy
from parley_broker.core.shard import pace
from parley_broker.core.shard.hosts import Host
from parley_broker.core.shard.places import Place
from parley_broker.errors import Reason

RAISED = make_error(Reason.HANDLER_FAILED, "it raised")
MANY = 300


def deliveries(client: Client) -> list[Delivery]:
    return [delivery for _, delivery in client.take(Delivery)]


def envelopes(flying: list[Delivery]) -> list[int]:
    return [int(d.envelope) for d in flying]


def worker_of(core: Core, credit: int = 1 << 40, **fields: object) -> Client:
    worker = core.client(credit)
    worker.host("w", **fields)  # type: ignore[arg-type]
    worker.subscribe("t", "w")
    return worker


def backlog(core: Core, count: int = MANY, key: str = "k", size: int = 4) -> Client:
    """So many events wait for w/key: 0000, 0001, ..."""
    publisher = core.client()
    for n in range(count):
        publisher.publish(f"t/{key}", b"%0*d" % (size, n))
    return publisher


def run(core: Core, worker: Client, count: int, took: float = 0.0) -> list[Delivery]:
    """The worker handles so many events in order, each in so many seconds: what is in flight then."""
    flying = deliveries(worker)
    for _ in range(count):
        core.advance(took)
        assert done(worker.ack(flying.pop(0)))
        flying += deliveries(worker)
    return flying


class TestQuick:
    def test_each_event_settled_quickly_lets_one_more_go_ahead(self) -> None:
        core = Core()
        worker = worker_of(core)
        backlog(core)
        flying = deliveries(worker)
        batches = []
        for acked in range(1, 12):
            worker.ack(flying.pop(0))
            came = deliveries(worker)
            flying += came
            assert envelopes(flying) == list(range(acked, acked + len(flying)))
            assert not came or len(flying) == acked + 1, "filled up"
            assert 2 * len(flying) > acked, "more is there while it handles what is left"
            batches.append(len(came))
        assert max(batches) == 6, "so many in one frame"

    def test_new_events_come_at_once_while_few_are_in_flight(self) -> None:
        core = Core()
        worker = worker_of(core)
        publisher = backlog(core, 9)
        assert run(core, worker, 9) == []
        for n in range(5):
            publisher.publish("t/k")
            assert len(deliveries(worker)) == 1, n

    def test_there_is_a_limit(self) -> None:
        core = Core()
        worker = worker_of(core, concurrency=2)
        backlog(core)
        full = 2 + pace.MAX_AHEAD
        flying = run(core, worker, full)
        most = 0
        for _ in range(full):
            worker.ack(flying.pop(0))
            flying += deliveries(worker)
            most = max(most, len(flying))
        assert most == full

    def test_all_of_it_comes_once_and_in_order(self) -> None:
        core = Core(Policy(window_events=5))
        worker = worker_of(core)
        backlog(core)
        got, flying = [], deliveries(worker)
        while flying:
            got.append(int(flying[0].envelope))
            worker.ack(flying.pop(0))
            flying += deliveries(worker)
        assert got == list(range(MANY))
        assert core.tables["events"] == core.tables["recipients"] == core.tables["deliveries"] == 0

    def test_it_outlives_an_empty_queue(self) -> None:
        core = Core()
        worker = worker_of(core)
        publisher = backlog(core, 5)
        assert run(core, worker, 5) == []
        for n in range(10):
            publisher.publish("t/k", b"%d" % n)
        assert len(deliveries(worker)) == 4, "full would be 6: it is filled up when half is gone"


class TestSlow:
    def test_a_slow_agent_gets_nothing_ahead(self) -> None:
        core = Core()
        worker = worker_of(core)
        backlog(core)
        assert len(run(core, worker, 10, took=pace.QUICK + 0.01)) == 1

    def test_what_waits_ahead_counts(self) -> None:
        """It waits for those before it: so no more is ahead than an agent handles in a moment."""
        core = Core()
        worker = worker_of(core)
        backlog(core)
        assert 1 < len(run(core, worker, 100, took=pace.QUICK / 8)) <= 10

    def test_one_that_becomes_slow_gets_half_as_many_each_time(self) -> None:
        core = Core()
        worker = worker_of(core)
        backlog(core)
        flying = run(core, worker, 16)
        core.advance(1)
        while len(flying) > 1:
            worker.ack(flying.pop(0))
            assert deliveries(worker) == []
        worker.ack(flying.pop(0))
        assert len(deliveries(worker)) == 1


class TestWhoGetsNothingAhead:
    def test_effectively_once_agents(self) -> None:
        core = Core()
        worker = worker_of(core, mode=AgentMode.EFFECTIVELY_ONCE, keeps_state=True)
        backlog(core)
        for version in range(10):
            (d,) = deliveries(worker)
            commit = Commit(d.recipient, d.epoch, version, State(b"s", "x"))
            assert done(worker.ask(Ack(d.recipient, d.epoch, d.position, d.round, commit=commit)))
        assert len(deliveries(worker)) == 1

    def test_after_a_failure(self) -> None:
        core = Core()
        worker = worker_of(core)
        backlog(core)
        flying = run(core, worker, 10)
        first, *later = flying
        assert done(worker.ask(Nack(first.recipient, first.epoch, first.position, first.round, RAISED)))
        for d in later:
            failed(worker.ack(d), Reason.NOT_FOUND)
        assert deliveries(worker) == [], "the later ones wait for its pause"
        core.advance(0.6)
        (again,) = deliveries(worker)
        assert (again.envelope, again.attempt) == (first.envelope, 2)
        assert again.round > first.round
        worker.ack(again)
        assert envelopes(deliveries(worker)) == envelopes(later[:2])

    def test_one_in_the_middle_fails(self) -> None:
        core = Core()
        worker = worker_of(core)
        backlog(core)
        flying = run(core, worker, 5)
        before, bad, *later = flying
        assert done(worker.ask(Nack(bad.recipient, bad.epoch, bad.position, bad.round, RAISED, 0.0)))
        assert deliveries(worker) == [], "it comes again when what is before it is settled"
        assert done(worker.ack(before)), "what is before it stays in flight in its round"
        got, flying = [], deliveries(worker)
        while len(got) < 5:
            got.append((int(flying[0].envelope), flying[0].attempt))
            worker.ack(flying.pop(0))
            flying += deliveries(worker)
        assert got == [(6, 2), (7, 1), (8, 1), (9, 1), (10, 1)]
        assert envelopes(later)[:3] == [7, 8, 9]

    def test_a_poisonous_event_becomes_a_dead_letter_and_the_others_come(self) -> None:
        core = Core(Policy(redelivery_backoff=0.0))
        worker = worker_of(core)
        backlog(core, 50)
        got, flying = [], deliveries(worker)
        while flying:
            d = flying.pop(0)
            if d.envelope == b"0020":
                flying = []
                worker.ask(Nack(d.recipient, d.epoch, d.position, d.round, RAISED))
                core.advance(0.02)
            else:
                got.append(int(d.envelope))
                assert done(worker.ack(d))
            flying += deliveries(worker)
        assert got == [n for n in range(50) if n != 20]
        assert core.tables["dead_letters"] == 1


class TestCredit:
    def test_half_of_it_is_for_what_can_start(self) -> None:
        """A slow agent's events must not hold all of it: another's could not start."""
        core = Core()
        worker = worker_of(core, credit=20)
        other = core.client()
        other.subscribe("t", "w")
        backlog(core, size=4)
        credit = 20
        flying = deliveries(worker)
        for _ in range(40):
            credit += 1
            worker.frame_credit(credit, 1 << 40)
            worker.ack(flying.pop(0))
            flying += deliveries(worker)
        assert len(flying) == 10
        other.publish("t/other", b"0")
        assert [d.recipient.key for d in deliveries(worker)] == ["other"]
        call = other.command(request("w/other"))
        assert len(worker.take(Request)) == 1
        assert other.answer(call) is None

    def test_so_it_is_with_bytes(self) -> None:
        core = Core()
        worker = core.client(0)
        worker.frame_credit(1000, 1000)
        worker.host("w")
        worker.subscribe("t", "w")
        backlog(core, 50, size=100)
        credit = 1000
        flying = deliveries(worker)
        for _ in range(20):
            credit += 100
            worker.frame_credit(1000, credit)
            worker.ack(flying.pop(0))
            flying += deliveries(worker)
        assert len(flying) == 5


class TestPlacesThatEnd:
    def test_a_lost_session_counts_against_those_that_may_have_started(self) -> None:
        core = Core(Policy(max_lost_sessions=1))
        worker = worker_of(core, concurrency=2)
        backlog(core, 50)
        flying = run(core, worker, 10)
        assert len(flying) > 2
        core.disconnect(worker)
        assert core.tables["dead_letters"] == 2
        other = worker_of(core)
        assert [(d.envelope, d.attempt) for d in deliveries(other)] == [(flying[2].envelope, 1)]

    def test_one_that_was_lost_goes_alone_so_that_no_other_is_blamed(self) -> None:
        core = Core()
        worker = worker_of(core)
        backlog(core, 50)
        flying = run(core, worker, 5)
        core.disconnect(worker)
        other = worker_of(core)
        again = deliveries(other)
        assert [d.envelope for d in again] == [flying[0].envelope]
        other.ack(again[0])
        core.disconnect(other)
        third = worker_of(core)
        (d,) = deliveries(third)
        assert d.envelope == flying[1].envelope
        publisher = core.client()
        publisher.publish("t/k", b"9999")
        assert deliveries(third) == []

    def test_a_drain_lets_what_is_in_flight_end_and_the_rest_go_elsewhere(self) -> None:
        core = Core()
        worker = worker_of(core)
        other = core.client()
        other.host("w", pinned_keys=("none",))
        backlog(core, 100)
        flying = run(core, worker, 10)
        drain = worker.command(Drain(timeout_ms=25_000))
        other.host("w")
        assert worker.answer(drain) is None
        for d in flying:
            assert deliveries(other) == []
            assert done(worker.ack(d))
        assert deliveries(worker) == []
        assert done(worker.answer(drain))
        assert envelopes(deliveries(other)) == [21]

    def test_an_agent_that_is_asked_back_gets_nothing_more(self) -> None:
        core = Core()
        worker = worker_of(core, keeps_state=True)
        other = core.client()
        other.host("w", pinned_keys=("none",), keeps_state=True)
        backlog(core, 100)
        flying = run(core, worker, 10)
        worker.command(Drain(timeout_ms=25_000))
        other.host("w", keeps_state=True)
        ((asked, _),) = worker.take(Deactivate)
        for d in flying:
            assert done(worker.ack(d))
        assert deliveries(worker) == deliveries(other) == []
        worker.say(make_error(Reason.INTERNAL, "gone all the same"), re=asked)
        assert envelopes(deliveries(other)) == [21]


class TestRoom:
    def test_there_is_none_without_a_registration(self) -> None:
        assert pace.room(Place(agent("w/k"), Host("s"), 1), 0, Policy()) == (0, 0)

    def test_a_session_that_drains_gets_one_when_nothing_is_in_flight(self) -> None:
        host = Host("s", {"w": Registration("w", concurrency=3)}, draining=True)
        assert pace.room(Place(agent("w/k"), host, 1), 0, Policy()) == (1, 1)

    def test_what_is_ahead_is_filled_up_when_half_is_gone(self) -> None:
        place = Place(agent("w/k"), Host("s", {"w": Registration("w", concurrency=3)}), 1, ahead=7)
        assert [pace.room(place, in_flight, Policy()) for in_flight in (0, 5, 6)] == [(3, 10), (3, 10), (3, 3)]

    @pytest.mark.parametrize(
        ("mode", "concurrency", "expected"),
        [
            (AgentMode.STANDARD, 0, 1),
            (AgentMode.STANDARD, 7, 7),
            (AgentMode.EFFECTIVELY_ONCE, 7, 1),
            (AgentMode.STATELESS, 7, 7),
            (AgentMode.STATELESS, 0, Policy().credit_messages),
        ],
    )
    def test_at_once(self, mode: AgentMode, concurrency: int, expected: int) -> None:
        assert pace.at_once(Registration("w", mode, concurrency=concurrency), Policy()) == expected
