"""Adapters that their author starts, mostly under a debugger: the kit says where it is, and has all the time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from parley_conformance.launch import KIT_VARIABLE, Launch, Started
from parley_conformance.model import Unsupported

ATTACHED: tuple[str, ...] = ()
"""The command of an adapter that is started by hand."""


class ByHand:
    """An adapter that somebody else started: it cannot be killed or stopped, and its log is where it is started."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log

    @property
    def alive(self) -> bool:
        """As far as the kit knows."""
        return True

    async def wait(self) -> int:
        """Nobody tells the kit when it ends."""
        await asyncio.Event().wait()
        return 0

    async def first_line(self) -> bytes:
        """It is no broker."""
        return b""

    async def kill(self) -> None:
        """Cannot be done."""
        self._refuse("killed")

    async def pause(self) -> None:
        """Cannot be done."""
        self._refuse("stopped")

    async def resume(self) -> None:
        """Nothing was stopped."""

    async def unplug(self) -> None:
        """Nothing is between it and the recorder."""

    async def plug(self) -> None:
        """As `unplug`."""

    async def ask_to_end(self, pid: int) -> None:
        """Cannot be done."""
        self._refuse("ended")

    async def resident_bytes(self, pid: int) -> int:
        """Cannot be known."""
        self._refuse("measured")

    def runs(self, pid: int) -> bool:
        """As far as the kit knows."""
        return True

    async def end(self) -> int:
        """It ends by itself when the kit hangs up."""
        return 0

    def tail(self) -> str:
        """Where its log is."""
        return "(it was started by hand)"

    def _refuse(self, what: str) -> NoReturn:
        raise Unsupported(f"{self.name} was started by hand: it cannot be {what}", excused=True)


class Attaching:
    """Starts what has a command, and waits for what has none.

    Args:
        launch: Starts the others.
        tell: Gets the text that says how to start one.
    """

    def __init__(self, launch: Launch, tell: Callable[[str], None]) -> None:
        self.control_host = launch.control_host
        self.data_host = launch.data_host
        self._launch = launch
        self._tell = tell

    async def adapter(self, command: Sequence[str], *, name: str, log: Path, port: int) -> Started:
        """As `Launch.adapter`; for one without a command, tells how to start it."""
        if command:
            return await self._launch.adapter(command, name=name, log=log, port=port)
        self._tell(f"waiting for the adapter of {name}: start it with {KIT_VARIABLE}={self.control_host}:{port}")
        return ByHand(f"the adapter of {name}", log)

    async def broker(self, command: Sequence[str], settings: Mapping[str, Any], folder: Path) -> Started:
        """As `Launch.broker`, of one that does not lose who stands still in a debugger."""
        return await self._launch.broker(command, {"suspect_limit_ms": _A_DAY_MS, **settings}, folder)


_A_DAY_MS = 24 * 3600 * 1000
