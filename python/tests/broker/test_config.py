"""Settings from a file, and what is wrong with them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from parley_broker import config
from parley_broker.core.policy import Policy
from parley_broker.errors import StartupError


def test_every_number_of_the_policy_can_be_set() -> None:
    assert {s.policy_field for s in config.SETTINGS} == {f.name for f in dataclasses.fields(Policy)}


def test_the_defaults_are_the_policy_s() -> None:
    assert config.make_policy({s.name: s.default for s in config.SETTINGS}) == Policy()
    assert all(s.minimum <= s.default <= s.maximum for s in config.SETTINGS)


def test_times_are_in_ms() -> None:
    values = {s.name: s.default for s in config.SETTINGS} | {"heartbeat_interval_ms": 250, "max_agents": 7}
    policy = config.make_policy(values)
    assert policy.heartbeat_interval == 0.25
    assert policy.max_agents == 7


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "broker.toml"
    path.write_text('listen = "127.0.0.1:0"\nmemory = true\nmax_agents = 5\n')
    assert config.read_file(path) == {"listen": "127.0.0.1:0", "memory": True, "max_agents": 5}


@pytest.mark.parametrize(
    ("content", "text"),
    [("x = [", "is no TOML"), ("max_agent = 5", "'max_agent'; it may set .*max_agents"), (b"\xff\xfe", "is no TOML")],
)
def test_a_broken_file(tmp_path: Path, content: str | bytes, text: str) -> None:
    path = tmp_path / "broker.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(StartupError, match=text):
        config.read_file(path)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("data = [1]", r"data: \[1\] \(an array\) is not allowed; it must be a text"),
        ("listen = 5", r"listen: 5 \(an integer\) is not allowed; it must be a text"),
        ("ready_file = true", r"ready_file: True \(a boolean\) is not allowed; it must be a text"),
        ("log_level = 1979-05-27", r"log_level: .* \(a date or time\) is not allowed; it must be a text"),
        ("memory = 1", r"memory: 1 \(an integer\) is not allowed; it must be true or false"),
        ('memory = "yes"', r"memory: 'yes' \(a text\) is not allowed; it must be true or false"),
        ("max_agents = 1.5", r"max_agents: 1.5 \(a float\) is not allowed; it must be an integer from 1 to 2147483647"),
        ("max_agents = true", r"max_agents: True \(a boolean\) is not allowed; it must be an integer from 1"),
        ("max_agents = 0", r"max_agents: 0 \(an integer\) is not allowed; it must be an integer from 1"),
        ("[max_agents]\na = 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'", r"\.\.\. \(a table\)"),
    ],
)
def test_a_value_of_another_type(tmp_path: Path, line: str, text: str) -> None:
    path = tmp_path / "broker.toml"
    path.write_text(line)
    with pytest.raises(StartupError, match=f"config file, .*{text}"):
        config.read_file(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="cannot read the config file"):
        config.read_file(tmp_path / "none.toml")


@pytest.mark.parametrize("listen", ["localhost", ":50051", "host:", "host:99999", "host:-1", "host:५"])
def test_no_addresses(listen: str) -> None:
    with pytest.raises(StartupError, match="HOST:PORT"):
        config.check_listen(listen)


@pytest.mark.parametrize("listen", ["localhost:0", "[::1]:50051", "0.0.0.0:65535"])
def test_addresses(listen: str) -> None:
    assert config.check_listen(listen) == listen
