import sys

import pytest
from click.testing import CliRunner

from parley_conformance import languages
from parley_conformance.cli import main, modes
from parley_conformance.cli.selection import HarnessFailure
from parley_conformance.launch import PROCESSES


def test_processes_are_what_is_there_anyway(tmp_path):
    mode = modes.chosen("process", tmp_path)
    assert mode.launch is PROCESSES
    assert mode.discover([]) == languages.discover()


def test_no_engine_is_a_harness_error_with_a_text(tmp_path):
    result = CliRunner().invoke(
        main,
        ["run", "rpc/echo", "--mode", "container", "--out", str(tmp_path)],
        env={"DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"},
    )
    assert result.exit_code == 2
    assert "no container engine answers" in result.output


def test_without_the_package_it_says_which(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("parley_conformance.containers")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "docker", None)
    with pytest.raises(HarnessFailure, match="needs the package docker"):
        modes.chosen("container", tmp_path)


def test_an_address_cannot_be_reached_from_a_container():
    result = CliRunner().invoke(main, ["run", "--mode", "container", "--address", "grpc://127.0.0.1:1"])
    assert result.exit_code == 2
    assert "--address" in result.output


def test_nobody_can_dial_in_by_hand_there():
    result = CliRunner().invoke(main, ["run", "--mode", "container", "--attach", "rust"])
    assert result.exit_code == 2
    assert "--attach" in result.output
