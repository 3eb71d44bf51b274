"""How long a call may take, and which of the possible timeouts decided that (SPEC RPC-4)."""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

from ._scope import HandlerScope
from .exceptions import DeadlineExceededError, InvalidArgumentError


class Patience(NamedTuple):
    """The time that a call has.

    Attributes:
        deadline: The `time.monotonic()` at which it is up.
        seconds: How long that was when the call began.
        source: What set it: `call`, `default`, `outer_call` or `limit`.
    """

    deadline: float
    seconds: float
    source: str

    def exceeded(self, what: str, *, may_have_run: bool = True) -> DeadlineExceededError:
        """The error that says that it is up."""
        because = {
            "call": "the timeout of this call",
            "default": "the runtime's default timeout",
            "outer_call": "what was left of the call that this handler serves",
            "limit": "the broker's longest timeout",
        }[self.source]
        return DeadlineExceededError(
            f"{what} within {self.seconds:.4g} s, {because}",
            may_have_run=may_have_run,
            details={"timeout_ms": str(round(self.seconds * 1000)), "timeout_source": self.source},
        )


def _is_duration(value: Any) -> bool:
    return isinstance(value, (int, float)) and value >= 0


def choose_patience(
    timeout: float | None, default: float, scope: HandlerScope | None, limit: float = math.inf
) -> Patience:
    """The smallest of what applies.

    Args:
        timeout: Seconds that the call asks for; None: the default.
        default: The runtime's default, in seconds.
        scope: The handler that calls, if one does.
        limit: The longest timeout that the broker allows, in seconds.

    Raises:
        InvalidArgumentError: `timeout` is negative or no number.
    """
    if timeout is not None and not _is_duration(timeout):
        raise InvalidArgumentError(f"timeout must be a number of seconds from 0 up, not {timeout!r}")
    now = time.monotonic()
    seconds, source = (default, "default") if timeout is None else (float(timeout), "call")
    if seconds > limit:
        seconds, source = limit, "limit"
    if scope is not None and scope.deadline is not None and scope.deadline < now + seconds:
        return Patience(scope.deadline, max(0.0, scope.deadline - now), "outer_call")
    return Patience(now + seconds, seconds, source)
