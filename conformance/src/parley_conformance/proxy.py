"""A gRPC proxy before one address: hands every method on, and lets somebody change what is said on it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Protocol

import grpc
import grpc.aio

from parley_conformance.door import Everything, pairs, say_status
from parley_conformance.relay import DOWN, UP

_END_OF_STREAM: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs lack it
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
OPTIONS = [*_UNLIMITED, ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
"""Of a channel for which the proxy's target may be anything."""
_SERVER_OPTIONS = [*_UNLIMITED, ("grpc.so_reuseport", 0), ("grpc.http2.max_ping_strikes", 0)]
ENDED = (grpc.aio.AioRpcError, grpc.aio.BaseError, asyncio.InvalidStateError)
"""What reading and writing raise when the other end is gone."""


class Stream(Protocol):
    """What becomes of the messages of one call."""

    def pass_on(self, direction: str, data: bytes) -> list[bytes]:
        """The messages that go on for one that came."""


class Proxy:
    """One proxy before one address.

    Args:
        target: `grpc://HOST:PORT`.
        stream: Asked with the path of a method when it is called; None: what is said goes on as it came.
    """

    def __init__(self, target: str, stream: Callable[[str], Stream | None]) -> None:
        self.address = ""
        self._target = target.removeprefix("grpc://")
        self._stream = stream
        self._server = grpc.aio.server(options=_SERVER_OPTIONS)

    async def open(self) -> None:
        """Serves, at `address`."""
        self._server.add_generic_rpc_handlers((Everything(self._serve),))
        self.address = f"grpc://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()

    async def close(self) -> None:
        """Ends every call."""
        await self._server.stop(None)

    async def _serve(self, details: grpc.HandlerCallDetails, context: Any) -> None:
        channel = grpc.aio.insecure_channel(self._target, options=OPTIONS)
        invoke = channel.stream_stream(details.method, request_serializer=None, response_deserializer=None)
        metadata = grpc.aio.Metadata(*pairs(details.invocation_metadata))
        call: Any = invoke(None, metadata=metadata, timeout=context.time_remaining())
        stream = self._stream(details.method)
        up = asyncio.create_task(_hand_up(stream, context, call))
        try:
            with contextlib.suppress(*ENDED):
                await context.send_initial_metadata(pairs(await call.initial_metadata()))
                while (data := await call.read()) is not _END_OF_STREAM:
                    for one in stream.pass_on(DOWN, data) if stream else [data]:
                        await context.write(one)
            code = await call.code()
            trailers = pairs(await call.trailing_metadata())
            if code is grpc.StatusCode.OK:
                context.set_trailing_metadata(trailers)
            else:
                await say_status(context, code, (await call.details()) or "", trailers)
        finally:
            up.cancel()
            call.cancel()
            await asyncio.gather(up, return_exceptions=True)
            await channel.close(None)


async def _hand_up(stream: Stream | None, context: Any, call: Any) -> None:
    # Whatever ends the call, the other direction sees it.
    with contextlib.suppress(*ENDED):
        while (data := await context.read()) is not _END_OF_STREAM:
            for one in stream.pass_on(UP, data) if stream else [data]:
                await call.write(one)
        await call.done_writing()
