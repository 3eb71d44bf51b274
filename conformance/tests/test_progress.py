from __future__ import annotations

import io
import os
import pty
import re
import threading
from collections.abc import Callable

import pytest
from conftest import broker_case, contract, pair_case
from rich.console import Console

from parley_conformance.model import Result, Run, Verdict
from parley_conformance.reports.console import console_for
from parley_conformance.reports.progress import Progressing

RULES = contract().rules
PASS = Result(Run(pair_case(id="rpc/echo"), "python", "python", "json"), Verdict.PASS)
FAIL = Result(
    Run(broker_case(id="hostile/x")), Verdict.FAIL, "expected [this]\nhere", "MSG-3", "broker", 5, ("a -> [that]",), ""
)
LEFT = Result(Run(pair_case(id="rpc/echo"), "python", "dotnet", "json"), Verdict.NOT_RUN, "dotnet is not installed")


def play(progress: Progressing) -> None:
    for result in (PASS, FAIL, LEFT):
        progress.begun(result.run)
        progress.ended(result, final=True)


def on_a_terminal(play: Callable[[Console], None], width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a terminal of this width gets."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(width))
    reader, writer = pty.openpty()
    said: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(reader, 65_536):
                said.append(data)
        except OSError:
            return  # the other end is closed

    listening = threading.Thread(target=read)
    listening.start()
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        play(console_for(stream))
    listening.join(10)
    os.close(reader)
    return b"".join(said).decode()


def test_without_a_terminal_a_failure_is_one_line_and_all_else_is_quiet() -> None:
    out = io.StringIO()
    with Progressing(console_for(out), 3, RULES) as progress:
        play(progress)
    assert out.getvalue() == "✗ fail hostile/x[broker], rule MSG-3, by broker: expected [this] here\n"


def test_on_a_terminal_a_failure_is_told_at_once_with_its_rule_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(console: Console) -> None:
        with Progressing(console, 3, RULES) as progress:
            play(progress)

    text = re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", on_a_terminal(shown, 100, monkeypatch))
    assert "✗ fail hostile/x[broker], rule MSG-3, by broker\r\n" in text
    assert "  Who wants an answer gives the message an id above 0" in text
    assert "    a -> [that]" in text
    assert "again: parley-conformance run --keep 'hostile/x[broker]'" in text


@pytest.mark.parametrize("width", [30, 60, 120])
def test_what_runs_now_fits_into_the_terminal(width: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False)
    progress = Progressing(console, 540, RULES)
    progress.ended(FAIL, final=True)
    out.truncate(0)
    out.seek(0)
    for number in range(6):
        progress.begun(Run(pair_case(id=f"rpc/a-name-that-is-rather-long-{number}"), "python", "dotnet", "json"))
    console.print(progress)
    lines = out.getvalue().splitlines()
    assert "1/540" in lines[0]
    assert "✗ 1" in lines[0]
    assert [line.split()[2][:15] for line in lines[1:5]] == ["rpc/a-name-that"] * 4
    assert lines[5].strip() == "and 2 more"
    assert max(len(line) for line in lines) <= width


def test_no_color_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(console: Console) -> None:
        console.print("[bold red]no[/]")

    assert "\x1b[1;31m" in on_a_terminal(shown, 80, monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "31m" not in on_a_terminal(shown, 80, monkeypatch)


def test_what_will_be_run_again_is_not_told_yet() -> None:
    out = io.StringIO()
    with Progressing(console_for(out), 1, RULES) as progress:
        progress.begun(FAIL.run)
        progress.ended(FAIL, final=False)
    assert out.getvalue() == ""


def test_without_a_terminal_a_line_now_and_then_says_how_far_it_is() -> None:
    told = threading.Event()

    class Told(io.StringIO):
        def flush(self) -> None:
            if "now rpc/echo" in self.getvalue():
                told.set()

    out = Told()
    with Progressing(console_for(out), 3, RULES, heartbeat_s=0.01) as progress:
        play(progress)
        progress.begun(PASS.run)
        assert told.wait(10)
    line = next(line for line in out.getvalue().splitlines() if "now" in line)
    assert re.fullmatch(r"3/3 after \d+ ms, 1 fail, 1 not-run; now rpc/echo\[python-python-json\]", line)
