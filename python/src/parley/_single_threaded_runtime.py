"""SingleThreadedAgentRuntime: all agents in this process, messages handed over as objects."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, TypeVar

from ._agent import Agent
from ._cancellation import CancellationToken
from ._constants import DEFAULT_TIMEOUT, EVENT_LOGGER_NAME, MAX_CALL_DEPTH, ROOT_LOGGER_NAME
from ._ids import AgentId, AgentType, TopicId
from ._intervention import DropMessage, InterventionHandler
from ._outgoing import Outgoing
from ._patience import Patience, choose_patience
from ._registry import check_reply
from ._remembered import RememberedCalls
from ._runtime_base import DEFAULT_MAX_CONCURRENCY, RuntimeBase, raise_if_over
from ._scope import current_scope
from ._serialization import UnknownPayload
from ._slot import AgentSlot, Registration
from ._state import Commit, SavedState
from ._subscription import Subscription
from ._work import Work
from .exceptions import (
    CallCancelledError,
    CallCycleError,
    InvalidArgumentError,
    NoRespondersError,
    NotFoundError,
    ParleyError,
    ResourceExhaustedError,
)

AgentT = TypeVar("AgentT", bound=Agent)

_log = logging.getLogger(ROOT_LOGGER_NAME)
_events = logging.getLogger(EVENT_LOGGER_NAME)


class _LocalWork(Work):
    """A message that is handed over as an object."""

    __slots__ = ("message", "runtime")

    def __init__(self, runtime: SingleThreadedAgentRuntime, message: Any, recipient: AgentId, **known: Any) -> None:
        super().__init__(recipient, **known)
        self.runtime = runtime
        self.message = message

    def started(self) -> None:
        """There is no credit in one process."""

    def withdrawn(self) -> None:
        """There is no credit in one process."""

    def commit(self, commit: Commit | None) -> None:
        """Stores what an effectively-once agent commits: its state, in memory, and what it published."""
        if commit is not None and self.slot is not None and self.slot.keeper is not None:
            self.slot.keeper.said(commit)
            for held in commit.publishes:
                self.runtime._hand_to_subscribers(*held)

    def open(self) -> Any:
        """The object itself."""
        return self.message

    def unknown(self) -> UnknownPayload:
        """Never asked for: every object is known."""
        return UnknownPayload(type(self.message).__name__, "", b"")


class _LocalCall(_LocalWork):
    """A call.

    Attributes:
        callers: Who waits for its outcome: one, and those that joined by its key.
        key: Its idempotency key, or nothing.
    """

    __slots__ = ("callers", "key")

    callers: list[Outgoing]
    key: str

    def join(self, patience: Patience) -> Outgoing:
        """One more waits for the outcome; the call is cancelled when nobody does any more."""

        def abandon() -> None:
            if outgoing in self.callers:
                self.callers.remove(outgoing)
            if not self.callers:
                self.runtime._remembered.ended(self.recipient, self.key, self)
                self.end("cancel")

        outgoing = Outgoing("the call to", self.recipient, patience, abandon)
        self.callers.append(outgoing)
        return outgoing

    def succeeded(self, result: Any, commit: Commit | None = None) -> None:
        """The callers get the result."""
        self.commit(commit)
        if self.key:
            self.runtime._remembered.succeeded(self.recipient, self.key, self, result, time.monotonic())
        self._settle(result)

    def _settle(self, outcome: Any) -> None:
        for caller in self.callers:
            caller.settle(outcome)

    def ignored(self) -> None:
        """Never told to calls."""

    def failed(self, error: ParleyError | CallCancelledError) -> None:
        """The callers get the error."""
        self.runtime._remembered.ended(self.recipient, self.key, self)
        self._settle(error)


class _LocalEvent(_LocalWork):
    __slots__ = ()

    def succeeded(self, result: Any, commit: Commit | None = None) -> None:
        """Nobody waits for it."""
        self.commit(commit)

    def ignored(self) -> None:
        """The agent does not handle its type."""
        _events.debug("event ignored agent=%s topic=%s", self.recipient, self.topic)

    def failed(self, error: ParleyError | CallCancelledError) -> None:
        """Logs it, and keeps it for a runtime that does not ignore it."""
        self.runtime._event_failed(self, error)


class _Started:
    """What `start` returns: there is nothing to wait for, but `await runtime.start()` is right on every runtime."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield


