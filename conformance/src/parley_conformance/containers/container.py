"""A party in a container of its own; see `launch.Started` for what each of these promises."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from parley_conformance.containers.engine import FAILURES, Engine
from parley_conformance.model import HarnessError

_TAIL_LINES = 40
_GONE_S = 30.0
_TAKEN = "Address already in use"
_AGAIN_S = 0.1


class Container:
    """One started container. Kill, pause and the network are the engine's, and so is its log."""

    def __init__(self, engine: Engine, identity: str, name: str, log: Path, network: str, address: str) -> None:
        self.name = name
        self.log = log
        self.address = address
        self._engine = engine
        self._id = identity
        self._network = network
        self._ended: asyncio.Future[int]
        self._paused = False
        self._unplugged = False
        self._removed = False

    async def start(self) -> None:
        """Starts it; where one before it had its address, as soon as the engine has that back.

        Raises:
            HarnessError: The engine cannot.
        """
        self._ended = await self._engine.watch(self._id)
        clock = asyncio.get_running_loop().time
        until = clock() + _GONE_S
        while True:
            try:
                await self._engine.ask(self._engine.api.start, self._id)
            except HarnessError as error:
                # It tells that a container has ended before it has taken the network down.
                if _TAKEN not in str(error) or clock() > until:
                    raise
                await asyncio.sleep(_AGAIN_S)
            else:
                return

    @property
    def alive(self) -> bool:
        """True until it has ended."""
        return not self._ended.done()

    async def wait(self) -> int:
        """Waits until it ends; returns its exit code."""
        return await asyncio.shield(self._ended)

    async def first_line(self) -> bytes:
        """The first line of its standard output; empty if it ends without one."""
        return await self._engine.ask(self._first_line)

    async def kill(self) -> None:
        """SIGKILL to all that is in it."""
        await self._engine.try_to(self._engine.api.kill, self._id)

    async def pause(self) -> None:
        """All that is in it stands still."""
        await self._engine.ask(self._engine.api.pause, self._id)
        self._paused = True

    async def resume(self) -> None:
        """Goes on after `pause`."""
        if self._paused:
            self._paused = False
            await self._engine.ask(self._engine.api.unpause, self._id)

    async def unplug(self) -> None:
        """Takes it off the network `data`; the kit still commands it through `control`."""
        self._unplugged = True
        await self._engine.ask(self._engine.api.disconnect_container_from_network, self._id, self._network)

    async def plug(self) -> None:
        """Puts it back, at the address that it had."""
        if self._unplugged:
            self._unplugged = False
            connect = self._engine.api.connect_container_to_network
            await self._engine.ask(connect, self._id, self._network, ipv4_address=self.address)

    async def ask_to_end(self, pid: int) -> None:
        """SIGTERM to one of its processes, by the number that it has in there."""
        await self._execute(f"kill -TERM {pid}")

    async def resident_bytes(self, pid: int) -> int:
        """Resident memory of one of its processes."""
        for line in (await self._execute(f"cat /proc/{pid}/status")).splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise HarnessError(f"the memory of process {pid} in the container of {self.name} cannot be read")

    def runs(self, pid: int) -> bool:
        """True while the container runs: a launcher ends with its broker."""
        return self.alive

    async def end(self) -> int:
        """Kills it, keeps its log, and removes it."""
        if not self._removed:
            self._removed = True
            await self.kill()
            async with asyncio.timeout(_GONE_S):
                code = await self.wait()
            self.log.write_bytes(await self._engine.ask(self._engine.api.logs, self._id))
            await self._engine.try_to(self._engine.api.remove_container, self._id, force=True)
            return code
        return await self.wait()

    def tail(self) -> str:
        """The end of its log, for texts."""
        if self._removed and self.log.exists():
            raw = b"\n".join(self.log.read_bytes().splitlines()[-_TAIL_LINES:])
        else:
            try:
                raw = self._engine.api.logs(self._id, tail=_TAIL_LINES)
            except FAILURES:
                return ""
        return raw.decode(errors="replace").strip()

    def _first_line(self) -> bytes:
        line = b""
        pieces: Iterable[bytes] = self._engine.api.attach(self._id, stdout=True, stderr=False, stream=True, logs=True)
        for piece in pieces:
            line += piece
            if b"\n" in line:
                return line[: line.index(b"\n") + 1]
        return line

    async def _execute(self, command: str) -> str:
        api = self._engine.api
        made = await self._engine.ask(api.exec_create, self._id, ["sh", "-c", command])
        said: bytes = await self._engine.ask(api.exec_start, made["Id"])
        return said.decode(errors="replace")
