"""One line per event, as text or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from parley_broker import logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leaves structlog as it was."""
    yield
    structlog.reset_defaults()


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    structlog.get_logger().info("session opened", session="s", agent=object)
    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert (entry["event"], entry["level"], entry["session"]) == ("session opened", "info", "s")
    assert entry["timestamp"].endswith("Z")


def test_text_is_one_line_whatever_a_client_said(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("text", "info")
    structlog.get_logger().warning("session lost", why="a\nb\x1b[31m", n=5)
    (line,) = capsys.readouterr().err.splitlines()
    assert "session lost" in line
    assert "n=5" in line
    assert "\x1b" not in line


def test_levels(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("text", "warning")
    structlog.get_logger().info("quiet")
    assert capsys.readouterr().err == ""
