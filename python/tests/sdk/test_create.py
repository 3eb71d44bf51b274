"""create_distributed_runtime: what it refuses; connecting is in test_connection, Hello in test_session."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from parley import AgentId
from parley.distributed import create_distributed_runtime
from parley.exceptions import (
    InvalidArgumentError,
)

from .scripted import PATIENCE, ScriptedBroker

TARGET = AgentId("b", "k")


@pytest.mark.parametrize(
    "arguments",
    [
        {"tls": True},
        {"token": "t"},
        {"tracer_provider": object()},
        {"connect_timeout": 0},
        {"broker_url": "localhost"},
    ],
)
async def test_bad_arguments(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(arguments)).replace("broker_url", "broker address")):
        await create_distributed_runtime(**arguments)


@pytest.mark.parametrize("arguments", [{"max_concurrency": 0}, {"default_timeout": -1}])
async def test_bad_settings_close_the_connection(scripted: ScriptedBroker, arguments: dict[str, Any]) -> None:
    creating = asyncio.ensure_future(create_distributed_runtime(scripted.url, **arguments))
    peer = await scripted.accept()
    peer.welcome()
    with pytest.raises(InvalidArgumentError):
        await creating
    await asyncio.wait_for(peer.closed.wait(), PATIENCE)
