"""Which deliveries start, and which only say how to settle."""

from __future__ import annotations

from dataclasses import dataclass

from parley._hand import Hand


@dataclass
class Event:
    begun: bool = False
    finished: bool = False


def test_an_event_in_hand_is_found_until_it_is_settled() -> None:
    hand: Hand[Event] = Hand()
    event = Event()
    assert hand.find(5) is None
    hand.add(5, 1, event)
    assert hand.find(5) is event
    hand.settled(5)
    hand.settled(5)
    assert hand.find(5) is None


def test_older_rounds_are_over() -> None:
    hand: Hand[Event] = Hand()
    hand.add(5, 3, Event(begun=True))
    assert hand.is_old(2)
    assert not hand.is_old(3)
    assert hand.nacked(5, 3) == []
    assert hand.is_old(3)
    assert not hand.is_old(4)


def test_a_failed_event_keeps_later_ones_from_starting() -> None:
    hand: Hand[Event] = Hand()
    events = [Event(begun=True), Event(begun=True), Event()]
    for position, event in enumerate(events):
        hand.add(position, 1, event)
    assert hand.nacked(0, 1) == [events[2]]
    assert list(hand.works.values()) == events[:2]  # what runs goes on, and is settled by its next delivery


def test_what_the_last_session_left_below_a_new_event_is_settled() -> None:
    hand: Hand[Event] = Hand()
    for position, finished in ((1, False), (2, True), (3, True), (4, True)):
        hand.add(position, 1, Event(begun=True, finished=finished))
    hand.begin_session()
    hand.delivered(3, 2)
    hand.add(5, 2, Event())
    assert list(hand.works) == [1, 3, 5]


def test_a_result_that_the_broker_has_not_confirmed_stays_in_hand() -> None:
    hand: Hand[Event] = Hand()
    hand.add(1, 1, Event(begun=True, finished=True))
    hand.add(2, 1, Event(begun=True, finished=True))
    hand.add(3, 2, Event())
    assert list(hand.works) == [1, 2, 3]


def test_results_without_an_order_are_kept_for_one_session() -> None:
    hand: Hand[Event] = Hand(ordered=False)
    for position, finished in ((1, True), (2, True), (3, False)):
        hand.add(position, 1, Event(begun=True, finished=finished))
    assert hand.begin_session() == []
    hand.delivered(2, 1)
    assert hand.begin_session() == []
    assert list(hand.works) == [2, 3]


def test_events_of_a_stateless_agent_have_no_order() -> None:
    hand: Hand[Event] = Hand(ordered=False)
    hand.add(1, 5, Event(begun=True, finished=True))
    hand.add(2, 1, Event())
    assert hand.nacked(1, 5) == []
    assert not hand.is_old(1)
    assert list(hand.works) == [1, 2]


def test_a_new_session_keeps_what_has_begun() -> None:
    hand: Hand[Event] = Hand()
    kept = [Event(begun=True), Event(begun=True, finished=True)]
    waiting = Event()
    hand.add(2, 7, kept[0])
    hand.add(3, 7, waiting)
    hand.add(1, 7, kept[1])
    assert hand.begin_session() == [waiting]
    assert list(hand.works.values()) == kept
    assert not hand.is_old(1)
