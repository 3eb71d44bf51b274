"""The processes of a run: the broker, and one host and one caller per language, told what to do in JSON lines."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from parley_bench.plan import LANGUAGES, Language

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
DOTNET_PARTY = BENCH / "parties/dotnet/bin/Release/net10.0/Parley.Bench.Party.dll"

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
    async def start(cls, name: str, command: Sequence[str]) -> "Process":
        """Starts a child in a process group of its own.

        Raises:
            BenchError: the program does not exist.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise BenchError(f"{name} does not start: {error}") from error
        return cls(name, process)

    def check_alive(self) -> None:
        """Raises BenchError when the child has ended."""
        if self._process.returncode is not None:
            raise BenchError(f"{self.name} ended with exit code {self._process.returncode}")

    async def read(self, limit: float) -> dict[str, Any]:
        """Returns the child's next line.

        Args:
            limit: how long to wait, in s.

        Raises:
            BenchError: no line in time, the child's end, or a line that says `error`.
        """
        assert self._process.stdout is not None
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
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            await self._process.wait()


def party_command(language: Language, role: str, url: str) -> list[str]:
    """Returns the command line of a party; `role` is `host` or `caller`."""
    if language == "python":
        program = [sys.executable, str(BENCH / "parties/python/party.py")]
    else:
        program = ["dotnet", str(DOTNET_PARTY)]
    return [*program, role, url]


@contextlib.asynccontextmanager
async def running_broker(data: Path) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Runs the reference broker on a free port, storing below the folder `data`.

    Yields:
        Its URL, and what its ready file says.

    Raises:
        BenchError: it ended, or was not ready in time.
    """
    data.mkdir(parents=True, exist_ok=True)
    ready = data / "ready.json"
    ready.unlink(missing_ok=True)
    command = [
        sys.executable, "-m", "parley_broker", "serve", "--listen", "127.0.0.1:0",
        "--data", str(data / "store"), "--ready-file", str(ready), "--log-level", "warning",
    ]  # fmt: skip
    broker = await Process.start("parley-broker", command)
    try:
        try:
            async with asyncio.timeout(START_LIMIT):
                while not ready.exists():
                    broker.check_alive()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise BenchError(f"parley-broker was not ready after {START_LIMIT:.0f} s") from None
        about: dict[str, Any] = json.loads(ready.read_text())
        yield f"grpc://{about['address']}", about
    finally:
        await broker.stop()


@contextlib.asynccontextmanager
async def running_parties(url: str, languages: Sequence[Language] = LANGUAGES) -> AsyncIterator[dict[str, Process]]:
    """Runs a host and a caller per language, connected to the broker at `url`.

    Yields:
        The processes by `ROLE-LANGUAGE`, e.g. `caller-dotnet`.

    Raises:
        BenchError: one of them is missing or was not ready in time.
    """
    async with contextlib.AsyncExitStack() as stack:
        parties = {}
        for role in ("host", "caller"):
            for language in languages:
                name = f"{role}-{language}"
                parties[name] = await Process.start(name, party_command(language, role, url))
                stack.push_async_callback(parties[name].stop)
        for party in parties.values():
            await party.read(START_LIMIT)
        yield parties
