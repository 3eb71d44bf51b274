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
    assert line.endswith(r" warning session lost why=a\nb\x1b[31m n=5")


def test_text_shows_where_a_value_ends(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("text", "info")
    structlog.get_logger().info("event", a="two words", b="", c="x=y", d=None)
    assert capsys.readouterr().err.endswith(" event a='two words' b='' c='x=y' d=None\n")


def test_a_defect_comes_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("text", "info")
    try:
        raise ZeroDivisionError("here")
    except ZeroDivisionError:
        structlog.get_logger().exception("defect")
    shown = capsys.readouterr().err
    assert " defect\nTraceback" in shown
    assert "ZeroDivisionError: here" in shown


def test_levels(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("text", "warning")
    structlog.get_logger().info("quiet")
    assert capsys.readouterr().err == ""
