"""What is written next and what has been read, without any I/O."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley._distributed.frames import MAX_FRAME_BYTES, BrokenStreamError, FrameReader, FrameWriter, Queued, _varint
from parley_wire.v1 import broker_service_pb2, call_pb2, publish_pb2, session_pb2

Message = broker_service_pb2.Message
Frame = broker_service_pb2.Frame


def writer(messages: int = 10, bytes: int = 1000) -> FrameWriter:
    return FrameWriter(window_messages=messages, window_bytes=bytes)


def goodbye(size: int = 0) -> Queued:
    return Queued(Message(goodbye=session_pb2.Goodbye(reason="x" * size)))


def covered(size: int = 10, id: int = 0) -> Queued:
    return Queued(Message(id=id, publish=publish_pb2.Publish(envelope=b"x" * size)), covered_bytes=size)


def heartbeat() -> Queued:
    return Queued(Message(heartbeat=session_pb2.Heartbeat()), numbered=False)


def frame(writer: FrameWriter, now: float = 0.0, received: int = 0) -> Frame:
    return Frame.FromString(writer.next_frame(now, received))


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


def test_the_first_credit_is_in_the_first_frame() -> None:
    w = writer(10, 1000)
    first = frame(w)
    assert (first.credit_messages, first.credit_bytes) == (10, 1000)
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
    assert frame(w, received=7).received == 7
    assert frame(w, received=7).received == 0
    assert frame(w, received=9).received == 9


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
