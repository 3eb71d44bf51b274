"""A gRPC proxy before one address: hands every method on, and lets somebody change what is said on it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Protocol

import grpc
import grpc.aio

from parley_conformance.relay import DOWN, UP

END_OF_STREAM: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs lack it
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
OPTIONS = [*_UNLIMITED, ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
"""Of a channel for which the target may be anything."""
SERVER_OPTIONS = [*_UNLIMITED, ("grpc.so_reuseport", 0), ("grpc.http2.max_ping_strikes", 0)]
"""Of a server that anything may dial."""
ENDED = (grpc.aio.AioRpcError, grpc.aio.BaseError, asyncio.InvalidStateError)
"""What reading and writing raise when the other end is gone."""
_HOP = (":", "grpc-", "user-agent")
"""Metadata of one hop alone."""


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
        self._server = grpc.aio.server(options=SERVER_OPTIONS)

    async def open(self) -> None:
        """Serves, at `address`."""
        self._server.add_generic_rpc_handlers((Everything(self._serve),))
        self.address = f"grpc://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()

    async def close(self) -> None:
        """Ends every call."""
        await self._server.stop(None)

    async def _serve(self, details: grpc.HandlerCallDetails, context: Any) -> None:
        stream = self._stream(details.method)
        async with handed_on(self._target, details, context, lambda call: _hand_up(stream, context, call)) as call:
            with contextlib.suppress(*ENDED):
                await context.send_initial_metadata(pairs(await call.initial_metadata()))
                while (data := await call.read()) is not END_OF_STREAM:
                    for one in stream.pass_on(DOWN, data) if stream else [data]:
                        await context.write(one)
            await hand_status(context, call)


async def _hand_up(stream: Stream | None, context: Any, call: Any) -> None:
    # Whatever ends the call, the other direction sees it.
    with contextlib.suppress(*ENDED):
        while (data := await context.read()) is not END_OF_STREAM:
            for one in stream.pass_on(UP, data) if stream else [data]:
                await call.write(one)
        await call.done_writing()


class Everything(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs alone
    """Any method, as streams of bytes."""

    def __init__(self, serve: Callable[[grpc.HandlerCallDetails, Any], Awaitable[None]]) -> None:
        self._serve = serve

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """A handler of this call alone."""

        async def serve(_: Any, context: Any) -> None:
            await self._serve(handler_call_details, context)

        return grpc.stream_stream_rpc_method_handler(serve)


@contextlib.asynccontextmanager
async def handed_on(
    target: str, details: grpc.HandlerCallDetails, context: Any, up: Callable[[Any], Coroutine[Any, Any, None]]
) -> AsyncIterator[Any]:
    """The same call at the next hop; it ends with the block.

    Args:
        target: `HOST:PORT` of the next hop.
        details: Of the call that came in.
        context: Of the call that came in.
        up: Hands on what the caller says; runs beside the block, with the call at the next hop.
    """
    channel = grpc.aio.insecure_channel(target, options=OPTIONS)
    invoke = channel.stream_stream(details.method, request_serializer=None, response_deserializer=None)
    metadata = grpc.aio.Metadata(*pairs(details.invocation_metadata))
    call: Any = invoke(None, metadata=metadata, timeout=context.time_remaining())
    upward = asyncio.create_task(up(call), name=f"{details.method}: up")
    try:
        yield call
    finally:
        upward.cancel()
        call.cancel()
        await asyncio.gather(upward, return_exceptions=True)
        await channel.close(None)


async def hand_status(context: Any, call: Any) -> None:
    """Ends the call that came in as the one at the next hop ended: status, details, trailers."""
    code = await call.code()
    trailers = pairs(await call.trailing_metadata())
    if code is grpc.StatusCode.OK:
        context.set_trailing_metadata(trailers)
    else:
        await say_status(context, code, (await call.details()) or "", trailers)


async def say_status(
    context: Any, code: grpc.StatusCode, details: str, trailers: tuple[tuple[str, Any], ...] = ()
) -> None:
    """Ends a call with a status, by raising; one whose connection has broken off ends without.

    gRPC would tell the error of a status that nobody hears as a status once more, and grpcio 1.51 leaves the task of
    that with an exception that nobody retrieves.
    """
    try:
        await context.abort(code, details, trailers)
    except grpc.aio.AbortError:
        raise
    except ENDED:
        return


def pairs(metadata: Any) -> tuple[tuple[str, Any], ...]:
    """What of a call's metadata goes on to the next hop."""
    return tuple((key, value) for key, value in metadata or () if not key.startswith(_HOP))
