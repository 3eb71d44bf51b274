"""The recorder: a door between each party and the broker, and what went through them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from parley_conformance.door import Door
from parley_conformance.faults import Fault
from parley_conformance.journal import Journal
from parley_conformance.model import Inconclusive
from parley_conformance.record import Record


class Recorder:
    """The doors of one case, and their record. `host`: where parties reach the doors."""

    def __init__(self, broker: Callable[[], str], journal: Journal, host: str = "127.0.0.1") -> None:
        self.record = Record()
        self.journal = journal
        self._broker = broker
        self._host = host
        self._doors: dict[str, Door] = {}

    async def door(self, party: str) -> str:
        """The address of a party's door, opened if need be."""
        if party not in self._doors:
            door = self._doors[party] = Door(party, self._broker, self.record, self.journal, self._host)
            await door.open()
        return self._doors[party].address

    async def arm(self, fault: Fault) -> None:
        """Arms a fault; one without a message happens now."""
        self.record.faults[fault.id] = fault
        if not fault.item:
            self._doors[fault.at].act(fault)

    async def fired(self, identity: str, within_ms: float) -> None:
        """Waits until a fault has happened.

        Raises:
            Inconclusive: It did not, in time.
        """
        fault = self.record.faults[identity]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_ms / 1000):
                await fault.fired.wait()
        if not fault.fired.is_set():
            text = f"{identity} did not happen within {within_ms:.0f} ms: nothing was tried"
            raise Inconclusive(text, lag=False)

    async def heal(self, identity: str) -> None:
        """Ends what a fault does: lets go what is held or frozen, takes connections again."""
        fault = self.record.faults[identity]
        fault.healed.set()
        await self._doors[fault.at].recover()

    async def heal_all(self) -> None:
        """Heals every fault."""
        for identity in self.record.faults:
            await self.heal(identity)

    @property
    def idle(self) -> list[str]:
        """The faults that were armed and did not happen."""
        return [identity for identity, fault in self.record.faults.items() if not fault.fired.is_set()]

    async def close(self) -> None:
        """Closes every door."""
        await asyncio.gather(*(door.close() for door in self._doors.values()))
