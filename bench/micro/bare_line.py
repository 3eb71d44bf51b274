"""A Python SDK without sockets: a runtime on a connection in memory, whose broker is what the bench makes it say."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from parley import DistributedRuntime, create_distributed_runtime
from parley._distributed import hello
from parley_wire.v1 import broker_service_pb2 as wire

CREDIT = 1 << 40
UNNUMBERED = {"hello", "welcome", "heartbeat"}

Said = tuple[int, bytes]
"""How many messages of a frame have a number, and the frame without its header."""
Answer = Callable[[wire.Message], "wire.Message | None"]


def numbered(messages: Iterable[wire.Message]) -> int:
    """Returns how many of these messages have a number."""
    return sum(message.WhichOneof("kind") not in UNNUMBERED for message in messages)


def said(messages: list[wire.Message]) -> Said:
    """Returns what `BareLine.say` wants."""
    return numbered(messages), wire.Frame(messages=messages).SerializeToString()


class BareLine:
    """Stands for a connection; answers each message that the SDK writes by `answer`, one frame for one frame.

    Attributes:
        heard: how many numbered messages the SDK has written.
        envelope: that of the last call it has written.
    """

    address = "bench:1"

    def __init__(self, answer: Answer) -> None:
        self.heard = 0
        self.envelope = b""
        self._answer = answer
        self._said = 0
        self._waiting: asyncio.Queue[Said] = asyncio.Queue()

    def say(self, messages: Said) -> None:
        """Lets the SDK read a frame with these messages."""
        self._waiting.put_nowait(messages)

    async def write(self, frame: bytes) -> None:
        """Takes what the SDK writes."""
        messages = wire.Frame.FromString(frame).messages
        self.heard += numbered(messages)
        if messages:  # else it gives credit and receipts alone
            self.envelope = messages[-1].request.envelope or self.envelope
        answers = [answer for message in messages if (answer := self._answer(message)) is not None]
        if answers:
            self.say(said(answers))

    async def read(self) -> tuple[wire.Frame, int]:
        """Gives the SDK the next frame."""
        count, body = await self._waiting.get()
        data = wire.Frame(first_seq=self._said + 1, received=self.heard).SerializeToString() + body
        self._said += count
        return wire.Frame.FromString(data), len(data)

    async def finish(self) -> None:
        """There is nothing to end."""

    async def close(self) -> None:
        """There is nothing to end."""


def answer(message: wire.Message) -> wire.Message | None:
    """Calls are answered with what they carry; every other command is done."""
    kind = message.WhichOneof("kind")
    if kind == "request":
        return wire.Message(re=message.id, reply={"envelope": message.request.envelope})
    if kind == "publish":
        return wire.Message(re=message.id, published={"recipients": 1})
    return wire.Message(re=message.id, done={}) if message.id else None


async def runtime_on(line: BareLine) -> DistributedRuntime:
    """Returns a runtime that is connected by `line`."""
    welcome: dict[str, Any] = {
        "version": 1, "session_id": "bench", "heartbeat_interval_ms": 3_600_000, "limits": {},
        "kinds": [field.number for field in wire.Message.DESCRIPTOR.fields],
    }  # fmt: skip
    first = wire.Frame(
        messages=[wire.Message(re=hello.HELLO_ID, welcome=welcome)], credit_messages=CREDIT, credit_bytes=CREDIT
    )

    async def dial(address: str, hello: bytes, timeout: float) -> Any:
        return line, first

    real, hello.dial = hello.dial, dial  # type: ignore[assignment]
    try:
        return await create_distributed_runtime("grpc://bench:1")
    finally:
        hello.dial = real
