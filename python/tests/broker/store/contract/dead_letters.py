"""Dead letters: what waited for one recipient, and waits no more."""

from __future__ import annotations

from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.messages import Error, Trace, make_error
from parley_broker.core.records import (
    Backlog,
    DeadLetter,
    DeadLettered,
    DeadLetterEntry,
    DeadLetterReplayed,
    DeadLettersDropped,
    DeliveryFailed,
    DeliverySettled,
    Event,
    EventStored,
    Waiting,
)
from parley_broker.errors import Reason
from parley_broker.store.base import Store

from .base import ANN, BEN, NO_LIMIT, event

DIED = 1_700_000_000.5
WHY = make_error(Reason.HANDLER_FAILED, "no", {"exception_type": "ValueError"})
ODD = Error(4711, "a reason from the future", True, True, 250, {})


class DeadLetterContract:
    """Dead letters are kept whole until they are replayed or dropped."""

    def test_a_dead_letter_no_longer_waits(self, store: Store) -> None:
        term = store.open().term
        store.commit([EventStored(event(1, b"12345"), (ANN, BEN)), EventStored(event(2), (ANN,))], term)
        store.commit([DeadLettered(7, ANN, 1, DIED, 5, WHY)], term)
        assert [w.event.position for w in store.read(ANN, 0, 10, NO_LIMIT)] == [2]
        assert [w.event.position for w in store.read(BEN, 0, 10, NO_LIMIT)] == [1]
        summary = store.load(term).summary
        assert summary.dead_letters == (DeadLetterEntry(7, ANN, "orders", Reason.HANDLER_FAILED, DIED, 5),)
        assert summary.last_dead_letter == 7

    def test_a_dead_letter_comes_back_whole(self, store: Store) -> None:
        term = store.open().term
        whole = Event(
            3, TopicId("orders:eu", "ключ"), bytes(range(256)), AgentId("a", "b/c"), "id-1", Trace("00-ab-cd-01", "k=v")
        )
        store.commit([EventStored(whole, (ANN, BEN)), DeadLettered(1, ANN, 3, DIED, 5, WHY)], term)
        store.commit([DeadLettered(2, BEN, 3, DIED + 1, 0, ODD), DeliverySettled(BEN, 3)], term)
        first, second = DeadLetter(1, ANN, whole, DIED, 5, WHY), DeadLetter(2, BEN, whole, DIED + 1, 0, ODD)
        assert store.read_dead_letters([2, 1]) == [first, second]
        assert store.read_dead_letters([2, 99]) == [second]
        assert store.read_dead_letters([]) == []

    def test_an_event_may_die_in_the_commit_that_stores_it(self, store: Store) -> None:
        term = store.open().term
        store.commit([EventStored(event(1), (ANN,)), DeadLettered(1, ANN, 1, DIED, 0, WHY)], term)
        assert store.load(term).summary.backlogs == ()
        assert [letter.event for letter in store.read_dead_letters([1])] == [event(1)]

    def test_a_replayed_one_waits_at_the_tail_as_if_never_delivered(self, store: Store) -> None:
        term = store.open().term
        store.commit([EventStored(event(1), (ANN,)), DeliveryFailed(ANN, 1, 5, 3)], term)
        store.commit([DeadLettered(1, ANN, 1, DIED, 5, WHY), EventStored(event(2), (ANN, BEN))], term)
        store.commit([DeadLetterReplayed(1, 3)], term)
        assert store.read(ANN, 0, 10, NO_LIMIT) == [Waiting(event(2)), Waiting(event(3))]
        assert store.read_dead_letters([1]) == []
        summary = store.load(term).summary
        assert summary.dead_letters == ()
        assert (summary.last_dead_letter, summary.last_position) == (1, 3), "no id and no position is given again"
        assert set(summary.backlogs) == {Backlog(ANN, 2, 10), Backlog(BEN, 1, 5)}
        store.commit([DeliverySettled(ANN, 3), DeadLetterReplayed(1, 4)], term)
        assert [w.event.position for w in store.read(ANN, 0, 10, NO_LIMIT)] == [2]

    def test_dropped_ones_are_gone(self, store: Store) -> None:
        term = store.open().term
        store.commit([EventStored(event(n), (ANN,)) for n in (1, 2, 3)], term)
        store.commit([DeadLettered(n, ANN, n, DIED, 5, WHY) for n in (1, 2, 3)], term)
        store.commit([DeadLettersDropped((1, 3, 99))], term)
        assert [letter.id for letter in store.read_dead_letters([1, 2, 3])] == [2]
        assert [entry.id for entry in store.load(term).summary.dead_letters] == [2]

    def test_many_are_read_at_once(self, store: Store) -> None:
        term = store.open().term
        numbers = range(1, 1201)
        store.commit([EventStored(event(n), (ANN,)) for n in numbers], term)
        store.commit([DeadLettered(n, ANN, n, DIED, 5, WHY) for n in numbers], term)
        assert [letter.id for letter in store.read_dead_letters(list(numbers))] == list(numbers)
