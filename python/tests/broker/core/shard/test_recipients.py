"""Counts, windows and reads of recipients."""

from __future__ import annotations

from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.records import Backlog, Event, Waiting
from parley_broker.core.shard.hosts import Host
from parley_broker.core.shard.places import Place
from parley_broker.core.shard.recipients import Pending, Recipient, Recipients, pending_of

AGENT = AgentId("w", "k")


def event(position: int) -> Event:
    return Event(position, TopicId("t", "k"), b"12345")


def pending(position: int) -> Pending:
    return Pending(event(position), commit=3)


def filled(*positions: int) -> tuple[Recipients, Recipient]:
    recipients = Recipients()
    recipient = recipients.make(AGENT, round=1)
    for position in positions:
        recipients.stored(recipient, 1, 5)
        recipient.keep(pending(position))
    return recipients, recipient


PLACE = Place(AGENT, Host("s"), 1)


def test_the_way_of_an_event() -> None:
    recipients, recipient = filled(7)
    assert (recipient.has_more_stored, recipient.window_bytes, recipients.events, recipients.bytes) == (False, 5, 1, 5)
    assert recipient.next(now=0.0, ordered=True) == 0
    flying = recipient.depart(0, PLACE)
    assert (flying.position, flying.place, flying.round, flying.attempt) == (7, PLACE, 1, 1)
    assert (recipient.window_bytes, recipients.in_flight(), recipient.has_more_stored) == (0, 1, False)
    recipients.settle(recipient, flying)
    assert (recipients.events, recipients.bytes) == (0, 0)
    assert recipients.tidy(recipient)
    assert recipients.get(AGENT) is None
    assert len(recipients) == 0


def test_what_comes_back_is_at_its_place_again() -> None:
    _, recipient = filled(1, 2, 3, 4)
    first, second, third = (recipient.depart(0, PLACE) for _ in range(3))
    recipient.come_back([third, first])
    assert [p.position for p in recipient.window] == [1, 3, 4]
    assert (list(recipient.in_flight), recipient.window_bytes, first.place) == ([2], 15, None)
    recipient.come_back([second])
    assert [p.position for p in recipient.window] == [1, 2, 3, 4]


def test_a_pause_holds_up_what_is_behind_it_only_where_there_is_order() -> None:
    _, recipient = filled(1, 2)
    recipient.window[0].not_before = 10.0
    assert recipient.next(9.0, ordered=True) is None
    assert recipient.next(9.0, ordered=False) == 1
    assert recipient.next(10.0, ordered=True) == 0
    recipient.window[1].not_before = 5.0
    assert (recipient.next_due(ordered=True), recipient.next_due(ordered=False)) == (10.0, 5.0)


def test_a_closed_window_is_read_again_from_its_beginning() -> None:
    _, recipient = filled(1, 4, 6)
    recipient.depart(0, PLACE)
    recipient.close_window()
    assert (recipient.seen, recipient.has_more_stored, len(recipient.window)) == (3, True, 0)


def test_a_page_for_somebody_who_left_is_dropped() -> None:
    recipients = Recipients()
    recipients.load(Backlog(AGENT, 5, 50), round=1)
    recipient = recipients.get(AGENT)
    assert recipient is not None
    read = recipients.begin_read(recipient)
    recipient.close_window()
    assert recipients.end_read(read) is None
    again = recipients.begin_read(recipient)
    assert recipients.end_read(again) is recipient


def test_dropping_forgets_everything() -> None:
    recipients = Recipients()
    recipients.load(Backlog(AGENT, 5, 50), round=1)
    (recipient,) = recipients.of_type("w")
    recipients.drop(recipient)
    assert (recipients.events, recipients.bytes, len(recipients), recipient.has_more_stored) == (0, 0, 0, False)
    assert recipients.of_type("w") == []


def test_what_was_read_has_its_counts() -> None:
    read = pending_of(Waiting(event(3), failures=2, losses=1))
    assert (read.position, read.attempt, read.isolated) == (3, 3, False)
    assert pending_of(Waiting(event(3), losses=2)).isolated
