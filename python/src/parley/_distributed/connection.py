"""The gRPC stream to one broker address: bytes of frames in, bytes of frames out."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

import grpc
import grpc.aio

from parley._constants import TRACE_LOGGER_NAME
from parley_wire.v1 import broker_service_pb2

_trace = logging.getLogger(TRACE_LOGGER_NAME)

_METHOD = "/parley.v1.BrokerService/Connect"
_MAX_MESSAGE_BYTES = 65 * 1024 * 1024
_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    # A frozen connection is noticed after 20 s. Newer gRPC waits for ping_timeout_ms, older for keepalive_timeout_ms.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A new attempt must not inherit the backoff of an earlier one.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
)


_EOF: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs lack it


class ConnectionLostError(Exception):
    """The stream has ended; the text says how."""


class NoAnswerError(ConnectionLostError):
    """There was no answer to Hello in time."""


class Connection:
    """An open stream.

    Attributes:
        address: `host:port` of the broker.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._channel = cast(Any, grpc.aio.insecure_channel(address, options=_OPTIONS))
        self._stream: Any = self._channel.stream_stream(_METHOD)()

    async def write(self, frame: bytes) -> None:
        """Writes the bytes of one frame. Raises ConnectionLostError."""
        try:
            await self._stream.write(frame)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError, grpc.aio.UsageError) as error:
            raise await self._lost(error) from error

    async def read(self) -> tuple[broker_service_pb2.Frame, int]:
        """The next frame, and its size in bytes. Raises ConnectionLostError when there is none any more."""
        try:
            data = await self._stream.read()
        except grpc.aio.AioRpcError as error:
            raise await self._lost(error) from error
        if data is _EOF:
            raise await self._lost(None)
        try:
            return broker_service_pb2.Frame.FromString(data), len(data)
        except Exception as error:  # the protobuf runtimes differ in what they raise
            raise ConnectionLostError("the broker sent bytes that are no frame") from error

    async def _lost(self, error: Exception | None) -> ConnectionLostError:
        if isinstance(error, grpc.aio.AioRpcError):
            return ConnectionLostError(f"{error.code().name}: {error.details()}")
        code, details = await self._stream.code(), await self._stream.details()
        if code is grpc.StatusCode.OK:
            return ConnectionLostError("the broker ended the connection")
        return ConnectionLostError(f"{code.name}: {details}")

    async def finish(self) -> None:
        """Says that nothing more will be written, and closes."""
        try:
            await self._stream.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError, grpc.aio.UsageError):
            _trace.debug("the connection to %s had ended already", self.address)
        await self.close()

    async def close(self) -> None:
        """Ends the stream at once."""
        self._stream.cancel()
        await self._channel.close()


async def dial(address: str, hello: bytes, timeout: float) -> tuple[Connection, broker_service_pb2.Frame]:
    """Opens a connection: the frame with Hello is written, the one with the broker's answer is read.

    Args:
        address: `host:port`.
        hello: The bytes of the frame with Hello.
        timeout: Seconds.

    Returns:
        The connection, and the frame with the broker's answer.

    Raises:
        ConnectionLostError: The address cannot be reached, or did not answer in time.
    """
    connection = Connection(address)
    try:
        async with asyncio.timeout(timeout):
            await connection.write(hello)
            frame, _ = await connection.read()
    except TimeoutError:
        await connection.close()
        raise NoAnswerError("no answer") from None
    except BaseException:
        await connection.close()
        raise
    return connection, frame
