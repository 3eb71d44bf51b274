"""How long the broker's codec takes to read and write one frame of 64 calls."""

from typing import Any

from bare_broker import NOW

from parley_broker.frontends.grpc_v1.codec import decode_frame, encode_frame
from parley_wire.v1 import broker_service_pb2 as wire

REQUEST = {"target": {"type": "echo", "key": "k"}, "envelope": b"x" * 256, "timeout_ms": 1000}
FRAME = wire.Frame(
    first_seq=1, messages=[wire.Message(id=number, request=REQUEST) for number in range(1, 65)]
).SerializeToString()


def test_read_a_frame_of_64_calls(benchmark: Any) -> None:
    assert len(benchmark(decode_frame, FRAME, NOW).messages) == 64


def test_write_a_frame_of_64_calls(benchmark: Any) -> None:
    frame = decode_frame(FRAME, NOW)

    assert len(wire.Frame.FromString(benchmark(encode_frame, frame, NOW)).messages) == 64
