"""What may stand before whom a party dials: nothing, unless the kit's own checks are tried on something broken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

BROKER = "broker"
"""Before the broker: everybody who dials it meets it. Else the name of a party, which alone does."""

Front = Callable[[str, str], Awaitable[str]]
"""Given before whom and an address, `grpc://HOST:PORT`, returns what to dial instead."""


async def nothing(who: str, address: str) -> str:
    """Whoever it is dials the address itself."""
    return address
