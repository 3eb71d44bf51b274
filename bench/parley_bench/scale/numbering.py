"""What one side of a session keeps count of, without I/O: numbers, receipts and credit."""

from collections.abc import Iterable

from parley_wire.v1 import broker_service_pb2 as wire

UNNUMBERED = frozenset({"hello", "welcome", "heartbeat"})
CREDIT = 1 << 40
"""What a session may be sent, in messages and in bytes: more than any run sends."""


class Numbering:
    """Makes frames of messages, and messages of frames, as SES-7 and SES-8 have it."""

    def __init__(self) -> None:
        self._written = 0
        self._received = 0

    def hello(self, message: wire.Message) -> bytes:
        """Returns the first frame of a session, with all the credit there will ever be."""
        return wire.Frame(messages=[message], credit_messages=CREDIT, credit_bytes=CREDIT).SerializeToString()

    def write(self, messages: Iterable[wire.Message]) -> bytes:
        """Returns a frame of these messages, all of them numbered, with the receipt for what was heard."""
        frame = wire.Frame(first_seq=self._written + 1, received=self._received, messages=messages)
        self._written += len(frame.messages)
        return frame.SerializeToString()

    def beat(self) -> bytes:
        """Returns a frame that says that this side is alive."""
        return wire.Frame(received=self._received, messages=[wire.Message(heartbeat={})]).SerializeToString()

    def hear(self, data: bytes) -> list[wire.Message]:
        """Returns the messages of a frame, Heartbeats apart."""
        heard = [message for message in wire.Frame.FromString(data).messages if not message.HasField("heartbeat")]
        self._received += sum(message.WhichOneof("kind") not in UNNUMBERED for message in heard)
        return heard
