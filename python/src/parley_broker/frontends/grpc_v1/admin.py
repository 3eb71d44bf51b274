"""`AdminService`: what an operator asks. A method that is not here is UNIMPLEMENTED, by gRPC itself."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import Any

import grpc

from parley_broker.frontends.base import Broker
from parley_broker.frontends.grpc_v1.codec import encode_status
from parley_broker.frontends.grpc_v1.dead_letters import DeadLetterMethods

SERVICE = "parley.v1.AdminService"


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
        get_status = grpc.unary_unary_rpc_method_handler(self.get_status)
        methods = {"GetStatus": get_status, **self._dead_letters.handlers()}
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    async def get_status(self, _request: bytes, _context: Any) -> bytes:
        """How the broker is and how full its tables are."""
        return encode_status(self._broker.status(), resident_bytes())


def resident_bytes() -> int:
    """Resident memory of this process, in bytes; where the system does not tell, the highest that it ever had."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")
