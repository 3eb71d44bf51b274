"""What an operator can ask."""

from __future__ import annotations

import grpc
import pytest

from broker.e2e.test_hostile import status
from broker.process import BrokerProcess
from parley_broker.frontends.grpc_v1.admin import resident_bytes
from parley_wire.v1 import admin_service_pb2 as admin


async def test_get_status(broker: BrokerProcess) -> None:
    answer = await status(broker)
    assert answer.incarnation == broker.ready["incarnation"]
    assert answer.memory_bytes > 1 << 20
    assert {"sessions", "calls", "agents", "subscriptions", "events", "deliveries"} <= set(answer.tables)


async def test_other_methods_are_unimplemented(broker: BrokerProcess) -> None:
    async with grpc.aio.insecure_channel(broker.address) as channel:
        drain = channel.unary_unary(
            "/parley.v1.AdminService/DrainBroker",
            request_serializer=admin.DrainBrokerRequest.SerializeToString,
            response_deserializer=admin.DrainBrokerResponse.FromString,
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await drain(admin.DrainBrokerRequest())
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_resident_bytes() -> None:
    assert 1 << 20 < resident_bytes() < 1 << 40


async def test_a_page_token_that_nobody_gave(broker: BrokerProcess) -> None:
    async with grpc.aio.insecure_channel(broker.address) as channel:
        ask = channel.unary_unary(
            "/parley.v1.AdminService/ListDeadLetters",
            request_serializer=admin.ListDeadLettersRequest.SerializeToString,
            response_deserializer=admin.ListDeadLettersResponse.FromString,
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(admin.ListDeadLettersRequest(page_token="x" * 100))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
