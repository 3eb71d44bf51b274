"""A broker as a process of its own, to be killed, frozen and started again."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

START_TIMEOUT = 20.0
"""Seconds that a broker has to say that it serves."""

STOP_TIMEOUT = 10.0
"""Seconds that a broker has to end after SIGTERM."""


class BrokerProcess:
    """`parley-broker serve` as a child of this process, on a free port, as a context manager.

    The environment variable PARLEY_BROKER_COMMAND names another program with the same command line.

    Args:
        data: Directory of its database; None: it keeps everything in memory.
        settings: Options of `parley-broker serve` by their names, e.g. `max_envelope_bytes=1000`.

    Attributes:
        url: Where it is reached, `grpc://127.0.0.1:port`; the same after a restart.
        pid: Its process id while it runs.
    """

    def __init__(self, *, data: Path | None = None, **settings: Any) -> None:
        self.url = ""
        self.pid = 0
        self._data = data
        self._settings = settings
        self._listen = "127.0.0.1:0"
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="parley-broker-")
        self.log_path = Path(self._folder.name) / "broker.log"

    def start(self) -> None:
        """Starts it and returns once it serves. Raises RuntimeError with its log if it does not."""
        ready = Path(self._folder.name) / "ready.json"
        ready.unlink(missing_ok=True)
        program = shlex.split(os.environ.get("PARLEY_BROKER_COMMAND", "")) or [sys.executable, "-m", "parley_broker"]
        command = [*program, "serve", "--listen", self._listen, "--ready-file", str(ready)]
        command += ["--memory"] if self._data is None else ["--data", str(self._data)]
        for name, value in self._settings.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the broker did not start: {self.log_path.read_text()}")
            time.sleep(0.01)
        said = json.loads(ready.read_text())
        self.pid = said["pid"]
        self._listen = said["address"]
        self.url = f"grpc://{self._listen}"

    def stop(self) -> int:
        """Ends it in order, as SIGTERM does, and returns its exit code; kills it if it does not end."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it at once, as SIGKILL does."""
        self._end(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Sends it a signal, for instance SIGSTOP."""
        os.kill(self.pid, number)

    def _end(self, number: int) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            return process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        self._folder.cleanup()
