"""The processes of a run: servers that have to be ready, parties that are told what to do in JSON lines."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent

START_LIMIT = 30.0
"""How long a process may take to be ready, in s."""
STOP_LIMIT = 10.0
"""How long a process may take to end before it is killed, in s."""


class BenchError(Exception):
    """The bench itself cannot go on: a process is missing, died, or did not answer in time."""


class Process:
    """A child that answers each JSON line on its standard input with one on its standard output."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.pid = process.pid
        self._process = process

    @classmethod
    async def start(cls, name: str, command: Sequence[str], log: Path | None = None) -> "Process":
        """Starts a child in a process group of its own.

        Args:
            name: for messages.
            command: the command line.
            log: the file for all that it says, of a child that is asked nothing; by default it answers on standard
                output.

        Raises:
            BenchError: the program does not exist.
        """
        try:
            with contextlib.ExitStack() as stack:
                output = stack.enter_context(log.open("ab")) if log else asyncio.subprocess.PIPE
                process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=output,
                    stderr=asyncio.subprocess.STDOUT if log else None,
                    start_new_session=True,
                )
        except OSError as error:
            raise BenchError(f"{name} does not start: {error}") from error
        return cls(name, process)

    def check_alive(self) -> None:
        """Raises BenchError when the child has ended."""
        if self._process.returncode is not None:
            raise BenchError(f"{self.name} ended with exit code {self._process.returncode}")

    async def ready(self, is_ready: Callable[[], bool], limit: float = START_LIMIT) -> None:
        """Returns as soon as `is_ready` says so.

        Args:
            is_ready: asked every 20 ms.
            limit: how long to wait, in s.

        Raises:
            BenchError: the child ended, or was not ready in time.
        """
        try:
            async with asyncio.timeout(limit):
                while not is_ready():
                    self.check_alive()
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise BenchError(f"{self.name} was not ready after {limit:.0f} s") from None

    async def read(self, limit: float) -> dict[str, Any]:
        """Returns the child's next line.

        Args:
            limit: how long to wait, in s.

        Raises:
            BenchError: no line in time, the child's end, or a line that says `error`.
        """
        assert self._process.stdout is not None, "a child with a log file answers nothing"
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), limit)
        except TimeoutError:
            raise BenchError(f"{self.name} said nothing for {limit:.0f} s") from None
        if not line:
            await self._process.wait()
            self.check_alive()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BenchError(f"{self.name}: {answer['error']}")
        return answer

    async def ask(self, command: dict[str, Any], limit: float) -> dict[str, Any]:
        """Writes a command and returns the answer; errors as in `read`."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        return await self.read(limit)

    async def stop(self) -> None:
        """Ends the child: asks with SIGTERM, and kills its group when that does not help in time."""
        if self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_LIMIT)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """Ends the child and all of its group at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()