class SingleThreadedAgentRuntime(RuntimeBase):
    """Runs agents in this process. Messages sent before `start` wait for it.

    Calls, deadlines, cancellation, matching, order and state are as on a DistributedRuntime; there is no redelivery.

    Args:
        intervention_handlers: They see what is sent, in this order.
        tracer_provider: Not supported by this version.
        ignore_unhandled_exceptions: False: what an event's handler raised is raised again by `stop`.
        max_concurrency: Handlers that run at once, nested calls not counted.
        default_timeout: Seconds that a call may take when it does not say.
    """

    def __init__(
        self,
        *,
        intervention_handlers: Sequence[InterventionHandler] | None = None,
        tracer_provider: Any = None,
        ignore_unhandled_exceptions: bool = True,
        max_concurrency: int = DEFAULT_MAX_CONCURRENCY,
        default_timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        if tracer_provider is not None:
            raise InvalidArgumentError(
                "tracer_provider is not supported by this version", details={"field": "tracer_provider"}
            )
        super().__init__(
            intervention_handlers=intervention_handlers,
            max_concurrency=max_concurrency,
            default_timeout=default_timeout,
        )
        self._ignore_exceptions = ignore_unhandled_exceptions
        self._failure: BaseException | None = None
        self._subscriptions: dict[str, Subscription] = {}
        self._inbox: deque[_LocalWork] = deque()
        self._unhosted: dict[str, list[_LocalCall]] = {}
        self._remembered: RememberedCalls[_LocalCall] = RememberedCalls()
        self._started = False

    # ---- life

    def start(self) -> Awaitable[None]:
        """Hands out messages from now on. Raises RuntimeError if it does already."""
        if self._started:
            raise RuntimeError("the runtime has been started already")
        self._started = True
        while self._inbox:
            self._hand_out(self._inbox.popleft())
        return _Started()

    async def stop(self) -> None:
        """Hands out no more messages; what runs goes on. Raises what an event's handler raised, if that is kept."""
        if not self._started:
            raise RuntimeError("the runtime is not started")
        self._started = False
        self._raise_failure()

    async def stop_when_idle(self) -> None:
        """Waits until there is nothing to do, then stops."""
        await asyncio.sleep(0)  # tasks that were just made send first
        while self._host.busy:
            await self._host.idle()
            await asyncio.sleep(0)  # whoever waited for an outcome goes on first
        await self.stop()

    async def stop_when(self, condition: Callable[[], bool]) -> None:
        """Stops once `condition()` is true; asks ten times a second."""
        while not condition():  # noqa: ASYNC110 - nobody says when a user's condition becomes true
            await asyncio.sleep(0.1)
        await self.stop()

    async def close(self) -> None:
        """Stops, cancels what runs and closes the agents."""
        self._started = False
        self._inbox.clear()
        await self._host.stop()
        self._raise_failure()

    @property
    def unprocessed_messages_count(self) -> int:
        """Messages that wait for `start`."""
        return len(self._inbox)

    async def process_next(self) -> None:
        """Hands out one message that waits for `start`, and lets its handler begin."""
        if self._inbox:
            self._hand_out(self._inbox.popleft())
        await asyncio.sleep(0)
        self._raise_failure()

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    # ---- sending

    async def send_message(  # the overloads of the protocol say what the arguments allow
        self,
        message: Any,
        recipient: AgentId,
        *,
        sender: AgentId | None = None,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
        timeout: float | None = None,
        idempotency_key: str | None = None,
        wait_for_ready: bool = False,
        response_type: Any = None,
    ) -> Any:
        """See AgentRuntime.send_message."""
        message_id = self._check_call(recipient, sender, message_id, idempotency_key, response_type)
        scope = current_scope()
        chain = scope.chain if scope is not None else ()
        if len(chain) >= MAX_CALL_DEPTH:
            raise ResourceExhaustedError(
                f"the call to {recipient} would be {len(chain) + 1} deep: at most {MAX_CALL_DEPTH} are allowed",
                retryable=False,
                details={"depth": str(len(chain) + 1), "limit": str(MAX_CALL_DEPTH)},
            )
        patience = choose_patience(timeout, self._default_timeout, scope)
        raise_if_over(patience, cancellation_token, "the call to", recipient)
        if self._interventions:
            message = await self._intervene_on_send(message, recipient, sender, cancellation_token, message_id)
        key = idempotency_key or ""
        if key:
            known = self._remembered.result(recipient, key, message, time.monotonic())
            if known is not None:
                return check_reply(known[0], response_type)
            running = self._remembered.running(recipient, key, message)
            if running is not None:
                outgoing = running.join(patience)
                return check_reply(await outgoing.wait(self._host.deadlines, cancellation_token), response_type)
        work = _LocalCall(
            self,
            message,
            recipient,
            sender=sender,
            topic=None,
            message_id=message_id,
            chain=chain,
            deadline=patience.deadline,
        )
        work.callers, work.key = [], key
        outgoing = work.join(patience)
        registration = self._host.registrations.get(recipient.type)
        if registration is not None and registration.alone and recipient in chain:
            raise CallCycleError(
                f"the call to {recipient} would wait on itself: it is effectively-once, and waits for this call",
                details={"agent": str(recipient)},
            )
        if registration is None and not wait_for_ready:
            raise NoRespondersError(
                f"nobody hosts the agent type {recipient.type}", details={"agent_type": recipient.type}
            )
        if key:
            self._remembered.began(recipient, key, message, work)
        self._post(work)
        reply = await outgoing.wait(self._host.deadlines, cancellation_token)
        return check_reply(reply, response_type)

    async def publish_message(
        self,
        message: Any,
        topic_id: TopicId,
        *,
        sender: AgentId | None = None,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
        immediate: bool = False,
        ephemeral: bool = False,
    ) -> None:
        """See AgentRuntime.publish_message. In one process every event is ephemeral."""
        message_id = self._check_publish(topic_id, sender, message_id)
        patience = choose_patience(None, self._default_timeout, current_scope())
        raise_if_over(patience, cancellation_token, "the publish to", topic_id)
        if self._interventions:
            message = await self._intervene_on_publish(message, topic_id, sender, cancellation_token, message_id)
            if message is DropMessage:
                return
        scope = current_scope()
        if scope is not None and scope.held is not None and not immediate:
            scope.held.append((message, topic_id, sender, message_id))
        else:
            self._hand_to_subscribers(message, topic_id, sender, message_id)

    def _hand_to_subscribers(self, message: Any, topic: TopicId, sender: AgentId | None, message_id: str) -> None:
        for recipient in self._recipients(topic):
            if recipient != sender:
                self._post(_LocalEvent(self, message, recipient, sender=sender, topic=topic, message_id=message_id))

    def _recipients(self, topic: TopicId) -> list[AgentId]:
        """Each once, however many subscriptions match (SPEC PUB-3)."""
        found = dict.fromkeys(s.map_to_agent(topic) for s in self._subscriptions.values() if s.is_match(topic))
        return [agent for agent in found if agent.type in self._host.registrations]

    def _post(self, work: _LocalWork) -> None:
        if self._started:
            self._hand_out(work)
        else:
            self._inbox.append(work)

    def _hand_out(self, work: _LocalWork) -> None:
        registration = self._host.registrations.get(work.recipient.type)
        if isinstance(work, _LocalCall):
            if not work.callers:
                return
            if registration is None:
                self._unhosted.setdefault(work.recipient.type, []).append(work)
                return
            if registration.factory is None and work.recipient.key not in registration.instances:
                work.failed(
                    NoRespondersError(
                        f"nobody hosts the agent {work.recipient}: its type has only the keys "
                        f"{', '.join(registration.instances)}",
                        details={"agent_type": registration.type, "agent": str(work.recipient)},
                    )
                )
                return
        if registration is not None:
            slot = self._host.slots.get(work.recipient) or self._activate(work.recipient, registration)
            self._host.submit(slot, work)

    def _activate(self, id: AgentId, registration: Registration) -> AgentSlot:
        """Puts an agent in place; of an effectively-once one the committed state is kept in memory."""
        return self._host.activate(id, registration, saved=SavedState() if registration.alone else None)

    def _event_failed(self, work: Work, error: ParleyError | CallCancelledError) -> None:
        _log.error("an event for %s failed: %s", work.recipient, error, exc_info=error.__cause__)
        if not self._ignore_exceptions and self._failure is None:
            self._failure = error.__cause__ or error

    # ---- registering

    async def register_factory(
        self,
        type: str | AgentType,
        agent_factory: Callable[[], AgentT | Awaitable[AgentT]],
        *,
        expected_class: type[AgentT] | None = None,
    ) -> AgentType:
        """See AgentRuntime.register_factory."""
        registration = self._new_registration(type, agent_factory, expected_class)
        self._host.registrations[registration.type] = registration
        self._host_now(registration.type)
        return AgentType(registration.type)

    async def register_agent_instance(self, agent_instance: Agent, agent_id: AgentId) -> AgentId:
        """See AgentRuntime.register_agent_instance."""
        registration = await self._with_instance(agent_instance, agent_id)
        self._host.registrations[registration.type] = registration
        self._host.activate(agent_id, registration)
        self._host_now(registration.type)
        return agent_id

    def _host_now(self, type: str) -> None:
        for work in self._unhosted.pop(type, ()):
            self._post(work)

    async def _local_agent(self, id: AgentId) -> Agent:
        """The agent; made if it is not here yet."""
        registration = self._host.registrations.get(id.type)
        if registration is not None and registration.factory is not None and id not in self._host.slots:
            self._activate(id, registration)
        return await super()._local_agent(id)

    async def add_subscription(self, subscription: Subscription) -> None:
        """See AgentRuntime.add_subscription."""
        self._subscriptions[subscription.id] = subscription

    async def remove_subscription(self, id: str) -> None:
        """See AgentRuntime.remove_subscription."""
        removed = self._subscriptions.get(id)
        if removed is None:
            raise NotFoundError(f"there is no subscription {id!r}")
        self._subscriptions = {other: s for other, s in self._subscriptions.items() if s != removed}
