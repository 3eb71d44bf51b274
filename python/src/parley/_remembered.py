"""Calls with an idempotency key, in one process: the same key is not run twice (SPEC RPC-8)."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Generic, NamedTuple, TypeVar

from ._ids import AgentId
from .exceptions import InvalidArgumentError

WINDOW = 600.0
"""Seconds that a result is given again."""

MAX_RESULTS = 100_000
"""Results that are kept; the oldest one goes first."""

MAX_KEY_BYTES = 255

C = TypeVar("C")


def check_key(key: Any) -> None:
    """Raises InvalidArgumentError for what is no idempotency key."""
    if not isinstance(key, str) or not 0 < len(key.encode("utf-8", "replace")) <= MAX_KEY_BYTES:
        raise InvalidArgumentError(
            f"idempotency_key must be a str of 1 to {MAX_KEY_BYTES} bytes, not {key!r}",
            details={"field": "idempotency_key"},
        )


class _Result(NamedTuple):
    message: Any
    value: Any
    until: float


class RememberedCalls(Generic[C]):
    """The calls with a key that run, and the results of those that have ended well."""

    def __init__(self) -> None:
        self._running: dict[tuple[AgentId, str], tuple[Any, C]] = {}
        self._results: OrderedDict[tuple[AgentId, str], _Result] = OrderedDict()

    def running(self, target: AgentId, key: str, message: Any) -> C | None:
        """The call that runs under this key. Raises InvalidArgumentError if its message was another one."""
        found = self._running.get((target, key))
        if found is None:
            return None
        _check_same(key, found[0], message)
        return found[1]

    def result(self, target: AgentId, key: str, message: Any, now: float) -> tuple[Any] | None:
        """The result under this key, if there is one. Raises InvalidArgumentError if its message was another one."""
        while self._results and (len(self._results) > MAX_RESULTS or next(iter(self._results.values())).until <= now):
            self._results.popitem(last=False)
        found = self._results.get((target, key))
        if found is None:
            return None
        _check_same(key, found.message, message)
        return (found.value,)

    def began(self, target: AgentId, key: str, message: Any, call: C) -> None:
        """A call runs under this key."""
        self._running[target, key] = (message, call)

    def ended(self, target: AgentId, key: str, call: C) -> Any:
        """The call runs no longer; what failed may be tried again. Its message, if it was the one that runs."""
        found = self._running.get((target, key))
        if found is None or found[1] is not call:
            return None
        del self._running[target, key]
        return found[0]

    def succeeded(self, target: AgentId, key: str, call: C, value: Any, now: float) -> None:
        """The call has ended with this result."""
        message = self.ended(target, key, call)
        if message is not None:
            self._results[target, key] = _Result(message, value, now + WINDOW)


def _check_same(key: str, first: Any, message: Any) -> None:
    if first is not message and first != message:
        raise InvalidArgumentError(
            f"the idempotency key {key!r} was used with another message for this agent",
            details={"field": "idempotency_key"},
        )
