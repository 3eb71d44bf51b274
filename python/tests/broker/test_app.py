"""The composition root: what a running broker is made of, and how its end looks to clients."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import grpc

from parley_broker import __version__
from parley_wire.v1 import errors_pb2

from .peer import connected, message, request
from .process import STOP_LIMIT, running


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


async def test_what_is_under_way_ends_first(tmp_path: Path) -> None:
    with running(tmp_path, "--memory") as broker:
        async with connected(broker.address) as open_peer:
            worker, caller = open_peer(), open_peer()
            for peer in (worker, caller):
                await peer.hello()
            await worker.register("w")
            await caller.say(message(7, request=request("w/k")))
            asked = await worker.hear_kind("request")
            broker.process.terminate()
            for peer in (worker, caller):
                assert (await peer.hear_kind("drain")).drain.timeout_ms == 25_000
                beat = await peer.hear(lambda m: m.HasField("heartbeat") and m.id)
                await peer.say(message(re=beat.id, heartbeat={}))
            refused = await caller.command(request=request("w/k"))
            assert refused.error.reason == errors_pb2.ERROR_REASON_DRAINING
            late = open_peer()
            assert (await late.hello()).error.reason == errors_pb2.ERROR_REASON_DRAINING
            assert (await late.end()).code is grpc.StatusCode.UNAVAILABLE
            await worker.say(message(re=asked.id, reply={"envelope": b"done"}))
            assert (await caller.hear(lambda m: m.re == 7)).reply.envelope == b"done"
            for peer in (worker, caller):
                assert (await peer.hear_kind("goodbye")).HasField("goodbye")
                assert (await peer.end()).code is grpc.StatusCode.UNAVAILABLE
            assert await asyncio.get_running_loop().run_in_executor(None, broker.process.wait, STOP_LIMIT) == 0
    log = broker.log.read_text()
    assert "draining" in log
    assert "nothing is under way" in log


async def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with running(tmp_path, "--memory") as broker:
        async with connected(broker.address) as open_peer:
            peer = open_peer()
            await peer.hello()
            await peer.register("w")
            await peer.say(message(7, request=request("w/k")))
            await peer.hear_kind("request")
            broker.process.terminate()
            await peer.hear_kind("drain")
            assert await asyncio.get_running_loop().run_in_executor(None, broker.stop) == 0
    assert "SIGTERM again" in broker.log.read_text()


async def test_the_end_of_a_drain_s_time(tmp_path: Path) -> None:
    with running(tmp_path, "--memory", "--drain-timeout-ms", "300") as broker:
        async with connected(broker.address) as open_peer:
            peer = open_peer()
            await peer.hello()
            await peer.register("w")
            await peer.say(message(7, request=request("w/k")))
            await peer.hear_kind("request")
            assert await asyncio.get_running_loop().run_in_executor(None, broker.stop, signal.SIGINT) == 0
    assert "its time is up" in broker.log.read_text()
