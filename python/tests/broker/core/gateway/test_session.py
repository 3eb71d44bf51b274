"""Numbers, receipts, credit windows and outgoing frames of one session."""

from __future__ import annotations

import pytest

from broker.core.harness import Core
from parley_broker.core.gateway.session import RECEIPT_BYTES, RECEIPT_MESSAGES, Session, Window
from parley_broker.core.ids import TopicId
from parley_broker.core.messages import Body, Done, Frame, Heartbeat, Hello, ListSubscriptions, Message, Publish
from parley_broker.errors import EndCode, ProtocolViolation, SequenceGap


def session() -> Session:
    return Session("s", b"token", 1, Hello(1, 1, "p"), Window(10, 100), last_heard=0.0)


def frame(first: int, count: int) -> Frame:
    return Frame(first, 0, 0, 0, [Message(Done()) for _ in range(count)])


class TestNumbers:
    def test_in_order(self) -> None:
        s = session()
        assert len(s.number(frame(1, 3))) == 3
        assert len(s.number(frame(4, 1))) == 1
        assert s.received == 4

    def test_repeats_are_dropped(self) -> None:
        s = session()
        s.number(frame(1, 3))
        assert len(s.number(frame(2, 4))) == 2
        assert s.received == 5

    @pytest.mark.parametrize("first", [0, 3, 99])
    def test_gaps(self, first: int) -> None:
        s = session()
        s.number(frame(1, 1))
        with pytest.raises(ProtocolViolation, match=f"first_seq is {first}, but number 2") as caught:
            s.number(frame(first, 1))
        assert isinstance(caught.value, SequenceGap) == (first > 0), "a number that is missing can be sent again"

    def test_heartbeats_have_none(self) -> None:
        s = session()
        beats = [Message(Heartbeat()), Message(Done()), Message(Heartbeat()), Message(Done())]
        assert len(s.number(Frame(1, 0, 0, 0, beats))) == 4
        assert s.received == 2
        assert len(s.number(Frame(0, 0, 0, 0, [Message(Heartbeat())]))) == 1


class TestReceipts:
    def test_one_for_what_was_sent_frees_it(self) -> None:
        s = session()
        for _ in range(3):
            s.outgoing.put(Message(Done()))
        s.outgoing.take(lambda _: True)
        s.take_receipt(2)
        s.take_receipt(0)
        assert (s.outgoing.confirmed, s.outgoing.kept) == (2, 1)

    def test_one_for_nothing(self) -> None:
        s = session()
        s.outgoing.put(Message(Done()))
        with pytest.raises(ProtocolViolation) as caught:
            s.take_receipt(1)
        assert caught.value.code is EndCode.INVALID_ARGUMENT
        assert not isinstance(caught.value, SequenceGap)

    @pytest.mark.parametrize(
        ("body", "count"), [(Done(), RECEIPT_MESSAGES), (Publish(TopicId("t", "s"), bytes(RECEIPT_BYTES // 4)), 4)]
    )
    def test_much_that_was_received_is_confirmed_without_more_to_say(self, body: Body, count: int) -> None:
        s = session()
        for number in range(1, count + 1):
            assert not s.owes_receipt
            s.number(Frame(number, 0, 0, 0, [Message(body)]))
        assert s.owes_receipt
        assert s.say_receipt() == count
        assert not s.owes_receipt


class TestWindow:
    def test_the_last_message_may_exceed_the_bytes(self) -> None:
        window = Window(10, 100)
        assert not window.use(1), "nothing was granted yet"
        window.tell()
        assert window.use(98)
        assert window.use(500)
        assert not window.use(0)

    def test_what_is_decided_comes_back(self) -> None:
        window = Window(2, 100)
        window.tell()
        assert window.use(1)
        assert window.use(1)
        window.give_back(1)
        assert window.should_tell
        assert window.tell() == (3, 101)
        assert not window.should_tell
        assert window.use(1)
        assert not window.use(1)


def test_credit_only_grows() -> None:
    s = session()
    assert s.credit_from(Frame(0, 0, 5, 50, [])) == (5, 50)
    assert s.credit_from(Frame(0, 0, 3, 80, [])) == (0, 30)
    assert s.credit_from(Frame(0, 0, 6, 0, [])) == (1, 0)


def test_what_a_client_announced() -> None:
    s = session()
    assert s.understands(Done.KIND)
    s.hello.kinds = frozenset({21})
    assert not s.understands(Done.KIND)
    assert s.understands(Heartbeat.KIND), "without these there is no session"


def test_every_frame_has_the_receipt() -> None:
    core = Core()
    client = core.client()
    client.say(ListSubscriptions(), 5)
    client.say(ListSubscriptions(), 6)
    written = core.machine.take(client.connection, core.now)
    assert written is not None
    assert written.received == 2
