"""DistributedRuntime: agents in many processes, reached through a broker."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from parley._agent import Agent
from parley._cancellation import CancellationToken
from parley._constants import DEFAULT_TIMEOUT, ROOT_LOGGER_NAME
from parley._ids import AgentId, AgentType, TopicId
from parley._intervention import DropMessage, InterventionHandler
from parley._outgoing import Outgoing
from parley._patience import choose_patience
from parley._registry import check_reply
from parley._runtime_base import DEFAULT_MAX_CONCURRENCY, RuntimeBase, raise_if_over
from parley._scope import HandlerScope, current_scope
from parley._slot import Registration
from parley._subscription import Subscription
from parley._version import __version__
from parley.exceptions import (
    DeadlineExceededError,
    InvalidArgumentError,
    NotFoundError,
    OutcomeUnknownError,
    UnavailableError,
)
from parley_wire.v1 import agent_pb2, broker_service_pb2, call_pb2, publish_pb2, session_pb2, subscription_pb2

from .addresses import instance_id_or_default, parse_addresses, url_or_default
from .codec import agent_to_wire, envelope_from_wire, envelope_to_wire, error_from_wire, subscription_to_wire
from .frames import Queued
from .session import Session, open_session
from .stop_signals import on_signals
from .worker import Worker, check_size

AgentT = TypeVar("AgentT", bound=Agent)
State = Literal["connected", "draining", "lost", "closed"]

_log = logging.getLogger(ROOT_LOGGER_NAME)

Message = broker_service_pb2.Message

DRAIN_TIMEOUT = 25.0
"""Seconds that `stop` gives to what runs (SPEC DRN-2)."""

NO_RECIPIENT_WARNING_INTERVAL = 10.0
"""Seconds between two warnings that an event has no recipient."""

_MODES = {"standard": agent_pb2.AGENT_MODE_STANDARD, "stateless": agent_pb2.AGENT_MODE_STATELESS}


class _Answer:
    """Takes the answer to one request or publish."""

    __slots__ = ("id", "is_call", "item", "outgoing")

    def __init__(self, id: int, outgoing: Outgoing, *, is_call: bool) -> None:
        self.id = id
        self.outgoing = outgoing
        self.is_call = is_call
        self.item: Queued | None = None

    def __call__(self, kind: str, message: Message) -> None:
        self.outgoing.settle((kind, message))

    @property
    def written(self) -> bool:
        """True once the command has left this process."""
        return self.item is not None and self.item.written


class DistributedRuntime(RuntimeBase):
    """Sends messages through a broker and hosts agents for it. Made by `create_distributed_runtime`.

    As an async context manager it starts on entry and stops on exit.
    """

    def __init__(
        self,
        session: Session,
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
        self._session = session
        self._worker = Worker(session, self._host, self._serializers)
        self._host.may_start = session.may_start
        session.on_silence_over = self._host.release
        session.on_lost = self._on_lost
        session.handlers["drain"] = self._on_drain
        self._state: State = "connected"
        self._watchers: list[Callable[[State, str], None]] = []
        self._started = False
        self._subscriptions: dict[str, Subscription] = {}
        self._answers: dict[_Answer, None] = {}
        self._failure: UnavailableError | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._warned_at = float("-inf")

    # ---- life

    @property
    def state(self) -> State:
        """How the connection is: `connected`, `draining`, `lost` or `closed`."""
        return self._state

    def state_changed(self, watcher: Callable[[State, str], None]) -> Callable[[], None]:
        """Calls `watcher(state, reason)` at every change from now on. Returns what to call to end that."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher) if watcher in self._watchers else None

    def _set_state(self, state: State, reason: str) -> None:
        if self._state == state:
            return
        self._state = state
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
        commands = [self._register_message(registration) for registration in self._host.registrations.values()]
        commands += [self._subscribe_message(subscription) for subscription in self._subscriptions.values()]
        results = await asyncio.gather(*map(self._session.command, commands), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def stop(self) -> None:
        """Drains and ends: nothing new is placed here, what runs has 25 s to finish, then the session is closed.

        Calls that are still outstanding then end with OutcomeUnknownError. A second call waits for the first.
        """
        if self._stopping is None:
            self._stopping = asyncio.get_running_loop().create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        if self._failure is None:
            self._set_state("draining", "stop")
            try:
                async with asyncio.timeout(DRAIN_TIMEOUT):
                    await self._drain()
            except TimeoutError:
                _log.warning("what runs did not finish within %g s; it is cancelled", DRAIN_TIMEOUT)
            except (UnavailableError, OutcomeUnknownError):
                _log.info("the connection was lost while draining")
        await self._end("stopped by its program")
        if self._failure is None:
            self._set_state("closed", "stop")
        self._stopped.set()

    async def _drain(self) -> None:
        if self._session.speaks("drain"):
            drain = session_pb2.Drain(timeout_ms=round(DRAIN_TIMEOUT * 1000), reason="stop")
            await self._session.command(Message(drain=drain))
        await self._host.idle()

    async def _end(self, reason: str) -> None:
        await self._host.stop()
        await self._session.close(reason)
        self._settle_all("the runtime has stopped")

    async def wait_until_stopped(self) -> None:
        """Returns when the runtime has been stopped; SIGTERM and SIGINT stop it, if nobody else handles them.

        Raises:
            UnavailableError: The connection to the broker was lost.
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
        if self._failure is not None:
            raise UnavailableError(self._failure.message)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    def _on_drain(self, message: Message) -> None:
        self._set_state("draining", message.drain.reason)
        _log.info("the broker is about to go: %s", message.drain.reason)

    def _on_lost(self, reason: str) -> None:
        self._failure = UnavailableError(f"the connection to the broker at {self._session.address} was lost: {reason}")
        _log.error("%s", self._failure.message)
        self._settle_all(self._failure.message)
        self._set_state("lost", reason)
        self._ending = asyncio.get_running_loop().create_task(self._end_lost())

    async def _end_lost(self) -> None:
        await self._end("lost")
        self._stopped.set()

    def _settle_all(self, reason: str) -> None:
        """Ends what is outstanding (SPEC SES-17)."""
        answers, self._answers = self._answers, {}
        for answer in answers:
            error = OutcomeUnknownError(reason) if answer.written else UnavailableError(reason)
            answer.outgoing.settle(error)
        self._session.fail_commands(UnavailableError(reason))

    def _check_open(self) -> None:
        """Raises UnavailableError once the session is over."""
        if self._failure is not None:
            raise UnavailableError(self._failure.message)
        if self._stopped.is_set():
            raise UnavailableError("the runtime has been stopped")

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
        message_id = self._check_call(message_id, idempotency_key, response_type)
        self._check_open()
        scope = current_scope()
        limit = self._session.limits.max_call_timeout_ms / 1000 or float("inf")
        patience = choose_patience(timeout, self._default_timeout, scope, limit)
        raise_if_over(patience, cancellation_token, "the call to", recipient)
        if self._interventions:
            message = await self._intervene_on_send(message, recipient, sender, cancellation_token, message_id)
        envelope = envelope_to_wire(message_id, self._serializers.encode(message))
        check_size(envelope, self._session)
        wire = Message()
        request = wire.request  # member by member: several times as fast as by keywords
        request.target.type = recipient.type
        request.target.key = recipient.key
        request.envelope = envelope
        if wait_for_ready:
            request.wait_for_ready = True
        covered: int | None = len(envelope)
        if sender is not None:
            self._fill_sender(request, sender, scope)
        if scope is not None:
            request.call_chain.extend(map(agent_to_wire, scope.chain))
            covered = None
        outgoing = Outgoing("the call to", recipient, patience, lambda: self._abandon(answer_to))
        answer_to = _Answer(self._session.next_id(), outgoing, is_call=True)
        kind, answer = await self._ask(wire, answer_to, cancellation_token, covered, patience.deadline)
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
        message_id = self._message_id(message_id)
        self._check_open()
        scope = current_scope()
        patience = choose_patience(None, self._default_timeout, scope)
        raise_if_over(patience, cancellation_token, "the publish to", topic_id)
        if self._interventions:
            message = await self._intervene_on_publish(message, topic_id, sender, cancellation_token, message_id)
            if message is DropMessage:
                return
        envelope = envelope_to_wire(message_id, self._serializers.encode(message))
        check_size(envelope, self._session)
        wire = Message()
        wire.publish.ephemeral = ephemeral
        wire.publish.envelope = envelope
        wire.publish.topic.type = topic_id.type
        wire.publish.topic.source = topic_id.source
        if sender is not None:
            self._fill_sender(wire.publish, sender, scope)
        outgoing = Outgoing("the publish to", topic_id, patience, lambda: self._abandon(answer_to))
        answer_to = _Answer(self._session.next_id(), outgoing, is_call=False)
        try:
            kind, answer = await self._ask(wire, answer_to, cancellation_token, len(envelope))
        except DeadlineExceededError as error:  # whether it was stored is not known (SPEC PUB-8)
            raise OutcomeUnknownError(error.message, details=error.details) from error
        if kind == "error":
            raise error_from_wire(answer.error)
        if not answer.published.recipients:
            self._warn_of_no_recipient(topic_id)

    @staticmethod
    def _fill_sender(
        command: call_pb2.Request | publish_pb2.Publish, sender: AgentId, scope: HandlerScope | None
    ) -> None:
        """Says who sends, and with which epoch if its handler is running (SPEC AGT-5)."""
        command.sender.type = sender.type
        command.sender.key = sender.key
        if scope is not None and scope.agent == sender:
            command.sender_epoch = scope.epoch

    async def _ask(
        self,
        message: Message,
        answer: _Answer,
        token: CancellationToken | None,
        covered_bytes: int | None,
        deadline: float | None = None,
    ) -> tuple[str, Message]:
        """Sends a command and waits for its answer, the deadline, the token or the end of the session."""
        message.id = answer.id
        self._answers[answer] = None
        self._session.expect(answer.id, answer)
        answer.item = self._session.send(message, covered_bytes=covered_bytes, deadline=deadline)
        try:
            result: tuple[str, Message] = await answer.outgoing.wait(self._host.deadlines, token)
        finally:
            self._answers.pop(answer, None)
        return result

    def _abandon(self, answer: _Answer) -> None:
        """Nobody waits for the answer: a call is cancelled; what has not been written never will be."""
        if not self._session.forget(answer.id) or answer.item is None:
            return
        if not answer.item.written:
            answer.item.dropped = True
        elif answer.is_call:
            self._session.send(Message(cancel=call_pb2.Cancel(request_id=answer.id)))

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
            await self._session.command(self._register_message(registration))
        except BaseException:
            if before is None:
                del self._host.registrations[registration.type]
            raise

    @staticmethod
    def _register_message(registration: Registration) -> Message:
        return Message(
            register_agent_type=agent_pb2.RegisterAgentType(
                type=registration.type,
                mode=_MODES[registration.mode],
                pinned_keys=list(registration.instances),
                concurrency=registration.concurrency,
            )
        )

    async def add_subscription(self, subscription: Subscription) -> None:
        """See AgentRuntime.add_subscription. Before `start` it becomes visible there, later at once."""
        self._check_open()
        message = self._subscribe_message(subscription)
        if self._started:
            await self._session.command(message)
        self._subscriptions[subscription.id] = subscription

    @staticmethod
    def _subscribe_message(subscription: Subscription) -> Message:
        return Message(subscribe=subscription_pb2.Subscribe(subscription=subscription_to_wire(subscription)))

    async def remove_subscription(self, id: str) -> None:
        """See AgentRuntime.remove_subscription. It is removed for every worker (SPEC SUB-2)."""
        self._check_open()
        removed = self._subscriptions.get(id)
        if removed is None:
            raise NotFoundError(f"this runtime has not added a subscription {id!r}")
        if self._started:
            wire = subscription_pb2.Unsubscribe(subscription=subscription_to_wire(removed))
            await self._session.command(Message(unsubscribe=wire))
        self._subscriptions = {other: s for other, s in self._subscriptions.items() if s != removed}


async def create_distributed_runtime(
    broker_url: str | None = None,
    instance_id: str | None = None,
    *,
    tracer_provider: Any = None,
    tls: Any = None,
    token: str | None = None,
    default_timeout: float = DEFAULT_TIMEOUT,
    connect_timeout: float = 30.0,
    max_concurrency: int = DEFAULT_MAX_CONCURRENCY,
    intervention_handlers: Sequence[InterventionHandler] | None = None,
) -> DistributedRuntime:
    """Connects to a broker. The runtime takes calls and events for its agents once it is started.

    Args:
        broker_url: `grpc://host:port`, several separated by commas; default: PARLEY_BROKER_URL, BROKER_URL, or
            `grpc://127.0.0.1:50051`.
        instance_id: A label for logs, not necessarily unique; default: PARLEY_INSTANCE_ID, INSTANCE_ID, or none.
        tracer_provider: Not supported by this version.
        tls: Not supported by this version.
        token: Not supported by this version.
        default_timeout: Seconds that a call may take when it does not say.
        connect_timeout: Seconds to try for.
        max_concurrency: Handlers that run at once, nested calls not counted.
        intervention_handlers: They see what this runtime sends, in this order.

    Raises:
        InvalidArgumentError: An argument is malformed.
        UnavailableError: No broker answered in time; the text says which addresses failed and how.
        ParleyError: The broker refused.
    """
    for name, value in (("tracer_provider", tracer_provider), ("tls", tls), ("token", token)):
        if value is not None:
            raise InvalidArgumentError(f"{name} is not supported by this version", details={"field": name})
    if not connect_timeout > 0:
        raise InvalidArgumentError(f"connect_timeout must be above 0 seconds, not {connect_timeout!r}")
    hello = session_pb2.Hello(
        instance_id=instance_id_or_default(instance_id),
        producer_id=uuid.uuid4().hex,
        sdk_name="parley-python",
        sdk_language="python",
        sdk_version=__version__,
    )
    session = await open_session(parse_addresses(url_or_default(broker_url)), hello, connect_timeout)
    try:
        runtime = DistributedRuntime(
            session,
            intervention_handlers=intervention_handlers,
            max_concurrency=max_concurrency,
            default_timeout=default_timeout,
        )
    except InvalidArgumentError:
        await session.close("not started")
        raise
    _log.info("connected address=%s session=%s", session.address, session.session_id)
    return runtime
