"""A real broker whose disk is full: publishers are told, calls go on, and nothing answered is lost."""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

from broker.e2e.test_events import ack, subscribe
from broker.peer import Peer, connected, topic
from broker.process import running
from parley_wire.v1 import broker_service_pb2 as wire

UNAVAILABLE = 24
LIMIT = 400_000
"""Bytes that a file of the broker's may have: to SQLite a full disk."""


async def publish(peer: Peer, number: int) -> wire.Message:
    """Publishes 16 KiB that begin with the number: the answer."""
    envelope = b"%d " % number + b"x" * 16_384
    return await peer.command(publish={"topic": topic("orders/k"), "envelope": envelope})


async def test_publishers_are_told_calls_go_on_and_nothing_answered_is_lost(tmp_path: Path) -> None:
    with running(tmp_path, "--data", str(tmp_path / "data")) as broker:
        resource.prlimit(broker.process.pid, resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))
        async with connected(broker.address) as opener:
            worker, publisher = opener(), opener()
            for peer in (worker, publisher):
                await peer.hello()
            await worker.register("echo")
            await subscribe(worker, "w", "orders")
            stored: list[int] = []
            for number in range(100):
                answer = await publish(publisher, number)
                if answer.HasField("error"):
                    break
                stored.append(number)
            assert 0 < len(stored) < 100
            assert answer.error.reason == UNAVAILABLE
            assert answer.error.retryable
            assert str(tmp_path / "data") in answer.error.message
            assert "disk" in answer.error.message

            calling = asyncio.ensure_future(publisher.command(request={"target": {"type": "echo", "key": "k"}}))
            request = await worker.hear_kind("request")
            await worker.say(wire.Message(re=request.id, reply={}))
            assert (await calling).HasField("reply"), "calls need no disk"

            resource.prlimit(broker.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            number += 1
            while (answer := await publish(publisher, number)).HasField("error"):
                assert answer.error.reason == UNAVAILABLE
                number += 1
            stored.append(number)
            await worker.register("w")
            got = []
            for _ in stored:
                delivery = await worker.hear_kind("delivery")
                got.append(int(delivery.delivery.envelope.split()[0]))
                await ack(worker, delivery)
            assert got == stored
        assert "store failed" in broker.log.read_text()
