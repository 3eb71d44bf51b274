"""A broker without sockets, disks or a clock: core and codec alone, bytes in and bytes out."""

from parley_broker.core.gateway.lives import Identity
from parley_broker.core.machine import Machine
from parley_broker.core.policy import Policy
from parley_broker.core.records import Opened
from parley_broker.frontends.grpc_v1.codec import decode_frame, encode_frame
from parley_wire.v1 import broker_service_pb2 as wire

NOW = 1000.0
"""The time is always this, in s."""
CREDIT = 1 << 40

UNNUMBERED = {"hello", "welcome", "heartbeat"}


class BareBroker:
    """The core behind its codec; commits succeed as soon as they are asked for."""

    def __init__(self) -> None:
        self.machine = Machine(Policy(), Identity("bench", "0"), Opened(1, fresh=True), 0.0, 0.0)

    def receive(self, connection: int, data: bytes) -> None:
        """Takes in one frame, and commits what it stored."""
        machine = self.machine
        machine.receive(connection, decode_frame(data, NOW), NOW)
        effects = machine.effects
        effects.wake.clear()
        effects.logs.clear()
        if effects.records:
            commit = machine.seal()
            effects.records.clear()
            machine.committed(commit, NOW)

    def take(self, connection: int) -> list[bytes]:
        """Returns the frames that wait for a connection."""
        frames = []
        while (frame := self.machine.take(connection, NOW)) is not None:
            frames.append(encode_frame(frame, NOW))
        return frames


class Client:
    """A client that says exactly what it is told to, and keeps count of the numbers."""

    def __init__(self, broker: BareBroker, connection: int) -> None:
        self._broker = broker
        self._connection = connection
        self._sent = self._received = 0
        self._last_id = 0
        broker.machine.connect(connection, "bench", f"session-{connection}", b"secret", NOW)
        hello = {"min_version": 1, "max_version": 1, "producer_id": f"bench-{connection}"}
        self._say_frame(
            wire.Frame(messages=[wire.Message(id=1, hello=hello)], credit_messages=CREDIT, credit_bytes=CREDIT)
        )
        assert self.heard()[0].HasField("welcome")

    def command(self, **kind: object) -> wire.Message:
        """Returns a message with an id that is new."""
        self._last_id += 1
        return wire.Message(id=1 + self._last_id, **kind)  # type: ignore[arg-type]

    def say(self, messages: list[wire.Message]) -> None:
        """Sends one frame, with the receipt for what was heard."""
        frame = wire.Frame(first_seq=self._sent + 1, received=self._received, messages=messages)
        self._sent += len(messages)
        self._say_frame(frame)

    def heard(self) -> list[wire.Message]:
        """Returns the messages that came since the last time."""
        frames = self._broker.take(self._connection)
        messages = [message for data in frames for message in wire.Frame.FromString(data).messages]
        self._received += sum(message.WhichOneof("kind") not in UNNUMBERED for message in messages)
        return messages

    def _say_frame(self, frame: wire.Frame) -> None:
        self._broker.receive(self._connection, frame.SerializeToString())
