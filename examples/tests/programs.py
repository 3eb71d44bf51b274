from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Protocol

EXAMPLES = Path(__file__).parent.parent
DOTNET = shutil.which("dotnet")
NPM = shutil.which("node") and shutil.which("npm")
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
