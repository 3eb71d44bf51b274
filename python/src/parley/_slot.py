"""What is registered, and one agent in this process with the events that wait for it."""

from __future__ import annotations

import asyncio
import builtins
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from ._agent import Agent
from ._base_agent import AgentMode
from ._ids import AgentId
from ._scope import AgentInstantiationContext
from ._state import StateKeeper, decode_state
from ._work import Work
from .exceptions import ActivationFailedError

if TYPE_CHECKING:
    from ._agent_runtime import AgentRuntime


@dataclass(slots=True)
class Registration:
    """An agent type that this process hosts.

    Attributes:
        type: Its name.
        mode: How messages of its agents are run.
        concurrency: Events of one agent that may be handled at once.
        factory: Makes an agent; None: there are only the `instances`.
        expected_class: What the factory must make; None: any agent.
        instances: Agents that exist already, by key.
        keeps_state: Its agents save state.
        idle_timeout: Seconds without a message after which an agent may be given back; None: never.
    """

    type: str
    mode: AgentMode = "standard"
    concurrency: int = 1
    factory: Callable[[], Agent | Awaitable[Agent]] | None = None
    expected_class: builtins.type[Any] | None = None
    instances: dict[str, Agent] = field(default_factory=dict)
    keeps_state: bool = False
    idle_timeout: float | None = None

    @property
    def stateless(self) -> bool:
        """True if its agents have neither place nor order."""
        return self.mode == "stateless"

    @property
    def alone(self) -> bool:
        """True if each of its agents runs one message at a time, and commits it: they are effectively-once."""
        return self.mode == "effectively-once"


class AgentSlot:
    """One agent in this process, or on its way, and the events that wait for it in order (SPEC DLV-3).

    Attributes:
        id: Who.
        registration: As what.
        alone: It runs one message at a time, and commits it.
        epoch: The epoch of its placement; 0 without one.
        agent: The agent, once it is made.
        pending: Events that have not started.
        running: Events that have.
        calls: Calls that run or wait, but for an effectively-once agent's: those are among `pending` and `running`.
        keeper: What is saved of it; None if nothing is.
        waiters: Who waits until it is idle.
        tainted: What is in memory may not be what was committed: the agent is made anew before its next message.
        dropped: It is no longer this process's: what its handlers come to is told to nobody.
    """

    __slots__ = (
        "_failure",
        "_ready",
        "agent",
        "alone",
        "calls",
        "dropped",
        "epoch",
        "id",
        "keeper",
        "pending",
        "registration",
        "running",
        "tainted",
        "waiters",
    )

    def __init__(
        self, id: AgentId, registration: Registration, epoch: int = 0, keeper: StateKeeper | None = None
    ) -> None:
        self.id = id
        self.registration = registration
        self.alone = registration.alone
        self.epoch = epoch
        self.keeper = keeper
        self.agent: Agent | None = None
        self.pending: deque[Work] = deque()
        self.running: dict[Work, None] = {}
        self.calls = 0
        self.tainted = False
        self.dropped = False
        self.waiters: list[asyncio.Future[None]] = []
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._failure: ActivationFailedError | None = None

    @property
    def idle(self) -> bool:
        """True if nothing runs or waits."""
        return not (self.calls or self.running or self.pending)

    @property
    def full(self) -> bool:
        """True if no further event may start now."""
        return len(self.running) >= self.registration.concurrency

    def when_ready(self, tell: Callable[[ActivationFailedError | None], None]) -> None:
        """Calls `tell` once the agent is made, or with the reason why it is not; at once if that is known."""
        if self._ready.done() or self.agent is not None:
            tell(self._failure)
        else:
            self._ready.add_done_callback(lambda _: tell(self._failure))

    async def wait(self) -> Agent:
        """The agent, once it is made. Raises ActivationFailedError if that failed."""
        if self.agent is None and self._failure is None:
            await asyncio.shield(self._ready)
        if self._failure is not None:
            raise self._failure
        assert self.agent is not None
        return self.agent

    async def make(self, runtime: AgentRuntime) -> None:
        """Makes the agent, once, and has it load its state if there is any. Raises ActivationFailedError."""
        try:
            await self.make_anew(runtime)
        except ActivationFailedError as error:
            self._failure = error
            raise
        finally:
            self._ready.set_result(None)

    async def make_anew(self, runtime: AgentRuntime) -> None:
        """Makes the agent from what is saved of it. Raises ActivationFailedError."""
        what = "made"
        try:
            agent = await self._make(runtime)
            if self.keeper is not None and self.keeper.saved.data:
                what = "given its state"
                await agent.load_state(decode_state(self.keeper.saved))
        except Exception as error:
            raise ActivationFailedError(
                f"the agent {self.id} could not be {what}: {type(error).__name__}: {error}",
                details={
                    "agent": str(self.id),
                    "exception_type": type(error).__name__,
                    "exception_message": str(error),
                },
            ) from error
        self.agent = agent

    async def _make(self, runtime: AgentRuntime) -> Agent:
        registration = self.registration
        instance = registration.instances.get(self.id.key)
        if instance is not None:
            return instance
        if registration.factory is None:
            raise LookupError(f"only these keys of {registration.type} are here: {', '.join(registration.instances)}")
        with AgentInstantiationContext.populate_context((runtime, self.id)):
            made = registration.factory()
            agent = await made if isawaitable(made) else made
        expected = registration.expected_class
        if expected is not None and not isinstance(agent, expected):
            raise TypeError(f"the factory made a {type(agent).__name__}, not a {expected.__name__}")
        await agent.bind_id_and_runtime(self.id, runtime)
        return agent
