"""What the failure of a handler is called (SPEC RPC-6, RPC-11, RPC-13)."""

from __future__ import annotations

import asyncio

from ._agent import Agent
from ._base_agent import BaseAgent
from ._names import wire_name
from ._work import Work
from .exceptions import (
    CallCancelledError,
    CantHandleException,
    DeadlineExceededError,
    HandlerFailedError,
    ParleyError,
    UnhandledMessageError,
)

MAX_TEXT = 4096
"""Characters of an exception's text that travel."""


def is_unhandled(error: BaseException) -> bool:
    """True if the agent itself said that it cannot handle the message; not if a call that it made ended so."""
    return isinstance(error, CantHandleException) and not isinstance(error, ParleyError)


def unhandled(work: Work, agent: Agent, type_name: str) -> UnhandledMessageError:
    """The error of a call that the agent has no handler for."""
    details = {"type_name": type_name}
    understood = agent.understood_types(is_rpc=work.is_rpc) if isinstance(agent, BaseAgent) else []
    if understood:
        details["understood"] = ", ".join(sorted(wire_name(cls) for cls in understood))
    return UnhandledMessageError(f"the agent {work.recipient} has no handler for {type_name}", details=details)


def handler_failure(work: Work, error: BaseException) -> ParleyError | CallCancelledError:
    """The error of a handler that raised `error`."""
    if isinstance(error, asyncio.CancelledError):
        if work.ended_by == "cancel":
            return CallCancelledError(f"the call to {work.recipient} was cancelled")
        if work.ended_by:
            return time_is_up(work)
    name = type(error).__name__
    text = _text_of(error)
    failure = HandlerFailedError(
        f"the handler of {work.recipient} raised {name}" + (f": {text}" if text else ""),
        details={"agent": str(work.recipient), "exception_type": name, "exception_message": text},
    )
    failure.__cause__ = error
    return failure


def time_is_up(work: Work, *, may_have_run: bool = True) -> DeadlineExceededError:
    """The error of work whose time is up."""
    what = "the handler of an event" if work.topic is not None else "the call"
    return DeadlineExceededError(f"the time of {what} to {work.recipient} is up", may_have_run=may_have_run)


def never_started(work: Work) -> ParleyError | CallCancelledError:
    """The error of work that ended before its handler began."""
    if work.ended_by == "cancel":
        return CallCancelledError(f"the call to {work.recipient} was cancelled before it started", may_have_run=False)
    return time_is_up(work, may_have_run=False)


def _text_of(error: BaseException) -> str:
    try:
        text = error.message if isinstance(error, ParleyError | CallCancelledError) else str(error)
    except Exception:
        return ""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"
