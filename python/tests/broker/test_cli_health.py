"""`parley-broker health` in real processes: what a container's health check and a person ask."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from .process import BrokerProcess, run_cli, running
from .test_cli import complaint


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    with running(tmp_path, "--memory") as process:
        yield process


def test_a_broker_that_serves(broker: BrokerProcess) -> None:
    result = run_cli("health", "--address", broker.address)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("serves: version ")
    told = json.loads(run_cli("health", "--json", "--address", broker.address).stdout)
    assert set(told) == {"broker_version", "incarnation", "uptime_ms", "memory_bytes", "tables"}
    assert told["incarnation"] in result.stdout


def test_nobody_there() -> None:
    result = run_cli("health", "--address", "grpc://127.0.0.1:1")
    assert result.returncode == 1
    assert complaint(result).startswith("parley-broker: error: the broker at grpc://127.0.0.1:1: ")


def test_a_broker_that_stands_still_is_not_waited_for_longer_than_said(broker: BrokerProcess) -> None:
    os.kill(broker.process.pid, signal.SIGSTOP)
    try:
        result = run_cli("health", "--address", broker.address, "--timeout-ms", "300")
    finally:
        os.kill(broker.process.pid, signal.SIGCONT)
    assert result.returncode == 1
    assert f"the broker at {broker.address}: " in complaint(result)


def test_somebody_else_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = run_cli("health", "--address", f"grpc://127.0.0.1:{other.getsockname()[1]}", "--timeout-ms", "300")
    assert result.returncode == 1
    assert complaint(result)


def test_a_timeout_is_a_positive_number() -> None:
    assert run_cli("health", "--timeout-ms", "0").returncode == 2
