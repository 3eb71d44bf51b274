"""Dead letters: why, how long, and how they come back."""

from __future__ import annotations

from broker.core.harness import WALL_OFFSET, Client, Core, agent, failed
from parley_broker.core.messages import DeadLetterFilter, Delivery, Error, Nack, Unsubscribe, make_error
from parley_broker.core.policy import Policy
from parley_broker.core.records import DeadLetter
from parley_broker.errors import Reason

ALL = DeadLetterFilter()
MALFORMED = make_error(Reason.MALFORMED_PAYLOAD, "no JSON")


def worker_of(core: Core) -> Client:
    worker = core.client()
    worker.host("w")
    worker.subscribe("t", "w")
    return worker


def kill(worker: Client, topic: str, envelope: bytes = b"event", error: Error = MALFORMED) -> None:
    """Publishes an event that becomes a dead letter."""
    worker.publish(topic, envelope)
    ((_, d),) = worker.take(Delivery)
    worker.ask(Nack(d.recipient, d.epoch, d.position, d.round, error))


def letters(core: Core, wanted: DeadLetterFilter = ALL) -> list[DeadLetter]:
    """What the operator sees."""
    found, more = core.machine.dead_letters(wanted, 0, 1000, 1 << 30)
    assert not more
    return core.store.read_dead_letters(list(found))


def replay(core: Core, wanted: DeadLetterFilter = ALL) -> int | Error:
    core.machine.replay_dead_letters(1, wanted, core.now)
    core.settle()
    return core.told.pop(1)


def purge(core: Core, wanted: DeadLetterFilter = ALL) -> int | Error:
    core.machine.purge_dead_letters(1, wanted, core.now)
    core.settle()
    return core.told.pop(1)


class TestDying:
    def test_after_five_failed_attempts(self, core: Core) -> None:
        worker = worker_of(core)
        worker.publish("t/k", b"poison")
        worker.publish("t/k", b"next")
        for attempt in range(1, 6):
            ((_, d),) = worker.take(Delivery)
            assert (d.attempt, d.envelope) == (attempt, b"poison")
            error = make_error(Reason.HANDLER_FAILED, f"failure {attempt}", {"exception_type": "ValueError"})
            worker.ask(Nack(d.recipient, d.epoch, d.position, d.round, error, 0.0))
        ((_, d),) = worker.take(Delivery)
        assert (d.attempt, d.envelope) == (1, b"next")
        (letter,) = letters(core)
        assert (letter.recipient, letter.attempts, letter.error.message) == (agent("w/k"), 5, "failure 5")
        assert letter.error.details == {"exception_type": "ValueError"}
        assert letter.died == core.now + WALL_OFFSET
        assert "dead letter" in core.logs

    def test_at_once_after_a_permanent_error(self, core: Core) -> None:
        worker = worker_of(core)
        kill(worker, "t/a")
        kill(worker, "t/b", error=make_error(Reason.UNSUPPORTED_VERSION, "v9"))
        assert [(letter.attempts, letter.error.reason) for letter in letters(core)] == [
            (1, Reason.MALFORMED_PAYLOAD),
            (1, Reason.UNSUPPORTED_VERSION),
        ]
        assert core.tables["events"] == core.tables["recipients"] == 0

    def test_it_opens_a_round_too(self, core: Core) -> None:
        worker = worker_of(core)
        worker.publish("t/k")
        worker.publish("t/k")
        ((_, d),) = worker.take(Delivery)
        worker.ask(Nack(d.recipient, d.epoch, d.position, d.round, MALFORMED))
        ((_, later),) = worker.take(Delivery)
        assert later.round > d.round

    def test_for_one_recipient_only(self, core: Core) -> None:
        worker = worker_of(core)
        worker.host("v")
        worker.subscribe("t", "v")
        worker.publish("t/k")
        (_, d), (_, other) = worker.take(Delivery)
        worker.ask(Nack(d.recipient, d.epoch, d.position, d.round, MALFORMED))
        assert core.tables["events"] == 1
        worker.ack(other)
        assert len(letters(core)) == 1

    def test_a_hostile_error_is_cut(self, core: Core) -> None:
        worker = worker_of(core)
        details = {f"k{n}": "x" * 100_000 for n in range(1000)}
        kill(worker, "t/k", error=make_error(Reason.MALFORMED_PAYLOAD, "m" * 1_000_000, details))
        (letter,) = letters(core)
        assert len(letter.error.message) + sum(map(len, letter.error.details.values())) < 50_000


