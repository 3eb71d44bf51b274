"""What a worker holds when the broker is killed and started again."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from broker.peer import Peer, agent, connected, message, request
from broker.process import running


async def held_by(worker: Peer, caller: Peer, target: str) -> int:
    """Has the agent placed with the worker: its epoch."""
    await caller.say(message(1, request=request(target)))
    asked = await worker.hear_kind("request")
    await worker.say(message(re=asked.id, reply={}))
    await caller.hear(lambda m: m.re == 1)
    return asked.request.epoch


@pytest.mark.parametrize("kept", ["disk", "memory"])
async def test_agents_are_adopted_by_a_restarted_broker(tmp_path: Path, kept: str) -> None:
    store = ["--data", str(tmp_path / "data")] if kept == "disk" else ["--memory"]
    with running(tmp_path / "first", *store) as broker:
        async with connected(broker.address) as open_peer:
            worker, caller = open_peer(), open_peer()
            await worker.hello()
            await caller.hello()
            await worker.register("w")
            epoch = await held_by(worker, caller, "w/k")
            broker.stop(signal.SIGKILL)
    with running(tmp_path / "second", "--listen", broker.address, *store) as again:
        async with connected(again.address) as open_peer:
            newcomer, second, caller = open_peer(), open_peer(), open_peer()
            for peer in (newcomer, caller):
                await peer.hello()
            answer = await second.resume(worker)
            assert not answer.welcome.resumed
            assert answer.welcome.incarnation != worker.welcome.incarnation
            second.sent = second.received = 0
            await newcomer.register("w")
            await second.register("w")
            claim = {"agents": [{"agent": agent("w/k"), "epoch": epoch}]}
            result = await second.command(claim=claim)
            assert list(result.claim_result.refused) == []
            await caller.say(message(1, request=request("w/k")))
            asked = await second.hear_kind("request")
            assert asked.request.epoch == epoch
            assert not any(m.HasField("activate") for m in second.inbox)
            await caller.say(message(2, request=request("w/new")))
            placed = await newcomer.hear_kind("request")
            assert placed.request.epoch > epoch
