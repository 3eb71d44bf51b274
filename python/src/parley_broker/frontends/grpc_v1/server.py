"""The gRPC server: address, options, services."""

from __future__ import annotations

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
            StartupError: The address cannot be had.
        """
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError:
            port = 0
        if port == 0:
            raise StartupError(f"cannot listen at {address}: the port is taken, or the address is not this machine's")
        await self._server.start()
        return f"{address.rpartition(':')[0]}:{port}"

    async def stop(self, grace: float) -> None:
        """Ends what is still connected after `grace` seconds."""
        await self._server.stop(grace)
