"""`AdminService`: what an operator asks. A method that is not here is UNIMPLEMENTED, by gRPC itself."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from parley_broker.errors import CommandError
from parley_broker.frontends.base import Broker
from parley_broker.frontends.grpc_v1 import admin_codec as codec
from parley_broker.frontends.grpc_v1.dead_letters import DeadLetterMethods

SERVICE = "parley.v1.AdminService"
Method = Callable[[bytes], bytes]


class AdminServicer:
    """Answers about one broker.

    Args:
        broker: Is asked.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._dead_letters = DeadLetterMethods(broker)

    def handler(self) -> grpc.GenericRpcHandler[Any, Any]:
        """What a gRPC server needs to serve the methods."""
        methods: dict[str, Method] = {
            "GetStatus": self.get_status,
            "ListSessions": self.list_sessions,
            "ListAgents": self.list_agents,
            "DrainBroker": self.drain_broker,
        }
        handlers = {name: grpc.unary_unary_rpc_method_handler(_answering(m)) for name, m in methods.items()}
        return grpc.method_handlers_generic_handler(SERVICE, {**handlers, **self._dead_letters.handlers()})

    def get_status(self, _request: bytes) -> bytes:
        """How the broker is and how full its tables are."""
        return codec.encode_status(self._broker.status(), resident_bytes())

    def list_sessions(self, request: bytes) -> bytes:
        """The sessions, by their ids."""
        size, after = codec.decode_list_sessions(request)
        return codec.encode_sessions(self._broker.sessions(after, size + 1), size)

    def list_agents(self, request: bytes) -> bytes:
        """The agents that have a place, by type and key."""
        size, after, agent_type = codec.decode_list_agents(request)
        return codec.encode_agents(self._broker.agents(after, agent_type, size + 1), size)

    def drain_broker(self, request: bytes) -> bytes:
        """Tells every client to finish and go, then ends the broker (DRN-1); answered when it has begun."""
        self._broker.drain(codec.decode_drain(request), "an operator asked for it")
        return codec.encode_drain()


def _answering(method: Method) -> Any:
    async def answer(request: bytes, context: Any) -> bytes:
        try:
            return method(request)
        except CommandError as failure:
            status = getattr(grpc.StatusCode, failure.reason.name, grpc.StatusCode.UNKNOWN)
            await context.abort(status, failure.message)
            raise

    return answer


def resident_bytes() -> int:
    """Resident memory of this process, in bytes; where the system does not tell, the highest that it ever had."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
