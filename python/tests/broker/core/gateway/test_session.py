"""Numbers, receipts, credit windows and outgoing frames of one session."""

from __future__ import annotations

import pytest

from broker.core.harness import Core
from parley_broker.core.gateway.session import Outgoing, Session, Window
from parley_broker.core.messages import Done, Frame, Heartbeat, Hello, ListSubscriptions, Message, Reply
from parley_broker.core.policy import FRAME_BYTES
from parley_broker.errors import EndCode, ProtocolViolation


def session() -> Session:
    return Session("s", 1, Hello(1, 1, "p"), Window(10, 100), last_heard=0.0)


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
        with pytest.raises(ProtocolViolation, match=f"first_seq is {first}, but number 2"):
            s.number(frame(first, 1))

    def test_heartbeats_have_none(self) -> None:
        s = session()
        beats = [Message(Heartbeat()), Message(Done()), Message(Heartbeat()), Message(Done())]
        assert len(s.number(Frame(1, 0, 0, 0, beats))) == 4
        assert s.received == 2
        assert len(s.number(Frame(0, 0, 0, 0, [Message(Heartbeat())]))) == 1

    def test_a_receipt_for_nothing(self) -> None:
        s = session()
        s.sent = 3
        s.check_receipt(3)
        with pytest.raises(ProtocolViolation) as caught:
            s.check_receipt(4)
        assert caught.value.code is EndCode.INVALID_ARGUMENT


class TestOutgoing:
    def test_frames_are_cut(self) -> None:
        outgoing = Outgoing()
        for _ in range(20):
            outgoing.put(Message(Reply(b"x" * 10_000)))
        sizes = []
        while taken := outgoing.take():
            sizes.append(len(taken))
        assert sum(sizes) == 20
        assert all(size * 10_000 <= FRAME_BYTES for size in sizes)
        assert outgoing.bytes == 0

    def test_a_large_message_comes_alone(self) -> None:
        outgoing = Outgoing()
        for size in (1, FRAME_BYTES * 2, 1):
            outgoing.put(Message(Reply(b"x" * size)))
        assert [len(outgoing.take()) for _ in range(3)] == [1, 1, 1]


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
