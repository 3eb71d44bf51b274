"""The broker's AdminService, asked with plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
import grpc.aio

from parley_conformance import wire
from parley_conformance.model import Failed, HarnessError, Unsupported
from parley_wire.v1 import admin_service_pb2

LIMIT_S = 5.0
_SERVICE = "parley.v1.AdminService"


async def ask(address: str, method: str, members: Mapping[str, Any]) -> dict[str, Any]:
    """As `call`; the answer is plain data."""
    return wire.plain(await call(address, method, members))


async def call(address: str, method: str, members: Mapping[str, Any]) -> Any:
    """Calls one method.

    Args:
        address: The broker's, `grpc://HOST:PORT`.
        method: E.g. `GetStatus`.
        members: Of its request.

    Raises:
        Unsupported: The broker has no such method.
        Failed: It answered with another error, or not in time.
    """
    request = getattr(admin_service_pb2, f"{method}Request", None)
    if request is None:
        raise HarnessError(f"the AdminService has no method {method!r}")
    built = request()
    wire.fill(built, members)
    response = getattr(admin_service_pb2, f"{method}Response")
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
    async with grpc.aio.insecure_channel(address.removeprefix("grpc://"), options=options) as channel:
        invoke = channel.unary_unary(
            f"/{_SERVICE}/{method}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )
        try:
            return await invoke(built, timeout=LIMIT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                raise Unsupported(f"the broker's AdminService has no {method}") from None
            raise Failed(f"{method}: {error.code().name} {error.details()}", party="broker") from None
