"""The composition root: what a running broker is made of, and how its end looks to clients."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import grpc

from parley_broker import __version__

from .peer import connected
from .process import running


def test_the_ready_file_is_one_line_of_json(tmp_path: Path) -> None:
    with running(tmp_path / "run", "--memory") as broker:
        assert set(broker.ready) == {"address", "pid", "incarnation", "version"}
        assert broker.ready["version"] == __version__


def test_every_start_has_a_new_incarnation(tmp_path: Path) -> None:
    incarnations = set()
    for run in range(2):
        with running(tmp_path / str(run), "--data", str(tmp_path / "data")) as broker:
            incarnations.add(json.dumps(broker.ready["incarnation"]))
            broker.stop()
    assert len(incarnations) == 2


async def test_clients_are_told_when_the_broker_goes(tmp_path: Path) -> None:
    with running(tmp_path, "--memory") as broker:
        async with connected(broker.address) as open_peer:
            peer = open_peer()
            await peer.hello()
            stopping = asyncio.get_running_loop().run_in_executor(None, broker.stop)
            ended = await peer.end()
            assert ended.code is grpc.StatusCode.UNAVAILABLE
            assert "shutting down" in ended.text
            assert any(message.HasField("drain") for message in peer.inbox)
            assert await stopping == 0


async def test_a_client_that_does_not_read_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with running(tmp_path, "--memory") as broker:
        async with connected(broker.address) as open_peer:
            peer = open_peer()
            await peer.hello()
            assert await asyncio.get_running_loop().run_in_executor(None, broker.stop) == 0
