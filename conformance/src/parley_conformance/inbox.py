"""The messages that came to a scripted peer and were not taken yet, and waiting for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from parley_conformance import matching
from parley_conformance.journal import shortened
from parley_conformance.model import Failed

WITHIN_MS = 5_000


class Inbox:
    """Messages as plain data in the order they came, until the connection ends.

    Every wait is bounded, and is over when the connection is.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._messages: list[dict[str, Any]] = []
        self._arrived = asyncio.Event()
        self._end: tuple[str, str] | None = None

    # -- filling --------------------------------------------------------------------------------------------------

    def put(self, message: dict[str, Any]) -> None:
        """A message came."""
        self._messages.append(message)
        self.wake()

    def end(self, status: str, text: str) -> tuple[str, str]:
        """The connection has ended, with this gRPC status; the first word counts, and is returned."""
        self._end = self._end or (status, text)
        self.wake()
        return self._end

    def reopen(self) -> None:
        """A new connection takes the place of the one that was, ended or not."""
        self._end = None

    def wake(self) -> None:
        """Something came: whoever waits looks again."""
        self._arrived.set()

    # -- taking ---------------------------------------------------------------------------------------------------

    async def get(self, expected: Mapping[str, Any], within_ms: int = WITHIN_MS) -> dict[str, Any]:
        """Takes the first message out of the inbox that has what is expected; waits for it.

        Raises:
            Failed: None came in time, or the connection ended first.
        """
        found = await self._take(expected, within_ms)
        if found is not None:
            return found
        ended = f"; the connection ended: {self._end[0]} {self._end[1]!r}" if self._end else ""
        there = f"there were: {'; '.join(map(short, self._messages[:5]))}" if self._messages else "nothing was there"
        near = matching.nearest(expected, self._messages)
        raise Failed(f"{self.name}: expected {dict(expected)!r} within {within_ms} ms; {there}{near}{ended}")

    async def look(self, expected: Mapping[str, Any], within_ms: int) -> dict[str, Any] | None:
        """As `get`, but None if no such message came in time."""
        return await self._take(expected, within_ms)

    async def answer_to(self, identity: int, within_ms: int = WITHIN_MS) -> dict[str, Any]:
        """Waits for the answer to the message with this id."""
        return await self.get({"re": identity}, within_ms)

    def take_now(self, expected: Mapping[str, Any]) -> dict[str, Any] | None:
        """Takes such a message out of the inbox if it is there."""
        # Answers are looked up by the thousand: compare their `re` before anything else.
        answered = expected.get("re")
        for index, message in enumerate(self._messages):
            if (answered is None or message.get("re") == answered) and matching.matches(expected, message):
                return self._messages.pop(index)
        return None

    async def wait(self, ready: Callable[[], bool], within_ms: int) -> bool:
        """Waits until `ready()`, asked again whenever something came, or the connection ended; false: not in time."""
        try:
            async with asyncio.timeout(within_ms / 1000):
                while not ready() and self.connected:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            return ready()
        return ready()

    def has(self, expected: Mapping[str, Any]) -> bool:
        """True if such a message is in the inbox now."""
        return any(matching.matches(expected, m) for m in self._messages)

    def count(self, expected: Mapping[str, Any]) -> int:
        """How many such messages are in the inbox now."""
        return sum(matching.matches(expected, m) for m in self._messages)

    async def ended(self, within_ms: int = WITHIN_MS) -> tuple[str, str]:
        """Waits for the end of the connection: gRPC status name and text.

        Raises:
            Failed: It did not end in time.
        """
        await self.wait(lambda: self._end is not None, within_ms)
        if self._end is None:
            raise Failed(f"{self.name}: the broker did not end the connection within {within_ms} ms")
        return self._end

    @property
    def connected(self) -> bool:
        """True while the stream has not ended."""
        return self._end is None

    async def _take(self, expected: Mapping[str, Any], within_ms: int) -> dict[str, Any] | None:
        # Not asyncio.wait_for: in Python 3.11 it may swallow a cancellation.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_ms / 1000):
                while True:
                    self._arrived.clear()
                    found = self.take_now(expected)
                    if found is not None or self._end is not None:
                        return found
                    await self._arrived.wait()
        return self.take_now(expected)


async def first_of(
    inboxes: Mapping[str, Inbox], expected: Mapping[str, Any], within_ms: int = WITHIN_MS
) -> tuple[str, dict[str, Any]]:
    """Takes the first such message that any of these gets; tells which one, by its key.

    Raises:
        Failed: None got one in time.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_ms / 1000
    while True:
        for inbox in inboxes.values():
            inbox._arrived.clear()
        for name, inbox in inboxes.items():
            if (found := inbox.take_now(expected)) is not None:
                return name, found
        waiting = [asyncio.create_task(inbox._arrived.wait()) for inbox in inboxes.values()]
        await asyncio.wait(waiting, timeout=max(0.0, deadline - loop.time()), return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if loop.time() >= deadline:
            raise Failed(
                f"expected {dict(expected)!r} at one of {', '.join(inboxes)} within {within_ms} ms; nobody got it"
            )


def short(plain: Mapping[str, Any]) -> str:
    """A message for a report's line."""
    return shortened(repr(dict(plain)))
