"""DistributedRuntime: agents in many processes, reached through a broker."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from parley._agent import Agent
from parley._cancellation import CancellationToken
from parley._constants import ROOT_LOGGER_NAME
from parley._ids import AgentId, AgentType, TopicId
from parley._intervention import DropMessage, InterventionHandler
from parley._patience import choose_patience
from parley._registry import check_reply
from parley._runtime_base import RuntimeBase, raise_if_over
from parley._scope import current_scope
from parley._slot import Registration
from parley._subscription import Subscription
from parley.exceptions import (
    DeadlineExceededError,
    NotFoundError,
    OutcomeUnknownError,
    ParleyError,
    UnavailableError,
)
from parley_wire.v1 import broker_service_pb2, session_pb2

from . import commands
from .asking import Asker
from .codec import agent_to_wire, envelope_from_wire, envelope_to_wire, error_from_wire
from .received import check_size
from .rejoining import rejoin
from .session import Session, SessionOverError
from .stop_signals import on_signals
from .uplink import State, Uplink
from .worker import Worker

AgentT = TypeVar("AgentT", bound=Agent)

_log = logging.getLogger(ROOT_LOGGER_NAME)

Message = broker_service_pb2.Message

DRAIN_TIMEOUT = 25.0
"""Seconds that `stop` gives to what runs (SPEC DRN-2)."""

NO_RECIPIENT_WARNING_INTERVAL = 10.0
"""Seconds between two warnings that an event has no recipient."""


class DistributedRuntime(RuntimeBase):
    """Sends messages through a broker and hosts agents for it. Made by `create_distributed_runtime`.

    As an async context manager it starts on entry and stops on exit.
    """

    def __init__(
        self,
        uplink: Uplink,
        *,
        intervention_handlers: Sequence[InterventionHandler] | None,
        max_concurrency: int,
        default_timeout: float,
    ) -> None:
        super().__init__(
            intervention_handlers=intervention_handlers,
            max_concurrency=max_concurrency,
            default_timeout=default_timeout,
        )
        self._uplink = uplink
        self._worker = Worker(uplink, self._host, self._serializers)
        self._host.may_start = uplink.may_start
        uplink.handlers["drain"] = self._on_drain
        self._watchers: list[Callable[[State, str], None]] = []
        self._started = False
        self._subscriptions: dict[str, Subscription] = {}
        self._asker = Asker(uplink)
        self._stopping: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()
        self._warned_at = float("-inf")
        uplink.serve(self)

    # ---- life

    @property
    def state(self) -> State:
        """How the connection is.

        `connected`; `reconnecting`: it broke and is sought again; `resumed`: it broke, and the same session goes on;
        `lost`: the session is over and a new one is sought, `connected` says that it has begun; `draining`: the broker,
        or this program, is about to go; `closed`: `stop` is done.
        """
        return self._uplink.state

    def state_changed(self, watcher: Callable[[State, str], None]) -> Callable[[], None]:
        """Calls `watcher(state, reason)` at every change from now on. Returns what to call to end that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher) if watcher in self._watchers else None

    def state_is(self, state: State, reason: str) -> None:
        """The uplink's word on it."""
        for watcher in list(self._watchers):
            try:
                watcher(state, reason)
            except Exception:
                _log.exception("a watcher of the runtime's state raised")

    async def start(self) -> None:
        """Makes the registrations and subscriptions visible to the broker; returns when it has confirmed them all.

        Raises:
            RuntimeError: It was started before.
            ParleyError: The broker refused one of them.
        """
        if self._started:
            raise RuntimeError("the runtime has been started already")
        self._check_open()
        self._started = True
        made = [commands.register(registration) for registration in self._host.registrations.values()]
        made += [commands.subscribe(subscription) for subscription in self._subscriptions.values()]
        results = await asyncio.gather(*map(self._uplink.command, made), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def stop(self) -> None:
        """Drains and ends: nothing new is placed here, what runs has 25 s to finish, then the session is closed.

        Calls that are still outstanding then end with OutcomeUnknownError. Without a connection nothing can be handed
        over: what runs is cancelled at once. A second call waits for the first.
        """
        if self._stopping is None:
            self._stopping = asyncio.get_running_loop().create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        try:
            if self._uplink.connected:
                self._uplink.tell("draining", "stop")
                await self._drain_in_time()
            await self._host.stop()
        finally:
            self._worker.saver.stop()
            await self._uplink.close("stopped by its program")
            self._asker.end("the runtime has stopped")
            self._uplink.tell("closed", "stop")
            self._stopped.set()

    async def _drain_in_time(self) -> None:
        loop = asyncio.get_running_loop()
        draining, losing = loop.create_task(self._drain()), loop.create_task(self._uplink.lost())
        done, pending = await asyncio.wait(
            {draining, losing}, timeout=DRAIN_TIMEOUT, return_when=asyncio.FIRST_COMPLETED
        )
        for task in pending:
            task.cancel()
        await asyncio.wait({draining, losing})
        if not done:
            _log.warning("what runs did not finish within %g s; it is cancelled", DRAIN_TIMEOUT)

    async def _drain(self) -> None:
        session = self._uplink.session
        if session.speaks("drain"):
            drain = session_pb2.Drain(timeout_ms=round(DRAIN_TIMEOUT * 1000), reason="stop")
            try:
                await session.command(Message(drain=drain))
            except (ParleyError, SessionOverError) as error:
                _log.warning("draining failed: %s", error)
                return
        await self._host.idle()

    async def wait_until_stopped(self) -> None:
        """Returns when the runtime has been stopped; SIGTERM and SIGINT stop it, if nobody else handles them.

        A lost connection does not end it: the runtime seeks the broker until it is stopped (SPEC SES-18).
        """
        await self.stop_when_signal()

    async def stop_when_signal(self, signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGINT)) -> None:
        """As `wait_until_stopped`, for signals of your choice."""
        stops: list[asyncio.Task[None]] = []

        def stop(number: signal.Signals) -> None:
            _log.info("%s: stopping", number.name)
            stops.append(asyncio.get_running_loop().create_task(self.stop()))

        with on_signals(signals, stop):
            await self._stopped.wait()

    async def __aenter__(self) -> Self:
        ours = not self._started
        try:
            await self.start()
        except BaseException:
            if ours:  # there is no __aexit__ that would
                await self.stop()
            raise
        return self

    async def __aexit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    def _check_open(self) -> None:
        """Raises UnavailableError once the runtime has been stopped."""
        if self._stopped.is_set():
            raise UnavailableError("the runtime has been stopped")

    # ---- what becomes of sessions; called by the uplink

    def _on_drain(self, message: Message) -> None:
        _log.info("the broker is about to go: %s", message.drain.reason)
        self._uplink.broker_drains(message.drain.reason)

    def session_lost(self, reason: str) -> None:
        """What was sent and cannot be sent twice has an unknown outcome."""
        self._asker.session_lost(reason)

    def session_began(self) -> None:
        """What the last session dispatched is over."""
        self._worker.session_began()

    def held(self) -> int:
        """See uplink.Party."""
        return len(self._worker.held())

    async def rejoin(self, session: Session) -> None:
        """Says what this process hosts."""
        if self._started:
            await rejoin(session, self._host, self._worker, self._subscriptions.values())

    def ready(self) -> None:
        """Sends what waits."""
        self._asker.ready()

    def session_confirmed(self) -> None:
        """Starts what waits."""
        self._host.release()

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
        self._check_open()
        scope = current_scope()
        patience = choose_patience(timeout, self._default_timeout, scope, self._uplink.session.max_call_seconds)
        raise_if_over(patience, cancellation_token, "the call to", recipient)
        if self._interventions:
            message = await self._intervene_on_send(message, recipient, sender, cancellation_token, message_id)
        envelope = envelope_to_wire(message_id, self._serializers.encode(message))
        check_size(envelope, self._uplink.session)
        wire = Message()
        request = wire.request  # member by member: several times as fast as by keywords
        target = request.target
        target.type = recipient.type
        target.key = recipient.key
        request.envelope = envelope
        if wait_for_ready:
            request.wait_for_ready = True
        if idempotency_key is not None:
            request.idempotency_key = idempotency_key
        if sender is not None:
            commands.say_sender(request, sender, scope)
        if scope is not None:
            request.call_chain.extend(map(agent_to_wire, scope.chain))
        kind, answer = await self._asker.call(wire, recipient, patience, self._host.deadlines, cancellation_token)
        if kind == "error":
            error = error_from_wire(answer.error)
            if isinstance(error, DeadlineExceededError):
                raise patience.exceeded(
                    f"the call to {recipient} had no outcome", may_have_run=error.may_have_run
                ) from error
            raise error
        _, payload = envelope_from_wire(answer.reply.envelope)
        if payload is None:
            return check_reply(None, response_type)
        return self._serializers.decode_reply(payload, type(message), response_type)

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
        """See AgentRuntime.publish_message."""
        event_id = message_id  # what the user names is the same event when it is named again (SPEC PUB-5)
        message_id = self._check_publish(topic_id, sender, message_id)
        self._check_open()
        scope = current_scope()
        patience = choose_patience(None, self._default_timeout, scope)
        raise_if_over(patience, cancellation_token, "the publish to", topic_id)
        if self._interventions:
            message = await self._intervene_on_publish(message, topic_id, sender, cancellation_token, message_id)
            if message is DropMessage:
                return
        envelope = envelope_to_wire(message_id, self._serializers.encode(message))
        check_size(envelope, self._uplink.session)
        wire = Message()
        publish = wire.publish
        publish.ephemeral = ephemeral
        if event_id is not None:
            publish.event_id = event_id
        publish.envelope = envelope
        topic = publish.topic
        topic.type = topic_id.type
        topic.source = topic_id.source
        if sender is not None:
            commands.say_sender(publish, sender, scope)
        if scope is not None and scope.held is not None and not immediate:
            scope.held.append(publish)
            return
        try:
            kind, answer = await self._asker.publish(wire, topic_id, patience, self._host.deadlines, cancellation_token)
        except DeadlineExceededError as error:  # whether it was stored is not known (SPEC PUB-8)
            raise OutcomeUnknownError(error.message, details=error.details) from error
        if kind == "error":
            raise error_from_wire(answer.error)
        published = answer.published
        if not published.recipients and not published.duplicate:
            self._warn_of_no_recipient(topic_id)

    def _warn_of_no_recipient(self, topic: TopicId) -> None:
        now = time.monotonic()
        if now - self._warned_at >= NO_RECIPIENT_WARNING_INTERVAL:
            self._warned_at = now
            _log.warning(
                "an event for the topic %s has no recipient (this is said at most every %g s)",
                topic,
                NO_RECIPIENT_WARNING_INTERVAL,
            )

    # ---- registering

    async def register_factory(
        self,
        type: str | AgentType,
        agent_factory: Callable[[], AgentT | Awaitable[AgentT]],
        *,
        expected_class: type[AgentT] | None = None,
    ) -> AgentType:
        """See AgentRuntime.register_factory. Before `start` it becomes visible there, later at once."""
        registration = self._new_registration(type, agent_factory, expected_class)
        await self._register(registration)
        return AgentType(registration.type)

    async def register_agent_instance(self, agent_instance: Agent, agent_id: AgentId) -> AgentId:
        """See AgentRuntime.register_agent_instance. Before `start` it becomes visible there, later at once."""
        registration = await self._with_instance(agent_instance, agent_id)
        try:
            await self._register(registration)
        except BaseException:
            del registration.instances[agent_id.key]
            raise
        return agent_id

    async def _register(self, registration: Registration) -> None:
        self._check_open()
        before = self._host.registrations.get(registration.type)
        self._host.registrations[registration.type] = registration
        if not self._started:
            return
        try:
            await self._uplink.command(commands.register(registration))
        except BaseException:
            if before is None:
                del self._host.registrations[registration.type]
            raise

    async def add_subscription(self, subscription: Subscription) -> None:
        """See AgentRuntime.add_subscription. Before `start` it becomes visible there, later at once."""
        self._check_open()
        message = commands.subscribe(subscription)
        if self._started:
            await self._uplink.command(message)
        self._subscriptions[subscription.id] = subscription

    async def remove_subscription(self, id: str) -> None:
        """See AgentRuntime.remove_subscription. It is removed for every worker (SPEC SUB-2)."""
        self._check_open()
        removed = self._subscriptions.get(id)
        if removed is None:
            raise NotFoundError(f"this runtime has not added a subscription {id!r}")
        if self._started:
            await self._uplink.command(commands.unsubscribe(removed))
        self._subscriptions = {other: s for other, s in self._subscriptions.items() if s != removed}
