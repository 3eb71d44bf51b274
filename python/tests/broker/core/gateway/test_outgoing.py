"""What is kept for a client until it says that it has it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from parley_broker.core.gateway.outgoing import Outgoing
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Heartbeat, Message, Reply, Request
from parley_broker.core.policy import FRAME_BYTES


def reply(text: bytes = b"") -> Message:
    return Message(Reply(text))


def texts(messages: list[Message]) -> list[bytes]:
    return [m.body.envelope for m in messages if isinstance(m.body, Reply)]


def wanted(_message: Message) -> bool:
    return True


def filled(count: int) -> Outgoing:
    outgoing = Outgoing()
    for number in range(1, count + 1):
        outgoing.put(reply(b"%d" % number))
    return outgoing


def test_frames_are_cut() -> None:
    outgoing = Outgoing()
    for _ in range(20):
        outgoing.put(reply(b"x" * 10_000))
    sizes = []
    while taken := outgoing.take(wanted)[1]:
        sizes.append(len(taken))
    assert sum(sizes) == 20
    assert all(size * 10_000 <= FRAME_BYTES for size in sizes)
    outgoing.confirm(20)
    assert outgoing.bytes == 0


def test_a_large_message_comes_alone() -> None:
    outgoing = Outgoing()
    for size in (1, FRAME_BYTES * 2, 1):
        outgoing.put(reply(b"x" * size))
    assert [len(outgoing.take(wanted)[1]) for _ in range(3)] == [1, 1, 1]


def test_what_is_written_is_kept_until_its_receipt() -> None:
    outgoing = filled(5)
    assert outgoing.take(wanted)[0] == 1
    assert (outgoing.waiting, outgoing.kept, outgoing.sent) == (0, 5, 5)
    outgoing.confirm(3)
    assert (outgoing.kept, outgoing.confirmed) == (2, 3)
    assert outgoing.bytes > 0
    outgoing.confirm(5)
    assert (outgoing.kept, outgoing.bytes) == (0, 0)


def test_what_the_client_lacks_comes_again_under_its_numbers() -> None:
    outgoing = filled(5)
    outgoing.take(wanted)
    outgoing.confirm(1)
    outgoing.put(reply(b"new"))
    outgoing.cut()
    outgoing.resume(3)
    assert (outgoing.written, outgoing.sent) == (3, 5)
    first, again = outgoing.take(wanted)
    assert (first, texts(again)) == (4, [b"4", b"5"])
    first, fresh = outgoing.take(wanted)
    assert (first, texts(fresh)) == (6, [b"new"])


def test_a_second_cut_while_it_is_written_again() -> None:
    outgoing = Outgoing()
    for number in range(1, 4):
        outgoing.put(reply(b"%d" % number + bytes(FRAME_BYTES)))
    for _ in range(3):
        outgoing.take(wanted)
    outgoing.resume(0)
    assert outgoing.take(wanted)[0] == 1
    outgoing.resume(1)
    assert [outgoing.take(wanted)[0] for _ in range(3)] == [2, 3, 0]


def test_what_has_no_number_is_not_kept() -> None:
    outgoing = Outgoing()
    outgoing.put(Message(Heartbeat()))
    outgoing.put(reply())
    outgoing.put(Message(Heartbeat()))
    first, taken = outgoing.take(wanted)
    assert (first, len(taken), outgoing.kept) == (1, 3, 1)
    outgoing.put(Message(Heartbeat()))
    outgoing.put(reply())
    outgoing.cut()
    assert outgoing.waiting == 1, "a heartbeat belongs to its connection"
    outgoing.take(wanted)
    outgoing.confirm(2)
    assert outgoing.bytes == 0


def test_a_request_that_nobody_waits_for_is_left_out_only_while_it_has_no_number() -> None:
    outgoing = Outgoing()
    for _ in range(3):
        outgoing.put(Message(Request(AgentId("w", "k"), b""), id=1))
    verdicts = iter([True, False, True])
    first, taken = outgoing.take(lambda _: next(verdicts))
    assert (first, len(taken), outgoing.sent) == (1, 2, 2)
    outgoing.resume(0)
    assert len(outgoing.take(lambda _: False)[1]) == 2, "its number must exist"


@given(st.lists(st.tuples(st.sampled_from(["put", "take", "lose", "confirm", "resume"]), st.integers(0, 5))))
def test_each_message_once_in_order(steps: list[tuple[str, int]]) -> None:
    outgoing = Outgoing()
    put = 0
    got: list[bytes] = []
    for step, amount in steps:
        if step == "put":
            for _ in range(amount):
                put += 1
                outgoing.put(reply(b"%d" % put + bytes(amount * 20_000)))
        elif step in ("take", "lose"):
            first, messages = outgoing.take(wanted)
            if step == "take" and messages:
                skip = len(got) + 1 - first
                if skip >= 0:
                    got += texts(messages)[skip:]
        elif step == "confirm":
            if outgoing.written <= len(got):
                outgoing.confirm(max(outgoing.confirmed, min(outgoing.written, len(got) - amount)))
        else:
            outgoing.resume(len(got))
    outgoing.resume(len(got))
    while messages := outgoing.take(wanted)[1]:
        got += texts(messages)
    assert [int(text.rstrip(b"\0")) for text in got] == list(range(1, put + 1))
    outgoing.confirm(len(got))
    assert outgoing.bytes == 0
