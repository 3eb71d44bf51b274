"""Every end of a connection has a gRPC status."""

from __future__ import annotations

import grpc

from parley_broker.errors import EndCode
from parley_broker.frontends.grpc_v1.status import STATUS_OF


def test_each_has_its_namesake() -> None:
    assert {code.name for code in STATUS_OF} == {code.name for code in EndCode}
    assert all(status is grpc.StatusCode[code.name] for code, status in STATUS_OF.items())
