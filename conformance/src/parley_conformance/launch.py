"""How the programs of a case are started: one seam, so that no case knows what a party is.

Here are the protocol and the processes; `containers` has the other implementation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from parley_conformance.process import Child

KIT_VARIABLE = "PARLEY_KIT"
"""Tells an adapter where the kit is, as HOST:PORT."""


class Started(Protocol):
    """A program of a case that was started. Numbers of processes are as the program itself sees them."""

    name: str
    log: Path

    @property
    def alive(self) -> bool:
        """True until it has ended."""

    async def wait(self) -> int:
        """Waits until it ends; returns its exit code."""

    async def first_line(self) -> bytes:
        """The first line of its standard output; empty if it ends without one. For brokers."""

    async def kill(self) -> None:
        """SIGKILL to it and all that it started."""

    async def pause(self) -> None:
        """Stands still, with all that it started."""

    async def resume(self) -> None:
        """Goes on after `pause`."""

    async def unplug(self) -> None:
        """Takes it off the network between the parties, where it has one of its own: nothing passes, nobody is told."""

    async def plug(self) -> None:
        """Puts it back where it was before `unplug`."""

    async def ask_to_end(self, pid: int) -> None:
        """SIGTERM to one of its processes."""

    async def resident_bytes(self, pid: int) -> int:
        """Resident memory of one of its processes; raises HarnessError if there is no such process."""

    def runs(self, pid: int) -> bool:
        """True while one of its processes is there."""

    async def end(self) -> int:
        """Ends it and all that it started for certain, keeping its log; returns its exit code.

        Raises:
            HarnessError: It had hidden something away, which is ended too.
        """

    def tail(self) -> str:
        """The end of its log, for texts."""


class Launch(Protocol):
    """Starts adapters and brokers.

    Attributes:
        control_host: Where adapters reach the kit.
        data_host: Where parties reach the recorder and the scripted broker.
    """

    control_host: str
    data_host: str

    async def adapter(self, command: Sequence[str], *, name: str, log: Path, port: int) -> Started:
        """Starts an adapter that is to dial the kit at this port; raises HarnessError if it cannot be started."""

    async def broker(self, command: Sequence[str], settings: Mapping[str, Any], folder: Path) -> Started:
        """Starts a broker's launcher; what `settings` lacks of `data_dir` and `listen` is added.

        Args:
            command: The launcher.
            settings: What it is given, see docs/broker.md; with `listen`, the broker is one that served there before.
            folder: Of the case: gets the log, and stands for the data that a broker finds again.

        Raises:
            HarnessError: It cannot be started.
        """


class Processes:
    """Every program is a process beside the kit, all of them on loopback."""

    control_host = data_host = "127.0.0.1"

    async def adapter(self, command: Sequence[str], *, name: str, log: Path, port: int) -> Started:
        """As `Launch.adapter`."""
        env = {KIT_VARIABLE: f"{self.control_host}:{port}"}
        return await Child.start(command, name=f"the adapter of {name}", log=log, env=env, mark=KIT_VARIABLE)

    async def broker(self, command: Sequence[str], settings: Mapping[str, Any], folder: Path) -> Started:
        """As `Launch.broker`; the data lie in the case's folder."""
        given = json.dumps({**settings, "data_dir": str(folder / "data")})
        return await Child.start([*command, given], name="broker", log=folder / "broker.log", lines_out=True)


PROCESSES = Processes()
