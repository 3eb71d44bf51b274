"""The gateway: connections and sessions, and the way of every message between them and the shard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from parley_broker.core.deadlines import Deadlines
from parley_broker.core.effects import (
    NO_COMMIT,
    Activated,
    Answer,
    Close,
    Deliver,
    Effects,
    Idle,
    Placed,
    Refused,
    Unplaced,
)
from parley_broker.core.gateway.callers import Callers, beyond_credit
from parley_broker.core.gateway.checks import check_publish, check_registration
from parley_broker.core.gateway.hello import agree, welcome
from parley_broker.core.gateway.session import UNNUMBERED, Connection, Session, Window
from parley_broker.core.messages import (
    Ack,
    Activate,
    AgentMode,
    Body,
    Cancel,
    Delivery,
    Done,
    Drain,
    Error,
    Frame,
    Goodbye,
    Heartbeat,
    Hello,
    ListSubscriptions,
    Message,
    Nack,
    Publish,
    RegisterAgentType,
    Reply,
    Request,
    Subscribe,
    SubscriptionList,
    Unknown,
    UnregisterAgentType,
    Unsubscribe,
    error_of,
)
from parley_broker.core.policy import SUSPECT_AFTER_INTERVALS, Policy
from parley_broker.core.shard.hosts import Registration
from parley_broker.core.shard.shard import Shard
from parley_broker.errors import CommandError, EndCode, ProtocolViolation, Reason

NOT_COVERED = -1


@dataclass(frozen=True, slots=True)
class Identity:
    """What Welcome says of the broker: new at every start, and its release."""

    incarnation: str
    version: str


class Gateway:
    """Takes what connections say, and holds what they are to be told.

    Args:
        policy: Every number it goes by.
        identity: What Welcome says of the broker.
        shard: Decides; may be replaced (`replace_shard`).
        effects: Takes what the engine has to do.
        pump: Applies what the shard has decided. Called after each step, so that no step sees a decision half done.
    """

    def __init__(
        self, policy: Policy, identity: Identity, shard: Shard, effects: Effects, pump: Callable[[float], None]
    ) -> None:
        self._pump = pump
        self._policy = policy
        self._identity = identity
        self._shard = shard
        self._effects = effects
        self._connections: dict[int, Connection] = {}
        self._sessions: dict[str, Session] = {}
        self._callers = Callers(policy, self._push, effects, self._sessions, shard)
        self._hellos: Deadlines[int] = Deadlines()
        self._beats: Deadlines[str] = Deadlines()
        self._overfull: dict[int, None] = {}
        self._commands: dict[type[Body], Callable[[Session, Message, float], None]] = {
            Request: self._request,
            Reply: self._outcome,
            Error: self._outcome,
            Done: self._done,
            Cancel: self._cancel,
            Publish: self._publish,
            Ack: self._ack,
            Nack: self._nack,
            Heartbeat: self._heartbeat,
            Goodbye: self._goodbye,
            Drain: self._drain,
            RegisterAgentType: self._register,
            UnregisterAgentType: self._unregister,
            Subscribe: self._subscribe,
            Unsubscribe: self._unsubscribe,
            ListSubscriptions: self._list_subscriptions,
            Unknown: self._unknown,
        }
        self._decided: dict[type[object], Callable[..., None]] = {
            Placed: self._placed,
            Refused: self._refused,
            Activated: self._activated,
            Unplaced: self._unplaced,
            Deliver: self.deliver,
            Answer: self.answer,
            Idle: self._idle,
        }

    # Connections

    def connect(self, connection: Connection, now: float) -> None:
        """A client opened a connection; its Hello is awaited (SES-2)."""
        self._connections[connection.id] = connection
        self._hellos.set(connection.id, now + self._policy.hello_timeout)

    def receive(self, connection_id: int, frame: Frame, now: float) -> None:
        """Takes a frame. What is wrong with a command is answered; what is wrong with the frame ends the connection."""
        connection = self._connections.get(connection_id)
        if connection is None or connection.ended:
            return
        try:
            self._receive(connection, frame, now)
        except ProtocolViolation as violation:
            self.end(connection_id, violation, now)

    def end(self, connection_id: int, violation: ProtocolViolation, now: float) -> None:
        """The connection cannot go on: its session is lost, the client is told why."""
        connection = self._connections.get(connection_id)
        if connection is None or connection.ended:
            return
        connection.ended = True
        self._hellos.drop(connection_id)
        self._effects.log(
            "warning", "connection ended", peer=connection.peer, status=violation.code.value, why=violation.message
        )
        if connection.session is not None:
            self._lose(connection.session, violation.message, now)
        self._effects.close.append(Close(connection_id, violation.code, violation.message))

    def disconnect(self, connection_id: int, why: str, now: float) -> None:
        """The connection is gone, and with it its session, since there is no grace (SES-13)."""
        connection = self._connections.pop(connection_id, None)
        if connection is None:
            return
        self._hellos.drop(connection_id)
        if connection.session is not None and not connection.ended:
            connection.ended = True
            self._lose(connection.session, why, now)

    def take(self, connection_id: int, now: float) -> Frame | None:
        """The next frame to write to the connection; None when there is nothing to say."""
        connection = self._connections.get(connection_id)
        if connection is None:
            return None
        session = connection.session
        if session is None:
            messages = connection.outgoing.take()
            return Frame(0, 0, 0, 0, messages) if messages else None
        messages = [message for message in connection.outgoing.take() if self._still_wanted(session, message, now)]
        if not messages and not session.window.should_tell:
            return None
        first = 0
        for message in messages:
            if message.body.KIND not in UNNUMBERED:
                session.sent += 1
                first = first or session.sent
        return Frame(first, session.received, *session.window.tell(), messages)

    # Time

    def tick(self, now: float) -> None:
        """Does what is due: deadlines of calls, heartbeats, silent clients."""
        self._callers.tick(now)
        for connection_id in self._hellos.take(now):
            seconds = self._policy.hello_timeout
            late = ProtocolViolation(EndCode.DEADLINE_EXCEEDED, f"no Hello came within {seconds:g} s")
            self.end(connection_id, late, now)
        for session_id in self._beats.take(now):
            session = self._sessions.get(session_id)
            if session is not None:
                self._beat(session, now)
                self._pump(now)

    def next_due(self) -> float | None:
        """The moment before which `tick` has nothing to do; None: nothing known."""
        dues = (self._callers.next_due(), self._hellos.next(), self._beats.next())
        return min((due for due in dues if due is not None), default=None)

    def announce_drain(self, reason: str) -> None:
        """Tells every client that the broker is about to go (DRN-1)."""
        for session in self._sessions.values():
            self._push(session, Message(Drain(reason=reason)))

    def tables(self) -> dict[str, int]:
        """Entries by table, for GetStatus."""
        return {
            "connections": len(self._connections),
            "sessions": len(self._sessions),
            "calls": len(self._callers),
            "commands": sum(len(session.outstanding) for session in self._sessions.values()),
            "outgoing_messages": sum(len(c.outgoing.messages) for c in self._connections.values()),
        }

    # The shard

    def apply(self, effect: object) -> None:
        """Does what the shard decided."""
        self._decided[type(effect)](effect)

    def replace_shard(self, shard: Shard, now: float) -> None:
        """Another shard, loaded anew, takes the place of one that was discarded: it is told what the sessions hold."""
        self._shard = self._callers.shard = shard
        for session in self._sessions.values():
            left = session.peer_messages - session.spent_messages, session.peer_bytes - session.spent_bytes
            shard.allow(session.id, *left, now)
            if session.suspect:
                shard.pause(session.id)
            if session.draining:
                shard.drain(session.id)
            for register in session.types.values():
                shard.host(session.id, registration_of(register), now)
            for agent, epoch in session.agents.items():
                shard.adopt(session.id, agent, epoch)
            for call, agent in session.working.items():
                shard.adopt_call(session.id, call, agent)
        self._callers.place_again(now)

    def answer(self, answer: Answer) -> None:
        """Answers a session's command, if the session is still there."""
        session = self._sessions.get(answer.session)
        if session is None:
            return
        covered = session.outstanding.pop(answer.re, NOT_COVERED)
        if covered != NOT_COVERED:
            session.window.give_back(covered)
        if answer.re:
            self._push(session, Message(answer.body, re=answer.re))

    def deliver(self, deliver: Deliver) -> None:
        """Hands a delivery to its session, if that is still there."""
        session = self._sessions.get(deliver.session)
        if session is not None:
            self._push(session, Message(deliver.delivery))

    def _placed(self, placed: Placed) -> None:
        self._callers.placed(placed)

    def _refused(self, refused: Refused) -> None:
        self._callers.refused(refused)

    def _activated(self, activated: Activated) -> None:
        session = self._sessions.get(activated.session)
        if session is None:
            return
        session.agents[activated.agent] = activated.epoch
        if session.understands(Activate.KIND):
            message_id = self._callers.new_id()
            session.activations[message_id] = (activated.agent, activated.epoch)
            self._push(session, Message(Activate(activated.agent, activated.epoch), id=message_id))

    def _unplaced(self, unplaced: Unplaced) -> None:
        session = self._sessions.get(unplaced.session)
        if session is not None:
            session.agents.pop(unplaced.agent, None)

    def _idle(self, idle: Idle) -> None:
        session = self._sessions.get(idle.session)
        if session is not None and session.drain_id:
            drain_id, session.drain_id = session.drain_id, 0
            self.answer(Answer(session.id, drain_id, Done(), NO_COMMIT))

    # What clients say

    def _receive(self, connection: Connection, frame: Frame, now: float) -> None:
        session = connection.session
        messages = frame.messages
        if session is None:
            if not messages:
                return
            session = self._hello(connection, messages[0], now)
            if session is None:
                return
            frame = Frame(
                frame.first_seq, frame.received, frame.credit_messages, frame.credit_bytes, messages[1:]
            )
        session.last_heard = now
        if session.suspect:
            session.suspect = False
            self._effects.log("info", "session heard again", session=session.id)
            self._shard.resume(session.id, now)
        session.check_receipt(frame.received)
        credit = session.credit_from(frame)
        if credit != (0, 0):
            self._shard.allow(session.id, *credit, now)
        self._pump(now)
        for message in session.number(frame):
            self._command(session, message, now)
            self._pump(now)
            if connection.ended:
                return
        if session.window.should_tell:
            self._effects.wake[connection.id] = None

    def _command(self, session: Session, message: Message, now: float) -> None:
        if message.id and (message.id in session.calls or message.id in session.outstanding):
            raise ProtocolViolation(
                EndCode.INVALID_ARGUMENT, f"id {message.id} is outstanding already: its answer would be ambiguous"
            )
        command = self._commands.get(type(message.body))
        if command is None:
            raise ProtocolViolation(EndCode.FAILED_PRECONDITION, "a second Hello came; a session begins once")
        try:
            command(session, message, now)
        except CommandError as failure:
            if message.id:
                self._push(session, Message(error_of(failure), re=message.id))
            else:
                self._effects.log(
                    "warning",
                    "command dropped",
                    session=session.id,
                    kind=type(message.body).__name__,
                    reason=failure.reason.name,
                    error=failure.message,
                )

    def _hello(self, connection: Connection, message: Message, now: float) -> Session | None:
        hello = message.body
        if not isinstance(hello, Hello) or not message.id:
            raise ProtocolViolation(EndCode.FAILED_PRECONDITION, "the first message is Hello, with an id above 0")
        self._hellos.drop(connection.id)
        try:
            version = agree(hello)
        except CommandError as failure:
            connection.outgoing.put(Message(error_of(failure), re=message.id))
            raise ProtocolViolation(EndCode.FAILED_PRECONDITION, failure.message) from None
        policy = self._policy
        session = Session(
            connection.session_id,
            connection.id,
            hello,
            Window(policy.credit_messages, policy.credit_bytes),
            last_heard=now,
        )
        connection.session = session
        self._sessions[session.id] = session
        self._beats.set(session.id, now + policy.heartbeat_interval)
        self._effects.log(
            "info",
            "session opened",
            session=session.id,
            instance=hello.instance_id,
            sdk=f"{hello.sdk_name} {hello.sdk_version}".strip(),
            peer=connection.peer,
        )
        answer = welcome(connection, version, policy, self._identity.incarnation, self._identity.version)
        self._push(session, Message(answer, re=message.id))
        return session

    def _request(self, session: Session, message: Message, now: float) -> None:
        self._callers.request(session, message, now)

    def _outcome(self, session: Session, message: Message, now: float) -> None:
        activation = session.activations.pop(message.re, None)
        if activation is None:
            self._callers.outcome(session, message)
            return
        agent, epoch = activation
        error = message.body
        if isinstance(error, Error):
            self._effects.log("warning", "activation failed", agent=agent, session=session.id, error=error.message)
            self._shard.activation_failed(session.id, agent, epoch, now)

    def _done(self, session: Session, message: Message, now: float) -> None:
        session.activations.pop(message.re, None)

    def _cancel(self, session: Session, message: Message, now: float) -> None:
        assert isinstance(message.body, Cancel)
        self._callers.cancel(session, message.body)

    def _publish(self, session: Session, message: Message, now: float) -> None:
        publish = message.body
        assert isinstance(publish, Publish)
        size = len(publish.envelope)
        within = session.window.use(size)
        try:
            if not within:
                raise beyond_credit(session)
            check_publish(publish, session, self._policy, self._shard)
            if message.id:
                session.outstanding[message.id] = size
            self._shard.publish(session.id, message.id, publish, now)
        except CommandError:
            session.outstanding.pop(message.id, None)
            session.window.give_back(size)
            raise
        if not message.id:
            session.window.give_back(size)

    def _ack(self, session: Session, message: Message, now: float) -> None:
        ack = message.body
        assert isinstance(ack, Ack)
        if ack.has_commit:
            raise CommandError(Reason.INVALID_ARGUMENT, "the ack carries a commit: this broker keeps no state yet")
        self._shard.ack(session.id, message.id, ack, now)
        self._await_answer(session, message)

    def _nack(self, session: Session, message: Message, now: float) -> None:
        assert isinstance(message.body, Nack)
        self._shard.nack(session.id, message.id, message.body, now)
        self._await_answer(session, message)

    def _heartbeat(self, session: Session, message: Message, now: float) -> None:
        if message.id:
            self._push(session, Message(Heartbeat(), re=message.id))

    def _goodbye(self, session: Session, message: Message, now: float) -> None:
        goodbye = message.body
        assert isinstance(goodbye, Goodbye)
        if message.id:
            self._push(session, Message(Done(), re=message.id))
        connection = self._connections[session.connection]
        connection.ended = True
        self._lose(session, f"goodbye {goodbye.reason}".strip(), now)
        self._effects.close.append(Close(connection.id, EndCode.OK, ""))

    def _drain(self, session: Session, message: Message, now: float) -> None:
        drain = message.body
        assert isinstance(drain, Drain)
        session.draining = True
        self._effects.log("info", "session drains", session=session.id, why=drain.reason)
        self._await_answer(session, message)
        if self._shard.drain(session.id):
            self.answer(Answer(session.id, message.id, Done(), NO_COMMIT))
        else:
            session.drain_id = message.id

    def _register(self, session: Session, message: Message, now: float) -> None:
        register = message.body
        assert isinstance(register, RegisterAgentType)
        mode = check_registration(register, session, self._policy)
        register.mode = mode
        self._shard.host(session.id, registration_of(register), now)
        session.types[register.type] = register
        self._effects.log("info", "type hosted", type=register.type, mode=mode.name, session=session.id)
        self._done_now(session, message)

    def _unregister(self, session: Session, message: Message, now: float) -> None:
        unregister = message.body
        assert isinstance(unregister, UnregisterAgentType)
        if session.types.pop(unregister.type, None) is None:
            raise CommandError(Reason.NOT_FOUND, f"this session does not host agent type {unregister.type!r}")
        self._callers.lose_worker(session, unregister.type)
        self._shard.unhost(session.id, unregister.type, now)
        self._effects.log("info", "type no longer hosted", type=unregister.type, session=session.id)
        self._done_now(session, message)

    def _subscribe(self, session: Session, message: Message, now: float) -> None:
        assert isinstance(message.body, Subscribe)
        self._shard.subscribe(session.id, message.id, message.body.subscription)
        self._await_answer(session, message)

    def _unsubscribe(self, session: Session, message: Message, now: float) -> None:
        assert isinstance(message.body, Unsubscribe)
        self._shard.unsubscribe(session.id, message.id, message.body.key)
        self._await_answer(session, message)

    def _list_subscriptions(self, session: Session, message: Message, now: float) -> None:
        if message.id:
            self._push(session, Message(SubscriptionList(self._shard.subscriptions()), re=message.id))

    def _unknown(self, session: Session, message: Message, now: float) -> None:
        if message.id:
            kind = message.body.kind_number()
            raise CommandError(
                Reason.INVALID_ARGUMENT, f"kind {kind} is none that this broker takes; Welcome names them", kind=kind
            )

    # Helpers

    def _await_answer(self, session: Session, message: Message) -> None:
        if message.id:
            session.outstanding[message.id] = NOT_COVERED

    def _done_now(self, session: Session, message: Message) -> None:
        if message.id:
            self._push(session, Message(Done(), re=message.id))

    def _push(self, session: Session, message: Message) -> None:
        connection = self._connections[session.connection]
        if connection.ended or not session.understands(message.body.KIND):
            return
        body = message.body
        if isinstance(body, Delivery) or (isinstance(body, Request) and not body.call_chain):
            session.spent_messages += 1
            session.spent_bytes += len(body.envelope)
        connection.outgoing.put(message)
        self._effects.wake[connection.id] = None
        if connection.outgoing.bytes > self._policy.max_output_bytes:
            self._overfull[connection.id] = None

    def settle(self, now: float) -> None:
        """Ends the connections whose clients do not read what they are sent (FLOW-4)."""
        overfull = list(self._overfull)
        self._overfull.clear()
        for connection_id in overfull:
            limit = self._policy.max_output_bytes
            self.end(
                connection_id,
                ProtocolViolation(EndCode.RESOURCE_EXHAUSTED, f"more than {limit} bytes wait for this client to read"),
                now,
            )

    def _still_wanted(self, session: Session, message: Message, now: float) -> bool:
        """Whether a message that waited to be written still has a purpose: a request whose call has ended has none."""
        request = message.body
        if not isinstance(request, Request):
            return True
        if self._callers.is_running(message.id) and (request.deadline is None or request.deadline > now):
            return True
        if not request.call_chain:
            size = len(request.envelope)
            session.spent_messages -= 1
            session.spent_bytes -= size
            self._shard.allow(session.id, 1, size, now)
        return False

    def _beat(self, session: Session, now: float) -> None:
        policy = self._policy
        self._push(session, Message(Heartbeat()))
        silent = now - session.last_heard
        patience = SUSPECT_AFTER_INTERVALS * policy.heartbeat_interval
        if silent >= patience + policy.suspect_limit:
            why = f"nothing was heard for {silent:.1f} s"
            self.end(session.connection, ProtocolViolation(EndCode.DEADLINE_EXCEEDED, why), now)
            return
        if silent >= patience and not session.suspect:
            session.suspect = True
            self._effects.log("warning", "session suspect", session=session.id, silent_s=round(silent, 1))
            self._shard.pause(session.id)
        self._beats.set(session.id, now + policy.heartbeat_interval)

    def _lose(self, session: Session, why: str, now: float) -> None:
        """The session is over (SES-13)."""
        del self._sessions[session.id]
        self._beats.drop(session.id)
        self._callers.lose_caller(session)
        self._callers.lose_worker(session)
        self._shard.lose(session.id, now)
        self._effects.log("info", "session lost", session=session.id, instance=session.hello.instance_id, why=why)


def registration_of(register: RegisterAgentType) -> Registration:
    """What the shard needs to know of a registration that was accepted."""
    return Registration(
        register.type, AgentMode(register.mode), frozenset(register.pinned_keys), register.concurrency
    )
