"""Numbered publishes: sent again, refused, forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.core.harness import HELLO, WALL_OFFSET, Client, Core, failed
from parley_broker.core.messages import Delivery, Published
from parley_broker.core.policy import Policy
from parley_broker.core.shard.producers import Mark
from parley_broker.errors import Reason

DUPLICATE = Published(1, duplicate=True)


def publisher_of(core: Core, producer: str = "p") -> Client:
    publisher = core.client(hello=replace(HELLO, producer_id=producer))
    publisher.subscribe("t", "w")
    return publisher


@given(st.lists(st.integers(1, 40)))
def test_a_mark_knows_what_it_saw(numbers: list[int]) -> None:
    mark = Mark("p")
    for number in numbers:
        if not mark.has(number):
            mark.add(number, max_ranges=100)
    assert [n for n in range(42) if mark.has(n)] == sorted(set(numbers))
    gaps = [(a[1], b[0]) for a, b in zip(mark.seen, mark.seen[1:], strict=False)]
    assert all(before + 1 < after for before, after in gaps), "ranges that touch are one"


def test_a_mark_is_bounded() -> None:
    mark = Mark("p")
    for number in range(1, 1000, 2):
        mark.add(number, max_ranges=100)
    assert len(mark.seen) == 100
    assert mark.has(2), "what is in the lowest gaps was refused long ago"
    assert [mark.has(number) for number in (800, 802, 998)] == [True, False, False]


class TestNumbers:
    def test_a_number_that_was_seen_stores_nothing(self, core: Core) -> None:
        publisher = publisher_of(core)
        assert publisher.publish("t/k", producer_seq=1) == Published(1)
        assert publisher.publish("t/k", producer_seq=1) == DUPLICATE
        assert publisher.publish("t/other", producer_seq=2) == Published(1)
        assert publisher.publish("t/k") == Published(1), "what is not numbered is always new"
        assert core.tables["events"] == 3

    def test_producers_are_apart_and_sessions_of_one_are_not(self, core: Core) -> None:
        first, again, other = publisher_of(core), publisher_of(core), publisher_of(core, "q")
        assert first.publish("t/k", producer_seq=1) == Published(1)
        assert again.publish("t/k", producer_seq=1) == DUPLICATE
        assert other.publish("t/k", producer_seq=1) == Published(1)

    def test_numbers_above_a_gap_are_remembered_and_the_gap_is_open(self, core: Core) -> None:
        publisher = publisher_of(core)
        for number in (1, 5, 3):
            assert publisher.publish("t/k", producer_seq=number) == Published(1)
        later = publisher_of(Core(store=core.store))
        answers = [later.publish("t/k", producer_seq=number) for number in (1, 2, 3, 4, 5, 6)]
        assert answers == [DUPLICATE, Published(1)] * 3

    def test_a_refused_number_is_not_answered_as_if_it_were_stored(self) -> None:
        core = Core(Policy(max_queue_events=1))
        publisher = publisher_of(core)
        publisher.host("w")
        publisher.publish("t/k", producer_seq=1)
        publisher.command_publish("t/k", producer_seq=2)
        failed(publisher.publish("t/", producer_seq=3), Reason.INVALID_ARGUMENT)
        core.disconnect(publisher)
        again = publisher_of(core)
        again.host("w")
        failed(again.publish("t/k", producer_seq=2), Reason.RESOURCE_EXHAUSTED)
        again.ack(again.take(Delivery)[0][1])
        assert again.publish("t/k", producer_seq=2) == Published(1), "the refusal was lost with the session"
        assert again.publish("t/k2", producer_seq=3) == Published(1)
        assert [again.publish("t/k", producer_seq=number) for number in (1, 2, 3)] == [DUPLICATE] * 3

    @pytest.mark.parametrize("credit", [10, 1000, 5000])
    def test_as_many_refusals_as_the_credit_allows_may_be_lost_at_once(self, credit: int) -> None:
        policy = Policy(max_queue_events=1, credit_messages=credit)
        core = Core(policy)
        publisher = publisher_of(core)
        publisher.host("w")
        for number in range(1, policy.credit_messages + 1):
            publisher.command_publish("t/full" if number % 2 else f"t/{number}", producer_seq=number)
        core.disconnect(publisher)
        again = publisher_of(core)
        again.host("w")
        failed(again.publish("t/full", producer_seq=3), Reason.RESOURCE_EXHAUSTED)

    def test_what_was_for_nobody_is_seen_too(self, core: Core) -> None:
        publisher = publisher_of(core)
        assert publisher.publish("u/k", producer_seq=1) == Published(0)
        assert publisher.publish("u/k", producer_seq=1) == Published(0, duplicate=True)

    def test_a_duplicate_waits_for_the_commit_of_the_first(self, core: Core) -> None:
        publisher = publisher_of(core)
        publisher.publish("t/k", producer_seq=1)
        core.hold = True
        first = publisher.command_publish("t/k", producer_seq=2)
        second = publisher.command_publish("t/k", producer_seq=2)
        durable = publisher.command_publish("t/k", producer_seq=1)
        assert publisher.answer(durable) == DUPLICATE, "its first one is durable already"
        assert publisher.answer(second) is None
        core.commit()
        assert (publisher.answer(first), publisher.answer(second)) == (Published(1), DUPLICATE)

    def test_a_failed_commit_leaves_the_number_new(self, core: Core) -> None:
        publisher = publisher_of(core)
        core.hold = True
        first = publisher.command_publish("t/k", producer_seq=1)
        second = publisher.command_publish("t/k", producer_seq=1)
        core.fail_commit()
        failed(publisher.answer(first), Reason.UNAVAILABLE)
        failed(publisher.answer(second), Reason.UNAVAILABLE)
        core.hold = False
        assert publisher.publish("t/k", producer_seq=1) == Published(1)

    def test_the_mark_is_in_the_same_commit_as_the_event(self, core: Core) -> None:
        publisher = publisher_of(core)
        for number in range(1, 4):
            publisher.command_publish("t/k", producer_seq=number)
        later = Core(store=core.store)
        assert publisher_of(later).publish("t/k", producer_seq=3) == DUPLICATE
        assert later.tables["events"] == 3


class TestForgetting:
    def test_a_day_after_the_last_session(self) -> None:
        core = Core(Policy(producer_retention=100))
        publisher = publisher_of(core)
        publisher.publish("t/k", producer_seq=1)
        for _ in range(30):
            publisher.frame()
            core.advance(10)
        assert core.tables["producers"] == 1, "its session lives"
        core.disconnect(publisher)
        core.advance(60)
        core = Core(Policy(producer_retention=100), store=core.store, now=5.0, wall=core.now + WALL_OFFSET)
        assert core.tables["producers"] == 1
        core.advance(39)
        assert core.tables["producers"] == 1
        core.advance(2)
        assert core.tables["producers"] == 0
        assert core.store.load(core.opened.term).summary.producers == ()

    def test_a_new_session_keeps_it(self) -> None:
        core = Core(Policy(producer_retention=100))
        publisher = publisher_of(core)
        publisher.publish("t/k", producer_seq=1)
        core.disconnect(publisher)
        core.advance(90)
        again = publisher_of(core)
        again.publish("t/k", producer_seq=2)
        core.advance(5)
        core.disconnect(again)
        core.advance(50)
        assert publisher_of(core).publish("t/k", producer_seq=1) == DUPLICATE

    def test_one_that_stored_nothing_leaves_nothing(self, core: Core) -> None:
        publisher = publisher_of(core)
        publisher.publish("u/k", producer_seq=1)
        core.disconnect(publisher)
        assert core.tables["producers"] == 0
        assert core.store.load(core.opened.term).summary.producers == ()

    def test_the_ones_that_left_first_go_when_there_are_too_many(self) -> None:
        core = Core(Policy(max_producers=2))
        for name in ("a", "b", "c"):
            publisher = publisher_of(core, name)
            publisher.publish("t/k", producer_seq=1)
            core.disconnect(publisher)
        assert [record.producer for record in core.store.load(core.opened.term).summary.producers] == ["b", "c"]


def test_a_number_that_no_store_keeps_is_refused(core: Core) -> None:
    publisher = core.client()
    failed(publisher.publish("t/k", producer_seq=2**63), Reason.INVALID_ARGUMENT, field="producer_seq")
