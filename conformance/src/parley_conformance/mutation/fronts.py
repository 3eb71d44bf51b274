"""Where wire mutants live: a gRPC proxy that hands every method on, and alters what is said on `Connect`."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import grpc
import grpc.aio

from parley_conformance.door import CONNECT, Everything, pairs, say_status
from parley_conformance.mutation.alteration import Alteration, Altered
from parley_conformance.relay import DOWN, UP
from parley_conformance.watch import kind_of
from parley_wire.v1 import broker_service_pb2 as pb

_END_OF_STREAM: Any = grpc.aio.EOF  # type: ignore[attr-defined]  # the stubs lack it
_UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_OPTIONS = [*_UNLIMITED, ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
_SERVER_OPTIONS = [*_UNLIMITED, ("grpc.so_reuseport", 0), ("grpc.http2.max_ping_strikes", 0)]
_ENDED = (grpc.aio.AioRpcError, grpc.aio.BaseError, asyncio.InvalidStateError)


class Fronts:
    """The proxies of one run. `front` is what the kit asks for them.

    Args:
        at: Before whom they stand: `broker`, or the name of a party.
        alteration: What they do.
    """

    def __init__(self, at: str, alteration: Alteration) -> None:
        self.alteration = alteration
        self._at = at
        self._open: dict[str, _Proxy] = {}

    async def front(self, who: str, address: str) -> str:
        """The address to dial instead of this one."""
        if who != self._at:
            return address
        if address not in self._open:
            self._open[address] = _Proxy(address, self.alteration)
            await self._open[address].open()
        return self._open[address].address

    async def close(self) -> None:
        """Ends them."""
        await asyncio.gather(*(proxy.close() for proxy in self._open.values()))


class _Proxy:
    """One proxy before one address."""

    def __init__(self, target: str, alteration: Alteration) -> None:
        self.address = ""
        self._target = target.removeprefix("grpc://")
        self._alteration = alteration
        self._sessions: dict[str, Altered] = {}
        self._server = grpc.aio.server(options=_SERVER_OPTIONS)

    async def open(self) -> None:
        self._server.add_generic_rpc_handlers((Everything(self._serve),))
        self.address = f"grpc://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()

    async def close(self) -> None:
        await self._server.stop(None)

    async def _serve(self, details: grpc.HandlerCallDetails, context: Any) -> None:
        channel = grpc.aio.insecure_channel(self._target, options=_OPTIONS)
        invoke = channel.stream_stream(details.method, request_serializer=None, response_deserializer=None)
        metadata = grpc.aio.Metadata(*pairs(details.invocation_metadata))
        call: Any = invoke(None, metadata=metadata, timeout=context.time_remaining())
        stream = _Stream(self._sessions, self._alteration) if details.method == CONNECT else None
        up = asyncio.create_task(_hand_up(stream, context, call))
        try:
            with contextlib.suppress(*_ENDED):
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


async def _hand_up(stream: _Stream | None, context: Any, call: Any) -> None:
    # Whatever ends the call, the other direction sees it.
    with contextlib.suppress(*_ENDED):
        while (data := await context.read()) is not _END_OF_STREAM:
            for one in stream.pass_on(UP, data) if stream else [data]:
                await call.write(one)
        await call.done_writing()


class _Stream:
    """One connection: it begins a session, or goes on with one that an earlier connection had."""

    def __init__(self, sessions: dict[str, Altered], alteration: Alteration) -> None:
        self._sessions = sessions
        self._alteration = alteration
        self._altered = Altered(alteration)

    def pass_on(self, direction: str, data: bytes) -> list[bytes]:
        try:
            frame = pb.Frame.FromString(data)
        except Exception:
            # A case says what is no frame.
            return [data]
        for message in frame.messages:
            if kind_of(message) == "hello" and message.hello.resume.session_id in self._sessions:
                self._altered = self._sessions[message.hello.resume.session_id]
            elif kind_of(message) == "welcome":
                if not message.welcome.resumed and self._altered in self._sessions.values():
                    self._altered = Altered(self._alteration)
                self._sessions[message.welcome.session_id] = self._altered
        return [one.SerializeToString() for one in self._altered.pass_on(direction, frame)]
