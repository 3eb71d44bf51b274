"""The command line in real processes: how the broker starts, does not start, and ends."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from parley_broker.store.sqlite import FILE_NAME, SCHEMA_VERSION

from .process import run_cli, running


def complaint(result: subprocess.CompletedProcess[str]) -> str:
    """The one line that a broker that did not start says."""
    assert result.returncode != 0
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("parley-broker: error: ")
    return line


def test_version() -> None:
    result = run_cli("--version")
    assert (result.returncode, result.stdout.split()[0]) == (0, "parley-broker")


def test_help_names_the_environment() -> None:
    result = run_cli("serve", "--help")
    assert result.returncode == 0
    assert "PARLEY_BROKER_LISTEN" in result.stdout
    assert "--max-envelope-bytes" in result.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_cleanly(tmp_path: Path, number: int) -> None:
    with running(tmp_path, "--data", str(tmp_path / "data"), "--log-format", "json") as broker:
        assert broker.ready["pid"] == broker.process.pid
        assert broker.stop(number) == 0
    lines = [json.loads(line) for line in broker.log.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["listening", "draining", "stopping", "stopped"]
    assert lines[0]["address"] == broker.address
    assert lines[0]["store"] == f"sqlite:{tmp_path / 'data'}"
    assert lines[0]["incarnation"] == broker.ready["incarnation"]


def test_it_starts_in_less_than_a_second(tmp_path: Path) -> None:
    with running(tmp_path, "--data", str(tmp_path / "data")) as broker:
        used = sum(map(int, Path(f"/proc/{broker.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    assert used / 100 < 1.0, "seconds of processor time; the clock on the wall depends on what else runs"


def test_settings_from_file_environment_and_flag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "broker.toml"
    config.write_text('memory = true\nlog_format = "json"\nlisten = "127.0.0.1:1"\nmax_agents = 1\n')
    monkeypatch.setenv("PARLEY_BROKER_CONFIG", str(config))
    monkeypatch.setenv("PARLEY_BROKER_DATA", "")
    monkeypatch.setenv("PARLEY_BROKER_MAX_AGENTS", "2")
    with running(tmp_path / "run", "--listen", "127.0.0.1:0") as broker:
        (line,) = broker.log.read_text().splitlines()
        assert json.loads(line)["store"] == "memory"


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[str]:
    """An address where a broker listens, with its data in `tmp_path/data`."""
    with running(tmp_path / "other", "--data", str(tmp_path / "data")) as broker:
        yield broker.address


def test_a_taken_port(taken: str) -> None:
    assert f"cannot listen at {taken}" in complaint(run_cli("serve", "--memory", "--listen", taken))


def test_a_taken_directory(taken: str, tmp_path: Path) -> None:
    result = run_cli("serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "data"))
    assert "in use by another broker" in complaint(result)


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run_cli("serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "file" / "data"))
    assert "cannot make the data directory" in complaint(result)


def test_a_database_that_is_no_file(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    result = run_cli("serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path))
    assert f"{tmp_path / FILE_NAME} is no file" in complaint(result)


def test_a_database_of_a_newer_version(tmp_path: Path) -> None:
    with running(tmp_path, "--data", str(tmp_path)) as broker:
        broker.stop()
    db = sqlite3.connect(tmp_path / FILE_NAME)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    result = run_cli("serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path))
    assert "made by a newer broker" in complaint(result)


def test_a_broken_config(tmp_path: Path) -> None:
    (tmp_path / "broker.toml").write_text("max_agents = 'many'")
    text = complaint(run_cli("serve", "--memory", "--config", str(tmp_path / "broker.toml")))
    assert "config file, max_agents" in text
    assert "many" in text


def test_a_bad_environment() -> None:
    text = complaint(run_cli("serve", "--memory", PARLEY_BROKER_MAX_AGENTS="0"))
    assert "PARLEY_BROKER_MAX_AGENTS" in text


def test_memory_and_data_together(tmp_path: Path) -> None:
    assert "both --memory and --data" in complaint(run_cli("serve", "--memory", "--data", str(tmp_path)))


def test_an_unknown_option() -> None:
    assert "No such option" in complaint(run_cli("serve", "--frobnicate"))


def test_no_command_shows_the_help_as_it_is() -> None:
    result = run_cli()
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == run_cli("--help").stdout
    assert len(result.stderr.splitlines()) > 5


def test_a_ready_file_that_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "none" / "ready.json"
    text = complaint(run_cli("serve", "--memory", "--listen", "127.0.0.1:0", "--ready-file", str(path)))
    assert f"cannot write the ready file {path}: No such file or directory" in text


def test_a_host_that_nobody_knows() -> None:
    text = complaint(run_cli("serve", "--memory", "--listen", "no-such-host.invalid:50051"))
    assert "the host 'no-such-host.invalid' has no address" in text
