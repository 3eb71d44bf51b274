"""Where wire mutants live: a gRPC proxy that hands every method on, and alters what is said on `Connect`."""

from __future__ import annotations

import asyncio

from parley_conformance import wire
from parley_conformance.mutation.alteration import Alteration, Altered
from parley_conformance.proxy import Proxy
from parley_conformance.watch import kind_of
from parley_wire.v1 import broker_service_pb2 as pb


class Fronts:
    """The proxies of one run. `front` is what the kit asks for them.

    Args:
        at: Before whom they stand: `broker`, or the name of a party.
        alteration: What they do.
    """

    def __init__(self, at: str, alteration: Alteration) -> None:
        self.alteration = alteration
        self._at = at
        self._open: dict[str, Proxy] = {}

    async def front(self, who: str, address: str) -> str:
        """The address to dial instead of this one."""
        if who != self._at:
            return address
        if address not in self._open:
            sessions: dict[str, Altered] = {}
            self._open[address] = Proxy(
                address, lambda method: _Stream(sessions, self.alteration) if method == wire.CONNECT else None
            )
            await self._open[address].open()
        return self._open[address].address

    async def close(self) -> None:
        """Ends them."""
        await asyncio.gather(*(proxy.close() for proxy in self._open.values()))


class _Stream:
    """One connection: it begins a session, or goes on with one that an earlier connection had."""

    def __init__(self, sessions: dict[str, Altered], alteration: Alteration) -> None:
        self._sessions = sessions
        self._alteration = alteration
        self._altered = Altered(alteration)

    def pass_on(self, direction: str, data: bytes) -> list[bytes]:
        try:
            frame = pb.Frame.FromString(data)
        except Exception:
            # A case says what is no frame.
            return [data]
        for message in frame.messages:
            if kind_of(message) == "hello" and message.hello.resume.session_id in self._sessions:
                self._altered = self._sessions[message.hello.resume.session_id]
            elif kind_of(message) == "welcome":
                if not message.welcome.resumed and self._altered in self._sessions.values():
                    self._altered = Altered(self._alteration)
                self._sessions[message.welcome.session_id] = self._altered
        return [one.SerializeToString() for one in self._altered.pass_on(direction, frame)]
