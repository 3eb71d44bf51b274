"""How the end of a connection looks in gRPC."""

from __future__ import annotations

import grpc

from parley_broker.errors import EndCode

STATUS_OF: dict[EndCode, grpc.StatusCode] = {code: grpc.StatusCode[code.value] for code in EndCode}
"""The gRPC status of each way in which a connection ends."""
