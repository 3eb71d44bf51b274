"""What is written next and what has been read, without any I/O."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley._distributed.frames import (
    MAX_FRAME_BYTES,
    RECEIPT_BYTES,
    RECEIPT_MESSAGES,
    BrokenStreamError,
    FrameReader,
    FrameWriter,
    Queued,
    _varint,
)
from parley_wire.v1 import broker_service_pb2, call_pb2, publish_pb2, session_pb2

Message = broker_service_pb2.Message
Frame = broker_service_pb2.Frame


def writer(messages: int = 10, bytes: int = 1000) -> FrameWriter:
    return FrameWriter(window_messages=messages, window_bytes=bytes, publish_numbers=itertools.count(1))


def goodbye(size: int = 0) -> Queued:
    return Queued(Message(goodbye=session_pb2.Goodbye(reason="x" * size)))


def covered(size: int = 10, id: int = 0) -> Queued:
    return Queued(Message(id=id, publish=publish_pb2.Publish(envelope=b"x" * size)), covered_bytes=size)


def heartbeat() -> Queued:
    return Queued(Message(heartbeat=session_pb2.Heartbeat()), numbered=False)


def frame(writer: FrameWriter, now: float = 0.0) -> Frame:
    return Frame.FromString(writer.next_frame(now))


def test_the_whole_queue_goes_into_one_frame() -> None:
    w = writer()
    for _ in range(50):
        w.push(goodbye())
    assert len(frame(w).messages) == 50
    assert not w.pending


def test_numbers_count_what_is_numbered() -> None:
    w = writer()
    w.push(heartbeat())
    assert frame(w).first_seq == 0
    for item in (heartbeat(), goodbye(), goodbye()):
        w.push(item)
    assert frame(w).first_seq == 1
    w.push(goodbye())
    assert frame(w).first_seq == 3


def test_frames_are_cut_and_larger_messages_travel_alone() -> None:
    w = writer()
    for size in (MAX_FRAME_BYTES - 100, 200, 3 * MAX_FRAME_BYTES, 5):
        w.push(goodbye(size))
    assert [len(frame(w).messages) for _ in range(4)] == [1, 1, 1, 1]
    assert not w.pending


def test_the_first_credit_is_in_the_frame_with_hello() -> None:
    w = writer(10, 1000)
    first = Frame.FromString(w.hello(Message(id=1, hello=session_pb2.Hello())))
    assert (first.credit_messages, first.credit_bytes) == (10, 1000)
    assert first.messages[0].HasField("hello")
    assert frame(w).credit_messages == 0


def test_credit_is_given_back_with_the_next_frame_or_when_it_runs_short() -> None:
    w = writer(10, 1000)
    frame(w)
    w.grant(10)
    assert not w.pending
    w.grant(10)
    assert w.pending  # a quarter of the window
    given = frame(w)
    assert (given.credit_messages, given.credit_bytes) == (12, 1020)
    assert not w.pending
    w.grant(250)
    assert w.pending  # a quarter of the bytes


def test_covered_messages_wait_for_credit_and_hold_up_nothing_else() -> None:
    w = writer()
    frame(w)
    w.push(covered(id=1))
    assert not w.pending
    w.push(goodbye())
    assert [m.WhichOneof("kind") for m in frame(w).messages] == ["goodbye"]
    w.raise_credit(1, 1)
    w.push(covered(id=2))
    assert [m.id for m in frame(w).messages] == [1]  # the last one may exceed the bytes
    assert not w.pending
    w.raise_credit(5, 10)
    assert not w.pending
    w.raise_credit(0, 11)
    assert [m.id for m in frame(w).messages] == [2]
    w.raise_credit(1, 1)  # credit never shrinks
    w.push(covered(id=3))
    assert not w.pending


def test_dropped_messages_are_not_written_and_use_no_credit() -> None:
    w = writer()
    items = [covered(id=1), covered(id=2)]
    for item in items:
        w.push(item)
    items[0].dropped = True
    w.raise_credit(1, 100)
    assert [m.id for m in frame(w).messages] == [2]
    assert [item.written for item in items] == [False, True]


@pytest.mark.parametrize(("left", "milliseconds"), [(1.0, 1000), (0.0001, 1), (0.0, 0), (-5.0, 0)])
def test_what_is_left_is_computed_when_it_is_written(left: float, milliseconds: int) -> None:
    w = writer()
    w.push(Queued(Message(request=call_pb2.Request()), deadline=100 + left))
    assert frame(w, now=100).messages[0].request.timeout_ms == milliseconds


def test_receipts_are_given_once() -> None:
    w = writer()
    w.took(7, 100)
    assert frame(w).received == 7
    assert frame(w).received == 0
    w.took(9, 100)
    assert frame(w).received == 9


def test_receipts_do_not_wait_when_much_has_come() -> None:
    w = writer()
    frame(w)
    w.took(RECEIPT_MESSAGES - 1, RECEIPT_BYTES - 1)
    assert not w.pending
    w.took(RECEIPT_MESSAGES, 0)
    assert w.pending
    frame(w)
    assert not w.pending
    w.took(RECEIPT_MESSAGES + 1, RECEIPT_BYTES)
    assert w.pending
    frame(w)
    w.took(RECEIPT_MESSAGES + 1, RECEIPT_BYTES)  # heartbeats and repeats need no receipt
    assert not w.pending


def test_publishes_are_numbered_when_they_are_first_written() -> None:
    w = writer()
    w.raise_credit(10, 1000)
    stored = [Queued(covered(id=n).message, covered_bytes=1, stored=True) for n in (1, 2, 3)]
    for item in (*stored, covered(id=4)):
        w.push(item)
    stored[0].dropped = True  # takes no number with it
    assert [m.publish.producer_seq for m in frame(w).messages] == [1, 2, 0]
    w.resume(1)
    assert [m.publish.producer_seq for m in frame(w).messages] == [2, 0]


def test_what_was_written_is_kept_until_it_is_received() -> None:
    w = writer()
    for size in range(5):
        w.push(goodbye(size))
    w.push(heartbeat())
    frame(w)
    assert w.kept == 5
    w.confirmed(0)
    w.confirmed(3)
    w.confirmed(2)
    assert w.kept == 2
    w.confirmed(5)
    assert w.kept == 0
    with pytest.raises(BrokenStreamError, match="has received message 6, 5 were written"):
        w.confirmed(6)


def test_after_a_resume_what_is_lacking_comes_first_under_its_numbers() -> None:
    w = writer(10, 1000)
    w.raise_credit(2, 1000)
    for item in (covered(id=1), covered(id=2), goodbye(1), goodbye(2), heartbeat()):
        w.push(item)
    assert [len(m.goodbye.reason) for m in frame(w).messages[:2]] == [1, 2]
    w.grant(10)
    w.push(heartbeat())
    w.push(goodbye(3))
    w.took(4, 10)
    frame(w)
    w.resume(1)
    assert w.pending
    w.push(goodbye(4))
    again = frame(w)
    assert again.first_seq == 2
    assert [(m.id, len(m.goodbye.reason)) for m in again.messages] == [(0, 2), (1, 0), (2, 0), (0, 3), (0, 4)]
    assert (again.credit_messages, again.credit_bytes, again.received) == (11, 1010, 4)
    assert w.kept == 5
    w.push(covered(id=3))
    assert not w.pending  # what was written again has not spent credit twice
    w.raise_credit(3, 1000)
    assert frame(w).first_seq == 7


def test_a_second_cut_while_writing_again() -> None:
    w = writer()
    for size in (MAX_FRAME_BYTES, MAX_FRAME_BYTES + 1, MAX_FRAME_BYTES + 2):
        w.push(goodbye(size))
    for _ in range(3):
        frame(w)
    w.resume(0)
    assert frame(w).first_seq == 1
    w.resume(1)
    assert [frame(w).first_seq for _ in range(2)] == [2, 3]
    for received in (0, 4):
        with pytest.raises(BrokenStreamError, match=f"message {received}, 1 to 3 are possible"):
            w.resume(received)


def test_remaining_times_are_computed_anew() -> None:
    w = writer()
    w.push(Queued(Message(request=call_pb2.Request()), deadline=110))
    assert frame(w, now=100).messages[0].request.timeout_ms == 10_000
    w.resume(0)
    assert frame(w, now=109).messages[0].request.timeout_ms == 1_000


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("free"), st.integers(0, 5)),
        st.tuples(st.just("covered"), st.integers(0, 5)),
        st.tuples(st.just("write"), st.integers(1, 3)),
        st.tuples(st.just("receipt"), st.just(0)),
        st.tuples(st.just("credit"), st.integers(0, 4)),
        st.tuples(st.just("cut"), st.integers(0, 3)),
    ),
    max_size=60,
)


@given(_STEPS)
def test_random_cuts_lose_repeat_and_reorder_nothing(steps: list[tuple[str, int]]) -> None:
    """A writer and a reader over connections that each end after some frame: all arrives once, credit is kept."""
    w, reader = writer(), FrameReader()
    pushed: dict[str, list[int]] = {"free": [], "covered": []}
    came: dict[str, list[int]] = {"free": [], "covered": []}
    numbers = itertools.count(1)
    credit = 0
    wire: list[bytes] = []

    def arrive(count: int) -> None:
        for data in wire[:count]:
            for _, message in reader.messages(Frame.FromString(data)):
                came["free" if message.HasField("goodbye") else "covered"].append(message.id)
        del wire[:count]

    def cut(arrived: int) -> None:
        arrive(arrived)
        wire.clear()
        w.resume(reader.received)

    for what, number in [*steps, ("credit", 100), ("cut", 0), ("write", 100)]:
        if what in pushed:
            item = goodbye(number) if what == "free" else covered(number)
            item.message.id = next(numbers)
            w.push(item)
            pushed[what].append(item.message.id)
        elif what == "write":
            while number and w.pending:
                wire.append(w.next_frame(0.0))
                number -= 1
        elif what == "receipt":
            arrive(len(wire))
            w.confirmed(reader.received)
        elif what == "credit":
            credit += number
            w.raise_credit(credit, 10**9)
        else:
            cut(number)
        assert len(came["covered"]) <= credit
    arrive(len(wire))
    assert came == pushed
    w.confirmed(reader.received)
    assert w.kept == 0


@given(st.integers(0, 2**40))
def test_varints(value: int) -> None:
    assert Frame.FromString(b"\x08" + _varint(value)).first_seq == value


def numbered(first_seq: int, count: int) -> Frame:
    return Frame(first_seq=first_seq, messages=[Message(goodbye=session_pb2.Goodbye())] * count)


def test_reading_gives_each_message_once() -> None:
    reader = FrameReader()
    assert len(list(reader.messages(numbered(1, 3)))) == 3
    assert len(list(reader.messages(numbered(2, 4)))) == 2
    assert reader.received == 5
    assert len(list(reader.messages(numbered(1, 1)))) == 0
    assert reader.received == 5


@pytest.mark.parametrize("first_seq", [0, 2])
def test_a_missing_number_breaks_the_stream(first_seq: int) -> None:
    with pytest.raises(BrokenStreamError, match=f"message 1 was expected, number {first_seq} came"):
        list(FrameReader().messages(numbered(first_seq, 1)))


def test_unknown_kinds_are_numbered_too() -> None:
    data = Frame(first_seq=1).SerializeToString() + b"\x2a\x05\x08\x07\xfa\x0f\x00"
    reader = FrameReader()
    ((kind, message),) = reader.messages(Frame.FromString(data))
    assert (kind, message.id, reader.received) == (None, 7, 1)


def test_heartbeats_are_not_numbered() -> None:
    reader = FrameReader()
    messages = list(reader.messages(Frame(messages=[Message(heartbeat=session_pb2.Heartbeat())])))
    assert ([kind for kind, _ in messages], reader.received) == (["heartbeat"], 0)


def test_credit_is_urgent_once_a_quarter_of_the_window_has_started() -> None:
    w = writer(messages=8, bytes=1000)
    w.hello(Message())  # says the window
    assert [w.grant(10) for _ in range(2)] == [False, True]
    assert w.unsaid == 2
    frame(w)
    assert w.unsaid == 0
    assert not w.grant(10)
    assert w.grant(240)  # a quarter of the bytes


def test_what_waits_is_unsaid_until_it_is_written() -> None:
    w = writer()
    frame(w)
    w.push(goodbye())
    w.push(covered())
    assert w.unsaid == 2
    w.raise_credit(1, 1)
    frame(w)
    assert w.unsaid == 0