class TestBounds:
    def test_the_oldest_go_when_there_are_too_many(self) -> None:
        core = Core(Policy(max_dead_letters=2))
        worker = worker_of(core)
        for n in range(4):
            kill(worker, f"t/{n}")
        assert [letter.recipient.key for letter in letters(core)] == ["2", "3"]
        assert core.tables["dead_letters"] == 2
        assert "dead letters dropped" in core.logs

    def test_the_oldest_go_when_they_are_too_large(self) -> None:
        core = Core(Policy(max_dead_letter_bytes=10))
        worker = worker_of(core)
        for n in range(3):
            kill(worker, f"t/{n}", b"12345")
        assert [letter.recipient.key for letter in letters(core)] == ["1", "2"]

    def test_they_go_when_they_are_too_old_by_the_wall_clock(self) -> None:
        core = Core(Policy(dead_letter_max_age=100))
        worker = worker_of(core)
        kill(worker, "t/1")
        core.disconnect(worker)
        core.advance(60)
        core = Core(Policy(dead_letter_max_age=100), store=core.store, now=50_000.0, wall=core.now + WALL_OFFSET)
        kill(worker_of(core), "t/2")
        core.advance(39)
        assert len(letters(core)) == 2
        core.advance(2)
        assert [letter.recipient.key for letter in letters(core)] == ["2"]
        core.advance(60)
        assert core.tables["dead_letters"] == 0


class TestOperators:
    def test_filters(self, core: Core) -> None:
        worker = worker_of(core)
        worker.subscribe("u", "w")
        kill(worker, "t/a")
        kill(worker, "t/b", error=make_error(Reason.UNSUPPORTED_VERSION, ""))
        kill(worker, "u/a")

        def found(**fields: object) -> list[int]:
            return [letter.id for letter in letters(core, DeadLetterFilter(**fields))]  # type: ignore[arg-type]

        assert found() == [1, 2, 3]
        assert found(agent_type="w", agent_key="a") == [1, 3]
        assert found(agent_type="x") == []
        assert found(topic_type="u") == [3]
        assert found(reason=Reason.UNSUPPORTED_VERSION) == [2]
        assert found(ids=(3, 1, 1, 99)) == [1, 3]
        assert found(ids=(3, 1), topic_type="t") == [1]

    def test_pages(self, core: Core) -> None:
        worker = worker_of(core)
        for n in range(5):
            kill(worker, f"t/{n}")

        def page(after: int, count: int, size: int = 1 << 30) -> tuple[list[int], bool]:
            found, more = core.machine.dead_letters(ALL, after, count, size)
            return list(found), more

        assert page(0, 2) == ([1, 2], True)
        assert page(2, 2) == ([3, 4], True)
        assert page(4, 2) == ([5], False)
        assert page(0, 5) == ([1, 2, 3, 4, 5], False)
        assert page(0, 5, size=8) == ([1, 2], True), "five bytes each"
        assert page(0, 5, size=1) == ([1], True), "one is shown however large it is"

    def test_the_subscription_is_named_while_it_is_known(self, core: Core) -> None:
        worker = worker_of(core)
        kill(worker, "t/k")
        found, _ = core.machine.dead_letters(ALL, 0, 9, 1 << 30)
        assert found[1] is not None
        assert found[1].key.agent_type == "w"
        worker.ask(Unsubscribe(found[1].key))
        assert core.machine.dead_letters(ALL, 0, 9, 1 << 30) == ({1: None}, False)

    def test_replay_goes_to_the_tail_of_that_recipient(self, core: Core) -> None:
        worker = worker_of(core)
        kill(worker, "t/k", b"dead")
        worker.publish("t/k", b"1")
        worker.publish("t/k", b"2")
        assert replay(core) == 1
        got = []
        while flying := worker.take(Delivery):
            for _, d in flying:
                got.append((d.envelope, d.attempt))
                worker.ack(d)
        assert got == [(b"1", 1), (b"2", 1), (b"dead", 1)]
        assert letters(core) == []
        assert core.tables["events"] == core.tables["recipients"] == 0

    def test_what_is_published_after_a_replay_comes_after_it(self, core: Core) -> None:
        worker = worker_of(core)
        kill(worker, "t/k", b"dead")
        core.hold = True
        core.machine.replay_dead_letters(1, ALL, core.now)
        worker.command_publish("t/k", b"new")
        core.hold = False
        core.settle()
        got = []
        for _ in range(2):
            ((_, d),) = worker.take(Delivery)
            got.append(d.envelope)
            worker.ack(d)
        assert got == [b"dead", b"new"]

    def test_replay_leaves_what_has_no_room(self) -> None:
        core = Core(Policy(max_queue_events=1))
        worker = worker_of(core)
        kill(worker, "t/k")
        kill(worker, "t/k")
        assert replay(core) == 1
        assert len(letters(core)) == 1

    def test_purge(self, core: Core) -> None:
        worker = worker_of(core)
        kill(worker, "t/a")
        kill(worker, "t/b")
        assert purge(core, DeadLetterFilter(agent_key="a")) == 1
        assert [letter.recipient.key for letter in letters(core)] == ["b"]
        assert purge(core) == 1
        assert purge(core) == 0

    def test_the_answer_waits_for_the_commit_or_says_that_it_failed(self, core: Core) -> None:
        worker = worker_of(core)
        kill(worker, "t/a")
        core.hold = True
        core.machine.purge_dead_letters(1, ALL, core.now)
        core.settle()
        assert 1 not in core.told
        core.fail_commit("disk full")
        assert "disk full" in failed(core.told.pop(1), Reason.UNAVAILABLE).message  # type: ignore[arg-type]
        assert len(letters(core)) == 1, "nothing was purged"
