from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

EXAMPLES = Path(__file__).parent.parent
DOTNET = shutil.which("dotnet")
# As with all tests of .NET: where there is none, they are not run, and pytest's header says so.
collect_ignore = [] if DOTNET else ["test_analytics.py"]
# Seconds: every wait here has an end.
LIMIT = 30.0


class Program:
    """A running program: its lines as they come, and its end."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.command = command
        self.seen: list[str] = []
        self._process = subprocess.Popen(
            command,
            env=os.environ | {"PYTHONUNBUFFERED": "1", "DOTNET_NOLOGO": "1"} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def line(self, start: str) -> str:
        """Waits for a line that begins like this."""
        deadline = time.monotonic() + LIMIT
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"{self.command}: no line {start!r} came, but {self.seen}"
            if line.startswith(start):
                return line

    def end(self) -> list[str]:
        """Waits for its end, which must be a success, and returns its lines."""
        assert self._process.wait(LIMIT) == 0, self.seen
        self._reader.join(LIMIT)
        return self.seen

    def stop(self) -> list[str]:
        """Stops it as an operator does, and waits for its end."""
        self._process.send_signal(signal.SIGTERM)
        return self.end()

    def close(self) -> None:
        """Makes sure that nothing is left."""
        self._process.kill()
        self._process.wait(LIMIT)
        self._reader.join(LIMIT)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.seen.append(line.rstrip("\n"))
            self._lines.put(self.seen[-1])
        self._lines.put(None)


class Run(Protocol):
    """Starts a program of the examples; Python ones by their path, others by their command."""

    def __call__(self, *command: str, **environment: str) -> Program: ...


def pytest_report_header() -> str | None:
    return None if DOTNET else "there is no dotnet here, so the .NET examples are not run"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    ready = tmp_path / "ready.json"
    broker = ["-m", "parley_broker", "serve", "--memory", "--listen", "127.0.0.1:0", "--ready-file", str(ready)]
    with ExitStack() as programs:

        def start(*command: str, **environment: str) -> Program:
            program = Program(list(command), environment)
            programs.callback(program.close)
            return program

        process = start(sys.executable, *broker)
        process.line("")
        deadline = time.monotonic() + LIMIT
        while not ready.exists():
            assert time.monotonic() < deadline, process.seen
            time.sleep(0.01)
        address = json.loads(ready.read_text())["address"]

        def run(*command: str, **environment: str) -> Program:
            python = [sys.executable, str(EXAMPLES / command[0])] if command[0].endswith(".py") else [command[0]]
            return start(*python, *command[1:], PARLEY_BROKER_URL=f"grpc://{address}", **environment)

        yield run
