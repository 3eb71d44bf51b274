"""A broker in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

START_LIMIT = 15.0
STOP_LIMIT = 10.0


class BrokerProcess:
    """`parley-broker serve` at a port of its own. Its log is in `log`."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.log = directory / "broker.log"
        ready = directory / "ready.json"
        program = shlex.split(os.environ.get("PARLEY_BROKER_COMMAND", "")) or [sys.executable, "-m", "parley_broker"]
        command = [*program, "serve", "--ready-file", str(ready)]
        if "--listen" not in arguments:
            command += ["--listen", "127.0.0.1:0"]
        begun = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*command, *arguments], stderr=log, stdin=subprocess.DEVNULL)
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() - begun > START_LIMIT:
                self.process.kill()
                raise AssertionError(f"the broker did not start: {self.log.read_text()}")
            time.sleep(0.005)
        self.start_seconds = time.monotonic() - begun
        self.ready = json.loads(ready.read_text())
        ready.unlink()
        self.address: str = self.ready["address"]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends the signal and returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_LIMIT)


@contextlib.contextmanager
def running(directory: Path, *arguments: str) -> Iterator[BrokerProcess]:
    """A broker that is killed at the end, if it still runs."""
    directory.mkdir(parents=True, exist_ok=True)
    broker = BrokerProcess(directory, *arguments)
    try:
        yield broker
    finally:
        if broker.process.poll() is None:
            broker.process.kill()
        broker.process.wait(STOP_LIMIT)


def run_cli(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `parley-broker` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "parley_broker", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=START_LIMIT,
        check=False,
    )
