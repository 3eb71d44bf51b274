"""`parley-broker dead-letters` in real processes, against a broker over a database."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parley_broker.cli_dead_letters import age
from parley_wire.v1 import envelope_pb2

from .e2e.test_events import publish, settle, subscribe
from .peer import Peer, connected
from .process import BrokerProcess, run_cli, running
from .test_cli import complaint

MALFORMED, UNSUPPORTED = 12, 11


def envelope(data: bytes, content_type: str = "application/json") -> bytes:
    payload = envelope_pb2.Payload(type_name="order", content_type=content_type, data=data)
    return envelope_pb2.Envelope(payload=payload, message_id="m-1", headers={"h": "v"}).SerializeToString()


async def kill(worker: Peer, topic: str, what: bytes, reason: int, text: str = "cannot read it") -> None:
    """Publishes an event and gives it up."""
    await publish(worker, topic, what)
    delivery = await worker.hear_kind("delivery")
    answer = await worker.command(**settle("nack", delivery, error={"reason": reason, "message": text}))
    assert answer.HasField("done")


async def four(address: str) -> None:
    """Four dead letters of two agent types."""
    async with connected(address) as opener:
        worker = opener()
        await worker.hello()
        for name in ("clerk", "auditor"):
            await worker.register(name)
        await subscribe(worker, "clerk", "orders")
        await subscribe(worker, "auditor", "audits", match=2)
        await kill(worker, "orders/ann", envelope(b'{"n": 1}'), MALFORMED, "line 1\nline [bold]2")
        await kill(worker, "orders/ben", envelope(b"\xff\x00", "application/protobuf"), UNSUPPORTED)
        await kill(worker, "audits.eu/ann", b"\xff\xff no envelope", MALFORMED)
        await kill(worker, "orders/ann", envelope(b"not json"), MALFORMED)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    with running(tmp_path, "--data", str(tmp_path / "data")) as process:
        asyncio.run(four(process.address))
        yield process


def ask(broker: BrokerProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_cli("dead-letters", arguments[0], "--address", broker.address, *arguments[1:])


def listed(broker: BrokerProcess, *arguments: str) -> list[dict[str, Any]]:
    result = ask(broker, "list", "--json", *arguments)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_listing(broker: BrokerProcess) -> None:
    first, second, third, fourth = listed(broker)
    assert first["age_ms"] < 60_000
    del first["age_ms"], first["position"]
    assert first == {
        "id": 1,
        "recipient": "clerk/ann",
        "topic": "orders/ann",
        "attempts": 1,
        "reason": "MALFORMED_PAYLOAD",
        "error": "line 1\nline [bold]2",
        "details": {},
        "subscription": "orders to clerk",
        "message_id": "m-1",
        "headers": {"h": "v"},
        "type_name": "order",
        "content_type": "application/json",
        "data": {"n": 1},
    }
    assert (second["data_base64"], second["reason"]) == ("/wA=", "UNSUPPORTED_VERSION")
    assert (third["envelope_base64"][:2], third["subscription"]) == ("//", "audits* to auditor")
    assert fourth["data_base64"] == "bm90IGpzb24="

    table = ask(broker, "list", "--agent-type", "auditor")
    header, row = (line.split() for line in table.stdout.splitlines())
    assert header == ["id", "recipient", "topic", "attempts", "reason", "age", "error"]
    assert row[:5] == ["3", "auditor/ann", "audits.eu/ann", "1", "MALFORMED_PAYLOAD"]
    assert "line [bold]2" in ask(broker, "list", "--id", "1").stdout, "a text is shown as it is"


def test_filters_and_limits(broker: BrokerProcess) -> None:
    def ids(*arguments: str) -> list[int]:
        return [letter["id"] for letter in listed(broker, *arguments)]

    assert ids("--agent-key", "ann", "--agent-type", "clerk") == [1, 4]
    assert ids("--topic", "orders") == [1, 2, 4]
    assert ids("--reason", "unsupported_version") == [2]
    assert ids("--id", "4", "--id", "2", "--id", "77") == [2, 4]
    result = ask(broker, "list", "--json", "--limit", "2")
    assert len(result.stdout.splitlines()) == 2
    assert "more than 2" in result.stderr
    assert ask(broker, "list", "--topic", "nothing").stdout == "no dead letters\n"


def test_replay_and_purge(broker: BrokerProcess) -> None:
    assert ask(broker, "replay", "--id", "1").stdout == "replayed: 1\n"
    assert json.loads(ask(broker, "purge", "--json", "--agent-type", "auditor").stdout) == {"purged": 1}
    assert [letter["id"] for letter in listed(broker)] == [2, 4]
    assert ask(broker, "purge", "--all").stdout == "purged: 2\n"
    assert ask(broker, "purge", "--all").stdout == "purged: 0\n"

    async def redelivered() -> tuple[int, bytes]:
        async with connected(broker.address) as opener:
            worker = opener()
            await worker.hello()
            await worker.register("clerk")
            delivery = (await worker.hear_kind("delivery")).delivery
            return delivery.attempt, delivery.envelope

    assert asyncio.run(redelivered()) == (1, envelope(b'{"n": 1}'))


def test_they_outlive_the_broker(broker: BrokerProcess, tmp_path: Path) -> None:
    broker.process.kill()
    broker.process.wait()
    with running(tmp_path / "again", "--data", str(tmp_path / "data")) as again:
        assert [letter["id"] for letter in listed(again)] == [1, 2, 3, 4]


def test_everything_must_be_meant() -> None:
    for command in ("replay", "purge"):
        result = run_cli("dead-letters", command)
        assert result.returncode == 2
        assert "or --all" in complaint(result)


def test_a_broker_that_is_not_there() -> None:
    result = run_cli("dead-letters", "list", PARLEY_BROKER_ADDRESS="grpc://127.0.0.1:1")
    assert result.returncode == 1
    assert "the broker at grpc://127.0.0.1:1: " in complaint(result)


def test_an_unknown_reason_and_a_bad_id() -> None:
    assert "'nonsense' is not one of" in complaint(run_cli("dead-letters", "list", "--reason", "nonsense"))
    assert "--id" in complaint(run_cli("dead-letters", "purge", "--id", "0"))


def test_ages() -> None:
    shown = [age(ms) for ms in (0, 59_999, 60_000, 3_599_999, 3_600_000, 86_400_000, 30 * 86_400_000)]
    assert shown == ["0s", "59s", "1m", "59m", "1h", "1d", "30d"]
