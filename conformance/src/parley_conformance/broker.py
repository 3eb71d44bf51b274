"""The broker under test: started by a launcher for one case, or reached at an address.

A launcher is a program that is given one argument, a JSON object of settings, and writes one line of JSON to its
standard output when the broker serves: `{"address": "grpc://HOST:PORT", "pid": N}`, or `{"unsupported": "why"}`. It
keeps running and ends the broker when its standard input ends. docs/broker.md is its contract.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parley_conformance import profiles, schemas
from parley_conformance.aside import Aside
from parley_conformance.launch import PROCESSES, Launch, Started
from parley_conformance.model import Failed, HarnessError, Unsupported

START_LIMIT_S = 20.0
KNOCK_LIMIT_S = 5.0
STOP_LIMIT_S = 30.0
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
    """A broker that serves. `pid` is 0 when only its address is known.

    Attributes:
        claims: The profiles that its launcher announced; None: it announced none, and so claims all.
        front: An address that stands for the broker's own, where something stands before it; see `front.py`.
    """

    def __init__(self, source: BrokerSource, settings: Mapping[str, Any], folder: Path, launch: Launch) -> None:
        self.pid = 0
        self.claims: Collection[str] | None = None
        self.front = ""
        self._served = source.address
        self._source = source
        self._settings = settings
        self._folder = folder
        self._launch = launch
        self._child: Started | None = None
        self._aside: Aside | None = None
        self._down = False

    @classmethod
    async def launch(
        cls, source: BrokerSource, settings: Mapping[str, Any], folder: Path, launch: Launch = PROCESSES
    ) -> Broker:
        """Starts a broker with these settings and data of its own, which `folder` stands for.

        Raises:
            Unsupported: The launcher does not know a setting, or there is only an address.
            HarnessError: It did not say in time that it serves, nobody answers at the address, or there is no such
                setting.
        """
        if wrong := schemas.errors("launcher", {"data_dir": "-", **settings}, "settings"):
            raise HarnessError(f"the case sets up no broker that there can be: {wrong}")
        if source.address and settings:
            text = f"needs a broker started with {', '.join(settings)}; there is only an address"
            raise Unsupported(text, excused=True)
        broker = cls(source, settings, folder, launch)
        if source.address:
            await _knock(source.address)
            broker._aside = Aside(source.address)
            await broker._aside.open()
            broker._served = broker._aside.address
        else:
            await broker.start()
        return broker

    @property
    def address(self) -> str:
        """Where it is dialled, `grpc://HOST:PORT`; empty before it serves."""
        return self.front or self._served

    async def start(self) -> None:
        """Starts it, or starts it again where it served before: same settings, same data folder, same port.

        Raises:
            Unsupported: As `launch`.
            HarnessError: As `launch`.
        """
        self.check_owned()
        again = {"listen": self._served.removeprefix("grpc://")} if self._served else {}
        child = await self._launch.broker(self._source.command, {**self._settings, **again}, self._folder)
        try:
            line = await self._first_line(child)
        except BaseException:
            await child.end()
            raise
        self.claims = line.get("profiles")
        if "unsupported" in line:
            await child.end()
            raise Unsupported(f"the broker's launcher: {line['unsupported']}", claims=self.claims)
        self._served, self.pid = line["address"], int(line["pid"])
        self._child, self._down = child, False

    async def kill(self) -> None:
        """SIGKILL, as part of a case; it is gone when this returns."""
        self._down = True
        await self._owned_child().end()

    async def terminate(self) -> None:
        """SIGTERM to the broker itself, as an operator ends it; it is gone when this returns.

        Raises:
            Failed: It did not end in time.
        """
        child = self._owned_child()
        await self.ask_to_end()
        try:
            async with asyncio.timeout(STOP_LIMIT_S):
                await child.wait()
        except TimeoutError:
            text = f"the broker did not end within {STOP_LIMIT_S:g} s of SIGTERM; its log ends: {child.tail()}"
            raise Failed(text, rule="DRN-1", party="broker") from None

    async def restart(self, by: str = "") -> None:
        """Ends it, by SIGTERM or else by SIGKILL, and starts it again."""
        await (self.terminate() if by == "SIGTERM" else self.kill())
        await self.start()

    async def ask_to_end(self) -> None:
        """SIGTERM to the broker itself, as an operator ends it."""
        child = self._owned_child()
        self._down = True
        await child.ask_to_end(self.pid)

    async def pause(self) -> None:
        """Stands still."""
        await self._owned_child().pause()

    async def resume(self) -> None:
        """Goes on."""
        await self._owned_child().resume()

    def check_owned(self) -> None:
        """Makes sure that the kit started the broker, so that it may end it.

        Raises:
            Unsupported: There is only an address.
        """
        if self._source.address:
            raise Unsupported("the broker was not started by the kit: it cannot be stopped or started", excused=True)

    def _owned_child(self) -> Started:
        self.check_owned()
        assert self._child is not None
        return self._child

    @staticmethod
    async def _first_line(child: Started) -> dict[str, Any]:
        try:
            async with asyncio.timeout(START_LIMIT_S):
                raw = await child.first_line()
        except TimeoutError:
            text = f"the broker did not serve within {START_LIMIT_S:g} s; its log ends: {child.tail()}"
            raise HarnessError(text) from None
        try:
            line = json.loads(raw)
        except ValueError:
            raise HarnessError(
                f"the broker's launcher wrote {raw[:200]!r} instead of a line of JSON; its log ends: {child.tail()}"
            ) from None
        if wrong := schemas.errors("launcher", line, "line"):
            raise HarnessError(f"the broker's launcher wrote {line!r}: {wrong}")
        profiles.current().claimed(line.get("profiles"), "the broker's launcher")
        return dict(line)

    async def memory(self) -> int:
        """Resident memory of the broker in bytes.

        Raises:
            Unsupported: The broker was not started by the kit.
        """
        if self._child is None:
            raise Unsupported("the broker's process is not known: no memory to read", excused=True)
        return await self._child.resident_bytes(self.pid)

    @property
    def down(self) -> bool:
        """True while a case has it killed or ended."""
        return self._down

    def check_alive(self) -> None:
        """Makes sure that the broker's process is there.

        Raises:
            Failed: It has ended.
        """
        if self._child is None or self._down:
            return
        if not (self._child.alive and self._child.runs(self.pid)):
            raise Failed(f"the broker's process ended; its log ends: {self._child.tail()}", party="broker")

    async def close(self) -> None:
        """Ends the broker; nothing of it stays. One at an address goes on, without what the case left."""
        if self._child is not None:
            await self._child.end()
        if self._aside is not None:
            await self._aside.close()


async def _knock(address: str) -> None:
    """Makes sure that somebody listens at `grpc://HOST:PORT`: nothing can be said of a broker that is not there.

    Raises:
        HarnessError: Nobody does.
    """
    host, _, port = address.removeprefix("grpc://").rpartition(":")
    try:
        async with asyncio.timeout(KNOCK_LIMIT_S):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except TimeoutError:
        raise HarnessError(f"no broker answers at {address} within {KNOCK_LIMIT_S:g} s") from None
    except (OSError, ValueError, OverflowError) as failure:
        raise HarnessError(f"no broker answers at {address}: {failure}") from failure
    writer.close()
