from parley_bench.scale.numbering import CREDIT, Numbering
from parley_wire.v1 import broker_service_pb2 as wire


def frame(data: bytes) -> wire.Frame:
    return wire.Frame.FromString(data)


def done(number: int) -> wire.Message:
    return wire.Message(re=number, done={})


def test_the_first_frame_says_hello_with_all_credit_and_no_number() -> None:
    said = frame(Numbering().hello(wire.Message(id=1, hello={"producer_id": "p"})))

    assert (said.first_seq, said.credit_messages, said.credit_bytes) == (0, CREDIT, CREDIT)
    assert said.messages[0].hello.producer_id == "p"


def test_messages_are_numbered_over_frames() -> None:
    numbers = Numbering()

    assert frame(numbers.write([done(1), done(2)])).first_seq == 1
    assert frame(numbers.write([done(3)])).first_seq == 3


def test_what_was_heard_is_confirmed_but_for_what_has_no_number() -> None:
    numbers = Numbering()
    beat = wire.Message(heartbeat={})
    heard = numbers.hear(
        wire.Frame(messages=[wire.Message(re=1, welcome={}), beat, done(1), done(2)]).SerializeToString()
    )

    assert [message.WhichOneof("kind") for message in heard] == ["welcome", "done", "done"]
    assert frame(numbers.beat()).received == 2
    assert frame(numbers.write([done(1)])).received == 2
