"""A TCP relay: what gRPC cannot do to a connection, e.g. be silent, be refused, or break off without a word."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

UP = "up"
"""From who dialled to who was dialled."""
DOWN = "down"
_CHUNK = 256 * 1024
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends RST."""

Target = Callable[[], tuple[str, int]]


class Relay:
    """Listens on a port of its own, which stays reserved for it, and passes bytes to and from a target.

    Args:
        target: Where to dial, asked for each connection.
        lost: Told when the target's end of a connection ended first, or could not be dialled.
        host: The address that it listens at.
    """

    def __init__(self, target: Target, lost: Callable[[], None] = lambda: None, host: str = "127.0.0.1") -> None:
        self.port = 0
        self.passed = {UP: 0, DOWN: 0}
        self._host = host
        self._target = target
        self._lost = lost
        self._going = asyncio.Event()
        self._going.set()
        self._moved = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._place: socket.socket | None = None

    @property
    def address(self) -> str:
        """Where it listens, as a client of a broker dials it."""
        return f"grpc://{self._host}:{self.port}"

    async def start(self) -> None:
        """Begins to listen."""
        # Bound, never listening: nobody else gets the port while connections are refused.
        self._place = _bound(self._host, 0)
        self.port = self._place.getsockname()[1]
        await self.accept()

    async def accept(self) -> None:
        """Takes connections (again)."""
        if self._server is None:
            assert self._place is not None
            self._server = await asyncio.start_server(self._accepted, sock=_bound(self._host, self.port), limit=_CHUNK)

    def refuse(self) -> None:
        """Takes no connections: who dials is refused. Those that there are stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def freeze(self) -> None:
        """Passes nothing on, either way; nobody is told."""
        self._going.clear()

    def thaw(self) -> None:
        """Passes on again, what waited first."""
        self._going.set()

    def reset(self) -> None:
        """Breaks all connections off: both ends get RST."""
        for writer in list(self._writers):
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    async def has_passed(self, direction: str, total: int) -> None:
        """Waits until that many bytes in all have gone through, or nothing is connected any more."""
        while self.passed[direction] < total and self._writers:
            self._moved.clear()
            await self._moved.wait()

    async def close(self) -> None:
        """Ends everything and gives the port back."""
        self.refuse()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._place is not None:
            self._place.close()

    # -- inside ---------------------------------------------------------------------------------------------------

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            await self._connected(reader, writer)
        except asyncio.CancelledError:
            # The relay is closed; asyncio's server would log a cancelled handler as an error.
            writer.transport.abort()
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            self._moved.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._going.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target(), limit=_CHUNK)
        except OSError:
            self._lost()
            writer.transport.abort()
            return
        self._writers.add(far_writer)
        ways = {
            asyncio.create_task(self._pass(reader, far_writer, UP)),
            asyncio.create_task(self._pass(far_reader, writer, DOWN), name=DOWN),
        }
        try:
            ended, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if any(way.get_name() == DOWN for way in ended):
                self._lost()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._writers.discard(far_writer)
            for one in (writer, far_writer):
                one.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._going.wait()
                writer.write(data)
                await writer.drain()
                self.passed[direction] += len(data)
                self._moved.set()


def _bound(host: str, port: int) -> socket.socket:
    # Named, for asyncio asks it before it switches Nagle's waiting off in what is accepted.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind((host, port))
    return made
