"""One command whose outcome somebody waits for: it ends by its outcome, deadline or token, or with the waiting task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ._cancellation import CancellationToken
from ._deadlines import Deadlines
from ._ids import AgentId, TopicId
from ._patience import Patience
from .exceptions import CallCancelledError


class Outgoing:
    """Waits for exactly one outcome (SPEC RPC-1).

    Args:
        what: What is waited for, for error texts: "the call to".
        target: And whom or what it is for.
        patience: How long.
        abandon: Called when nobody waits any more and no outcome has come: tells whoever works on it.
    """

    __slots__ = ("_abandon", "_future", "_loop", "_patience", "_target", "_what")

    def __init__(self, what: str, target: AgentId | TopicId, patience: Patience, abandon: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[Any] = self._loop.create_future()
        self._what = what
        self._target = target
        self._patience = patience
        self._abandon = abandon

    @property
    def done(self) -> bool:
        """True once the outcome is known, or nobody waits for it any more."""
        return self._future.done()

    def settle(self, outcome: Any) -> None:
        """Ends the wait with a value, or an exception to raise; ignored if it has ended."""
        if not self._future.done():
            self._future.set_result(outcome)

    def expire(self) -> None:
        """The deadline has passed."""
        self._end(self._patience.exceeded(f"{self._what} {self._target} had no outcome"))

    def _end(self, error: BaseException) -> None:
        if not self._future.done():
            self._future.set_result(error)
            self._abandon()

    def _on_token(self) -> None:
        try:
            here = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            here = False
        if here:
            self._cancel()
        else:
            self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        self._end(CallCancelledError(f"{self._what} {self._target} was cancelled by its token"))

    async def wait(self, deadlines: Deadlines, token: CancellationToken | None) -> Any:
        """The outcome, or raises it if it is an exception."""
        due = deadlines.add(self._patience.deadline, self)
        if token is not None:
            token.add_callback(self._on_token)
        try:
            outcome = await self._future
        except asyncio.CancelledError:  # the task that waits is cancelled
            self._abandon()
            raise
        finally:
            del self._abandon  # it leads back here: without it no garbage collector is needed
            deadlines.remove(due, self)
            if token is not None:
                token.remove_callback(self._on_token)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome
