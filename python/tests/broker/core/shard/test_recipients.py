"""Counts, windows and reads of recipients."""

from __future__ import annotations

from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.records import Backlog, Event
from parley_broker.core.shard.hosts import Host
from parley_broker.core.shard.places import Place
from parley_broker.core.shard.recipients import Recipients

AGENT = AgentId("w", "k")


def event(position: int) -> Event:
    return Event(position, TopicId("t", "k"), b"12345")


def test_the_way_of_an_event() -> None:
    recipients = Recipients()
    recipient = recipients.make(AGENT, after=6)
    recipients.stored(recipient, event(7))
    recipient.keep(event(7), commit=3)
    assert (recipient.has_more_stored, recipient.window_bytes, recipients.events, recipients.bytes) == (False, 5, 1, 5)
    place = Place(AGENT, Host("s"), 1)
    assert recipient.depart(place) == (event(7), 3)
    assert (recipient.mark, recipient.window_bytes, recipients.in_flight()) == (7, 0, 1)
    assert recipients.settle(recipient, 7).place is place
    assert (recipients.events, recipients.bytes) == (0, 0)
    recipients.tidy(recipient)
    assert recipients.get(AGENT) is None
    assert len(recipients) == 0


def test_a_closed_window_is_read_again_from_the_mark() -> None:
    recipients = Recipients()
    recipient = recipients.make(AGENT, after=0)
    for position in (1, 2, 3):
        recipients.stored(recipient, event(position))
        recipient.keep(event(position), commit=0)
    recipient.depart(Place(AGENT, Host("s"), 1))
    recipient.close_window()
    assert (recipient.seen, recipient.has_more_stored, len(recipient.window)) == (1, True, 0)


def test_a_page_for_somebody_who_left_is_dropped() -> None:
    recipients = Recipients()
    recipients.load(Backlog(AGENT, 5, 50, 9))
    recipient = recipients.get(AGENT)
    assert recipient is not None
    read = recipients.begin_read(recipient)
    recipient.close_window()
    assert recipients.end_read(read) is None
    again = recipients.begin_read(recipient)
    assert recipients.end_read(again) is recipient


def test_dropping_forgets_everything() -> None:
    recipients = Recipients()
    recipients.load(Backlog(AGENT, 5, 50, 9))
    (recipient,) = recipients.of_type("w")
    recipients.drop(recipient)
    assert (recipients.events, recipients.bytes, len(recipients), recipient.has_more_stored) == (0, 0, 0, False)
    assert recipients.of_type("w") == []
