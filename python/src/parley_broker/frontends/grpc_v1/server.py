"""The gRPC server: address, options, services."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

import grpc
import grpc.aio

from parley_broker.errors import StartupError
from parley_broker.frontends.base import Broker
from parley_broker.frontends.grpc_v1.admin import AdminServicer
from parley_broker.frontends.grpc_v1.servicer import BrokerServicer

MAX_MESSAGE_BYTES = 65 * 1024 * 1024
KEEPALIVE_MS = 10_000

OPTIONS: tuple[tuple[str, int], ...] = (
    # Without this a second broker on a taken port starts without a word and gets half of the connections.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # A dead peer is noticed after both times; grpcio 1.51 knows only the second of the two timeouts.
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.http2.ping_timeout_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # Clients may ping often: without these an idle one is closed for too many pings.
    ("grpc.http2.min_ping_interval_without_data_ms", 500),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 500),
    ("grpc.http2.max_ping_strikes", 0),
)


class GrpcServer:
    """Serves one broker at one address.

    Args:
        broker: Decides.
    """

    def __init__(self, broker: Broker) -> None:
        self._server = grpc.aio.server(options=OPTIONS)
        self._server.add_generic_rpc_handlers((BrokerServicer(broker).handler(), AdminServicer(broker).handler()))

    async def start(self, address: str) -> str:
        """Listens at `address` (`host:port`; port 0 picks one) and returns the address with the port that it has.

        Raises:
            StartupError: The address, or one of those that the host's name stands for, cannot be had.
        """
        host, _, port = address.rpartition(":")
        for each in await _addresses(host, address):
            port = str(self._listen(f"{each}:{port}", address))  # the first picks the port for all
        await self._server.start()
        return f"{host}:{port}"

    def _listen(self, each: str, address: str) -> int:
        try:
            port = self._server.add_insecure_port(each)
        except RuntimeError:
            port = 0
        if port == 0:
            at = address if each == address else f"{address} ({each})"
            raise StartupError(f"cannot listen at {at}: the port is taken, or the address is not this machine's")
        return port

    async def stop(self, grace: float) -> None:
        """Ends what is still connected after `grace` seconds."""
        await self._server.stop(grace)


async def _addresses(host: str, address: str) -> list[str]:
    """What the host stands for, each as gRPC takes it: gRPC itself is content with one of them, and hides the others.

    Raises:
        StartupError: Nobody knows the host's name.
    """
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        pass
    else:
        return [host]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as failure:
        why = getattr(failure, "strerror", None) or failure
        raise StartupError(f"cannot listen at {address}: the host {host!r} has no address: {why}") from failure
    version_4 = [f"{where[0]}" for family, *_, where in found if family == socket.AF_INET]
    version_6 = [f"[{where[0]}]" for family, *_, where in found if family == socket.AF_INET6]
    return list(dict.fromkeys(version_4 + version_6 if _has_version_6() or not version_4 else version_4))


def _has_version_6() -> bool:
    """Whether this machine has IPv6 at all; names such as `localhost` stand for an address of it even where not."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
