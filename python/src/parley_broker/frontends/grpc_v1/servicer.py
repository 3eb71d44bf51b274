"""The stream of one client: reads frames, writes frames, ends with a status."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

import grpc
import structlog
from grpc.aio import EOF, BaseError  # type: ignore[attr-defined]

from parley_broker.errors import DEFECT, EndCode
from parley_broker.frontends.base import Broker
from parley_broker.frontends.grpc_v1.codec import NotAFrame, decode_frame, encode_frame
from parley_broker.frontends.grpc_v1.crowd import Crowd
from parley_broker.frontends.grpc_v1.status import STATUS_OF

SERVICE = "parley.v1.BrokerService"
FLUSH_LIMIT = 1.0
"""How long a client may take to read what it is told before its stream ends, in seconds."""


class _Stream:
    """The Link of one connection. One reader and one writer, each a task for the whole stream."""

    def __init__(self, context: Any, crowd: Crowd) -> None:
        self._context = context
        self._crowd = crowd
        self._log: Any = structlog.get_logger("parley.broker")
        self._wakened = asyncio.Event()
        self._is_writing = False
        self.ending: asyncio.Future[tuple[EndCode, str]] = asyncio.get_running_loop().create_future()
        """With what the stream is to end."""

    def wake(self) -> None:
        """As Link.wake."""
        self._wakened.set()

    def close(self, code: EndCode, text: str) -> None:
        """As Link.close."""
        if not self.ending.done():
            self.ending.set_result((code, text))
            self._wakened.set()

    async def read(self, broker: Broker, connection: int) -> None:
        """Hands on what the client sends, until it half-closes or the stream breaks."""
        read = self._context.read
        while True:
            try:
                data = await read()
            except BaseError:
                # The stream is broken, which its end tells.
                return
            if data is EOF:
                return
            if self._is_writing:
                self._crowd.grow()
            try:
                broker.receive(connection, decode_frame(data, broker.now()))
            except NotAFrame as failure:
                broker.reject(connection, str(failure))
            except Exception:
                self._fail(broker, connection)
            else:
                continue
            await self.ending
            return

    async def write(self, broker: Broker, connection: int) -> None:
        """Writes what there is for the client, until the stream is to end or breaks."""
        write = self._context.write
        while self._wakened.is_set() or not self.ending.done():
            await self._wakened.wait()
            await self._crowd.passed()
            self._wakened.clear()
            if (data := self._next(broker, connection)) is not None:
                self._is_writing = True
                try:
                    await write(data)
                except BaseError:
                    # The stream is broken, which its end tells.
                    return
                self._is_writing = False

    def _next(self, broker: Broker, connection: int) -> bytes | None:
        try:
            frame = broker.take(connection)
            return encode_frame(frame, broker.now()) if frame is not None else None
        except Exception:
            self._fail(broker, connection)
            self._wakened.clear()  # what comes after it would meet it again
            return None

    def settle(self, connection: int, results: Iterable[BaseException | None]) -> None:
        """Both tasks are over: what is not accounted for is logged."""
        for result in results:
            if isinstance(result, Exception):
                self._log.error("defect", connection=connection, exc_info=result)

    def _fail(self, broker: Broker, connection: int) -> None:
        """Logs the defect at hand and ends the stream, in which something was lost by it."""
        self._log.exception("defect", connection=connection)
        try:
            broker.fail(connection, DEFECT)
        except Exception:
            self._log.exception("defect", connection=connection)
        self.close(EndCode.INTERNAL, DEFECT)


class BrokerServicer:
    """`BrokerService`, on raw bytes, so that what is no frame is answered by this broker and not by gRPC.

    Args:
        broker: Decides.
        clock: The time in seconds.
    """

    def __init__(self, broker: Broker, clock: Callable[[], float] = time.monotonic) -> None:
        self._broker = broker
        self._crowd = Crowd(clock)

    def handler(self) -> grpc.GenericRpcHandler[Any, Any]:
        """What a gRPC server needs to serve `Connect`."""
        connect = grpc.stream_stream_rpc_method_handler(self.connect)
        return grpc.method_handlers_generic_handler(SERVICE, {"Connect": connect})

    async def connect(self, _requests: Any, context: Any) -> None:
        """One stream from its first byte to its status."""
        stream = _Stream(context, self._crowd)
        connection = self._broker.connect(context.peer(), stream)
        reader = asyncio.ensure_future(stream.read(self._broker, connection))
        writer = asyncio.ensure_future(stream.write(self._broker, connection))
        # A half-close and a cancelled call reach the reader in the same way, and which of the two it was may be known
        # only later.
        why = "the client's stream ended"
        try:
            await asyncio.wait((reader, writer, stream.ending), return_when=asyncio.FIRST_COMPLETED)
            if stream.ending.done():
                await asyncio.wait((writer,), timeout=FLUSH_LIMIT)
                code, why = stream.ending.result()
                if code is not EndCode.OK:
                    await context.abort(STATUS_OF[code], why)
        finally:
            reader.cancel()
            writer.cancel()
            self._broker.disconnect(connection, why)
            stream.settle(connection, await asyncio.gather(reader, writer, return_exceptions=True))
