"""A session on raw frames: it answers what it is sent, and counts what comes back. No SDK takes part."""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio
from grpc.aio import EOF  # type: ignore[attr-defined]

from parley_bench.processes import BenchError
from parley_bench.scale.numbering import Numbering
from parley_wire.v1 import broker_service_pb2 as wire

METHOD = "/parley.v1.BrokerService/Connect"
FRAME_BYTES = 64 * 1024
"""Where a frame is cut (MSG-8)."""
OVERHEAD = 64
"""What a message is taken for beside its envelope, in bytes."""
ANSWER_LIMIT = 60.0
"""How long the broker may take for a command, in s."""
_OPTIONS = (
    # A connection for each session, as processes would have; channels of one process share them otherwise.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 65 * 1024 * 1024),
    ("grpc.max_send_message_length", 65 * 1024 * 1024),
)
_producers = itertools.count(1)

Answered = Callable[[wire.Message], None]


class Session:
    """One client: echoes calls, acknowledges events, and hands answers on."""

    def __init__(self, channel: Any, call: Any) -> None:
        self._channel = channel
        self._call = call
        self._numbers = Numbering()
        self._last_id = 1
        self._asked: dict[int, asyncio.Future[wire.Message]] = {}
        self._queue: deque[tuple[int, wire.Message]] = deque()
        self._beat_due = False
        self._wakened = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.failure: BaseException | None = None
        self.answered: Answered = lambda _message: None
        """Is told of each outcome and Published that nobody `ask`s for."""
        self.acknowledges = True
        """Whether events are settled once they are here."""
        self.handled = 0
        """Events that were delivered."""

    @classmethod
    async def open(cls, address: str) -> "Session":
        """Connects to the broker at `HOST:PORT` and begins a session.

        Raises:
            BenchError: the broker refuses it.
        """
        channel: Any = grpc.aio.insecure_channel(address, options=_OPTIONS)
        call = channel.stream_stream(METHOD, request_serializer=None, response_deserializer=None)()
        self = cls(channel, call)
        hello = {"min_version": 1, "max_version": 1, "producer_id": f"scale-{next(_producers)}", "sdk_name": "scale"}
        await call.write(self._numbers.hello(wire.Message(id=1, hello=hello)))
        try:
            data = await asyncio.wait_for(call.read(), ANSWER_LIMIT)
            welcome = self._numbers.hear(data)[0]
        except (TimeoutError, TypeError, grpc.RpcError) as failure:
            raise BenchError(f"no Welcome came from {address}: {failure}") from failure
        if not welcome.HasField("welcome"):
            raise BenchError(f"the broker refused a session: {welcome}")
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]
        return self

    async def close(self) -> None:
        """Ends the connection; the session with it, after its grace."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._call.cancel()
        await self._channel.close()

    def check(self) -> None:
        """Raises BenchError when the session came to an end."""
        if self.failure is not None:
            raise BenchError(f"a session ended: {self.failure!r}")

    def next_id(self) -> int:
        """Returns an id that is new."""
        self._last_id += 1
        return self._last_id

    def say(self, message: wire.Message, size: int = 0) -> None:
        """Queues a message; `size` is that of its envelope, in bytes."""
        self._queue.append((size, message))
        self._wakened.set()

    def beat(self) -> None:
        """Tells the broker that this side is alive."""
        self._beat_due = True
        self._wakened.set()

    async def ask(self, message: wire.Message) -> wire.Message:
        """Sends a command and returns its answer.

        Raises:
            BenchError: it was refused, or not answered in time.
        """
        message.id = self.next_id()
        answer = self._asked[message.id] = asyncio.get_running_loop().create_future()
        self.say(message)
        try:
            result: wire.Message = await asyncio.wait_for(answer, ANSWER_LIMIT)
        except TimeoutError:
            self.check()
            raise BenchError(f"no answer came to {message.WhichOneof('kind')}") from None
        finally:
            del self._asked[message.id]
        if result.HasField("error"):
            raise BenchError(f"{message.WhichOneof('kind')} was refused: {result.error.message}")
        return result

    async def _write(self) -> None:
        queue = self._queue
        while True:
            if queue:
                size = 0
                messages: list[wire.Message] = []
                while queue and (not messages or size + queue[0][0] < FRAME_BYTES):
                    length, message = queue.popleft()
                    size += length + OVERHEAD
                    messages.append(message)
                await self._call.write(self._numbers.write(messages))
            elif self._beat_due:
                self._beat_due = False
                await self._call.write(self._numbers.beat())
            else:
                self._wakened.clear()
                await self._wakened.wait()

    async def _read(self) -> None:
        try:
            while (data := await self._call.read()) is not EOF:
                for message in self._numbers.hear(data):
                    self._take(message)
            raise BenchError(f"the broker ended the stream: {await self._call.details()}")
        except (Exception, asyncio.CancelledError) as failure:
            self.failure = failure
            for answer in self._asked.values():
                if not answer.done():
                    answer.cancel()
            raise

    def _take(self, message: wire.Message) -> None:
        kind = message.WhichOneof("kind")
        if kind == "request":
            envelope = message.request.envelope
            self.say(wire.Message(re=message.id, reply={"envelope": envelope}), len(envelope))
        elif kind == "delivery":
            self.handled += 1
            self._settle(message.delivery)
        elif kind in ("activate", "deactivate"):
            self.say(wire.Message(re=message.id, done={}))
        elif (asked := self._asked.get(message.re)) is not None:
            asked.set_result(message)
        else:
            self.answered(message)

    def _settle(self, delivery: Any) -> None:
        if not delivery.position or not self.acknowledges:
            return
        ack = wire.Message(id=self.next_id())
        ack.ack.recipient.CopyFrom(delivery.recipient)
        ack.ack.epoch, ack.ack.position, ack.ack.round = delivery.epoch, delivery.position, delivery.round
        self.say(ack)
