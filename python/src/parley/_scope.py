"""Whose code is running: context variables that follow a handler through everything that it awaits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._agent_runtime import AgentRuntime
    from ._ids import AgentId, AgentType


@dataclass(slots=True)
class HandlerScope:
    """One run of a handler, and what its calls inherit (SPEC RPC-4, RPC-10).

    Attributes:
        agent: Whose handler it is.
        epoch: The epoch that the agent was dispatched with; 0 without a place.
        chain: The agents that wait, this one last: the `call_chain` of nested calls.
        deadline: `time.monotonic()` at which the call served is over; None for events.
        active: False once the handler has ended; tasks that it left behind then start chains of their own.
        held: What an effectively-once handler has published, until it commits (SPEC STA-6); None: nothing is held.
    """

    agent: AgentId
    epoch: int
    chain: tuple[AgentId, ...]
    deadline: float | None
    active: bool = True
    held: list[Any] | None = None


_SCOPE: ContextVar[HandlerScope | None] = ContextVar("parley_handler_scope", default=None)
_AGENT: ContextVar[AgentId | None] = ContextVar("parley_handler_agent", default=None)
_INSTANTIATION: ContextVar[tuple[AgentRuntime, AgentId] | None] = ContextVar("parley_instantiation", default=None)
_SUBSCRIPTION: ContextVar[AgentType | None] = ContextVar("parley_subscription", default=None)


def current_scope() -> HandlerScope | None:
    """The run of a handler that this code belongs to, while it lasts."""
    scope = _SCOPE.get()
    return scope if scope is not None and scope.active else None


def current_agent() -> AgentId | None:
    """The agent whose handler this code belongs to."""
    return _AGENT.get()


def enter_scope(scope: HandlerScope) -> None:
    """Makes `scope` the one of the current task, which must be the handler's own."""
    _SCOPE.set(scope)
    _AGENT.set(scope.agent)


class MessageHandlerContext:
    """Tells which agent's handler the calling code belongs to."""

    def __init__(self) -> None:
        raise RuntimeError("MessageHandlerContext has class methods only; it is not instantiated")

    @classmethod
    @contextmanager
    def populate_context(cls, ctx: AgentId) -> Iterator[None]:
        """Says, for the block, that its code belongs to the agent `ctx`."""
        token = _AGENT.set(ctx)
        try:
            yield
        finally:
            _AGENT.reset(token)

    @classmethod
    def agent_id(cls) -> AgentId:
        """The agent whose handler runs. Raises RuntimeError outside of handlers."""
        agent = _AGENT.get()
        if agent is None:
            raise RuntimeError("MessageHandlerContext.agent_id() was called outside of a message handler")
        return agent


class AgentInstantiationContext:
    """Tells an agent's factory for whom it makes the agent."""

    def __init__(self) -> None:
        raise RuntimeError("AgentInstantiationContext has class methods only; it is not instantiated")

    @classmethod
    @contextmanager
    def populate_context(cls, ctx: tuple[AgentRuntime, AgentId]) -> Iterator[None]:
        """Says, for the block, which agent is made and for which runtime."""
        token = _INSTANTIATION.set(ctx)
        try:
            yield
        finally:
            _INSTANTIATION.reset(token)

    @classmethod
    def _current(cls) -> tuple[AgentRuntime, AgentId]:
        ctx = _INSTANTIATION.get()
        if ctx is None:
            raise RuntimeError("AgentInstantiationContext was used outside of an agent's factory")
        return ctx

    @classmethod
    def current_runtime(cls) -> AgentRuntime:
        """The runtime that the agent is made for. Raises RuntimeError outside of factories."""
        return cls._current()[0]

    @classmethod
    def current_agent_id(cls) -> AgentId:
        """The id of the agent that is made. Raises RuntimeError outside of factories."""
        return cls._current()[1]

    @classmethod
    def is_in_factory_call(cls) -> bool:
        """True inside of an agent's factory."""
        return _INSTANTIATION.get() is not None


class SubscriptionInstantiationContext:
    """Tells a subscription that is declared on a class which agent type it is made for."""

    def __init__(self) -> None:
        raise RuntimeError("SubscriptionInstantiationContext has class methods only; it is not instantiated")

    @classmethod
    @contextmanager
    def populate_context(cls, ctx: AgentType) -> Iterator[None]:
        """Says, for the block, which agent type is being registered."""
        token = _SUBSCRIPTION.set(ctx)
        try:
            yield
        finally:
            _SUBSCRIPTION.reset(token)

    @classmethod
    def agent_type(cls) -> AgentType:
        """The agent type that is being registered. Raises RuntimeError outside of registrations."""
        agent_type = _SUBSCRIPTION.get()
        if agent_type is None:
            raise RuntimeError("SubscriptionInstantiationContext.agent_type() was called outside of a registration")
        return agent_type
