"""The broker under test: started by a launcher for one case, or reached at an address.

A launcher is a program that is given one argument, a JSON object of settings, and writes one line of JSON to its
standard output when the broker serves: `{"address": "grpc://HOST:PORT", "pid": N}`, or `{"unsupported": "why"}`. It
keeps running and ends the broker when its standard input ends. README.md lists the settings.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parley_conformance.model import Failed, HarnessError, Unsupported
from parley_conformance.process import Child, resident_bytes, runs

START_LIMIT_S = 20.0
REFERENCE = Path(__file__).with_name("reference_broker.py")


@dataclass(frozen=True)
class BrokerSource:
    """Where brokers come from: a launcher's command, or an address that is there already."""

    command: tuple[str, ...] = (sys.executable, str(REFERENCE))
    address: str = ""

    @classmethod
    def launcher(cls, text: str) -> BrokerSource:
        """Takes a launcher's command as a user writes it in a shell."""
        return cls(command=tuple(shlex.split(text)))


class Broker:
    """A broker that serves. `pid` is 0 when only its address is known."""

    def __init__(self, address: str, pid: int, child: Child | None) -> None:
        self.address = address
        self.pid = pid
        self._child = child

    @classmethod
    async def launch(cls, source: BrokerSource, settings: Mapping[str, Any], folder: Path) -> Broker:
        """Starts a broker with these settings, in a data folder of its own below `folder`.

        Raises:
            Unsupported: The launcher does not know a setting, or there is only an address.
            HarnessError: It did not say in time that it serves.
        """
        if source.address:
            if settings:
                text = f"needs a broker started with {', '.join(settings)}; there is only an address"
                raise Unsupported(text, excused=True)
            return cls(source.address, 0, None)
        config = {**settings, "data_dir": str(folder / "data")}
        command = [*source.command, json.dumps(config)]
        child = await Child.start(command, name="broker", log=folder / "broker.log", lines_out=True)
        try:
            line = await cls._first_line(child)
        except BaseException:
            await child.end()
            raise
        if "unsupported" in line:
            await child.end()
            raise Unsupported(f"the broker's launcher: {line['unsupported']}")
        return cls(line["address"], int(line["pid"]), child)

    @staticmethod
    async def _first_line(child: Child) -> dict[str, Any]:
        assert child.process.stdout is not None
        try:
            async with asyncio.timeout(START_LIMIT_S):
                raw = await child.process.stdout.readline()
        except TimeoutError:
            text = f"the broker did not serve within {START_LIMIT_S:g} s; its log ends: {child.tail()}"
            raise HarnessError(text) from None
        try:
            line = json.loads(raw)
        except ValueError:
            raise HarnessError(
                f"the broker's launcher wrote {raw[:200]!r} instead of a line of JSON; its log ends: {child.tail()}"
            ) from None
        if not isinstance(line, dict) or not ("unsupported" in line or ("address" in line and "pid" in line)):
            raise HarnessError(f"the broker's launcher wrote {line!r}; it needs address and pid, or unsupported")
        return line

    def memory(self) -> int:
        """Resident memory of the broker in bytes.

        Raises:
            Unsupported: The broker was not started by the kit.
        """
        if not self.pid:
            raise Unsupported("the broker's process is not known: no memory to read", excused=True)
        return resident_bytes(self.pid)

    def check_alive(self) -> None:
        """Makes sure that the broker's process is there.

        Raises:
            Failed: It has ended.
        """
        if self._child is None:
            return
        if not (self._child.alive and runs(self.pid)):
            raise Failed(f"the broker's process ended; its log ends: {self._child.tail()}", party="broker")

    async def close(self) -> None:
        """Ends the broker; nothing of it stays."""
        if self._child is not None:
            await self._child.end()
