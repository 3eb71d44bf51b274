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
    ShardEffect,
    Unplaced,
)
from parley_broker.core.gateway.callers import Callers
from parley_broker.core.gateway.commands import Commands, registration_of
from parley_broker.core.gateway.hello import agree, welcome
from parley_broker.core.gateway.port import ShardPort
from parley_broker.core.gateway.session import MAX_LOGGED, UNNUMBERED, Connection, Session, Window
from parley_broker.core.gateway.sessions import Sessions
from parley_broker.core.messages import (
    Activate,
    Delivery,
    Done,
    Drain,
    Frame,
    Goodbye,
    Heartbeat,
    Hello,
    Message,
    Nack,
    Request,
    error_of,
    make_error,
)
from parley_broker.core.policy import SUSPECT_AFTER_INTERVALS, Policy
from parley_broker.errors import CommandError, EndCode, ProtocolViolation, Reason

FIRST_NUMBER = 1
"""The number of a direction's first message (SES-7)."""
NO_ANSWER = 0
"""The id of a command that nobody waits for."""


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
        self, policy: Policy, identity: Identity, shard: ShardPort, effects: Effects, pump: Callable[[float], None]
    ) -> None:
        self._pump = pump
        self._policy = policy
        self._identity = identity
        self._shard = shard
        self._effects = effects
        self._sessions = Sessions(policy, effects)
        self._callers = Callers(policy, self._sessions, effects, shard)
        self._commands = Commands(policy, self._sessions, self._callers, effects, shard)
        self._hellos: Deadlines[int] = Deadlines()
        self._beats: Deadlines[str] = Deadlines()
        self._decided: dict[type[object], Callable[..., None]] = {
            Placed: self._placed,
            Refused: self._refused,
            Activated: self._activated,
            Unplaced: self._unplaced,
            Answer: self._sessions.answer,
            Idle: self._idle,
        }

    # Connections

    def connect(self, connection: Connection, now: float) -> None:
        """A client opened a connection; its Hello is awaited (SES-2)."""
        self._sessions.connections[connection.id] = connection
        self._hellos.set(connection.id, now + self._policy.hello_timeout)

    def receive(self, connection_id: int, frame: Frame, now: float) -> None:
        """Takes a frame. What is wrong with a command is answered; what is wrong with the frame ends the connection."""
        connection = self._sessions.connections.get(connection_id)
        if connection is None or connection.ended:
            return
        try:
            self._receive(connection, frame, now)
        except ProtocolViolation as violation:
            self.end(connection_id, violation, now)

    def end(self, connection_id: int, violation: ProtocolViolation, now: float) -> None:
        """The connection cannot go on: its session is lost, the client is told why."""
        connection = self._sessions.connections.get(connection_id)
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
        connection = self._sessions.connections.get(connection_id)
        if connection is None:
            return
        self._hellos.drop(connection_id)
        if connection.session is not None and not connection.ended:
            connection.ended = True
            self._lose(connection.session, why, now)
        del self._sessions.connections[connection_id]

    def take(self, connection_id: int, now: float) -> Frame | None:
        """The next frame to write to the connection; None when there is nothing to say."""
        connection = self._sessions.connections.get(connection_id)
        if connection is None:
            return None
        session = connection.session
        if session is None:
            parting = connection.outgoing.take()
            return Frame(FIRST_NUMBER, 0, 0, 0, parting) if parting else None
        messages: list[Message] = []
        while not messages and connection.outgoing.messages:
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
            session = self._sessions.by_id.get(session_id)
            if session is not None:
                self._beat(session, now)
                self._pump(now)

    def next_due(self) -> float | None:
        """The moment before which `tick` has nothing to do; None: nothing known."""
        dues = (self._callers.next_due(), self._hellos.next(), self._beats.next())
        return min((due for due in dues if due is not None), default=None)

    def announce_drain(self, reason: str) -> None:
        """Tells every client that the broker is about to go (DRN-1)."""
        for session in self._sessions.by_id.values():
            self._sessions.push(session, Message(Drain(reason=reason)))

    def tables(self) -> dict[str, int]:
        """Entries by table, for GetStatus."""
        return {
            "connections": len(self._sessions.connections),
            "sessions": len(self._sessions.by_id),
            "calls": len(self._callers),
            "commands": sum(len(session.outstanding) for session in self._sessions.by_id.values()),
            "outgoing_messages": sum(len(c.outgoing.messages) for c in self._sessions.connections.values()),
        }

    # The shard

    def apply(self, effect: ShardEffect, now: float) -> None:
        """Does what the shard decided."""
        if isinstance(effect, Deliver):
            self.deliver(effect, now)
        else:
            self._decided[type(effect)](effect)

    def replace_shard(self, shard: ShardPort, now: float) -> None:
        """Another shard, loaded anew, takes the place of one that was discarded: it is told what the sessions hold."""
        self._shard = self._callers.shard = self._commands.shard = shard
        for session in self._sessions.by_id.values():
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

    def deliver(self, deliver: Deliver, now: float) -> None:
        """Hands a delivery to its session, if that still hosts the recipient: it may have waited for a commit."""
        session = self._sessions.by_id.get(deliver.session)
        delivery = deliver.delivery
        if session is None or not session.hosts(delivery.recipient, delivery.epoch):
            return
        if session.understands(Delivery.KIND):
            self._sessions.push(session, Message(delivery))
        elif delivery.position:
            why = make_error(Reason.UNHANDLED_MESSAGE, f"its session does not announce kind {Delivery.KIND}, delivery")
            nack = Nack(delivery.recipient, delivery.epoch, delivery.position, delivery.round, why)
            self._shard.nack(session.id, NO_ANSWER, nack, now)

    def _placed(self, placed: Placed) -> None:
        self._callers.placed(placed)

    def _refused(self, refused: Refused) -> None:
        self._callers.refused(refused)

    def _activated(self, activated: Activated) -> None:
        session = self._sessions.by_id.get(activated.session)
        if session is None:
            return
        session.agents[activated.agent] = activated.epoch
        if session.understands(Activate.KIND):
            message_id = self._sessions.new_id()
            session.activations[message_id] = (activated.agent, activated.epoch)
            self._sessions.push(session, Message(Activate(activated.agent, activated.epoch), id=message_id))

    def _unplaced(self, unplaced: Unplaced) -> None:
        session = self._sessions.by_id.get(unplaced.session)
        if session is not None:
            session.agents.pop(unplaced.agent, None)

    def _idle(self, idle: Idle) -> None:
        session = self._sessions.by_id.get(idle.session)
        if session is not None:
            drains, session.drains = session.drains, []
            for drain in drains:
                self._sessions.answer(Answer(session.id, drain, Done(), NO_COMMIT))

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
            frame = Frame(frame.first_seq, frame.received, frame.credit_messages, frame.credit_bytes, messages[1:])
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
            if isinstance(message.body, Goodbye):
                self._goodbye(session, message, message.body, now)
            else:
                self._commands.carry_out(session, message, now)
            self._pump(now)
            if connection.ended:
                return
        if session.window.should_tell:
            self._effects.wake[connection.id] = None

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
        self._sessions.by_id[session.id] = session
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
        self._sessions.push(session, Message(answer, re=message.id))
        return session

    def _goodbye(self, session: Session, message: Message, goodbye: Goodbye, now: float) -> None:
        if message.id:
            self._sessions.push(session, Message(Done(), re=message.id))
        connection = self._sessions.connections[session.connection]
        connection.ended = True
        self._lose(session, f"goodbye {goodbye.reason[:MAX_LOGGED]}".strip(), now)
        self._effects.close.append(Close(connection.id, EndCode.OK, ""))

    # Helpers

    def settle(self, now: float) -> None:
        """Ends the connections whose clients do not read what they are sent (FLOW-4)."""
        overfull = list(self._sessions.overfull)
        self._sessions.overfull.clear()
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
        if not request.call_chain and session.id in self._sessions.by_id:
            size = len(request.envelope)
            session.spent_messages -= 1
            session.spent_bytes -= size
            self._shard.allow(session.id, 1, size, now)
        return False

    def _beat(self, session: Session, now: float) -> None:
        policy = self._policy
        self._sessions.push(session, Message(Heartbeat()))
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
        del self._sessions.by_id[session.id]
        self._beats.drop(session.id)
        self._callers.lose_caller(session)
        self._callers.lose_worker(session)
        self._shard.lose(session.id, now)
        self._effects.log("info", "session lost", session=session.id, instance=session.hello.instance_id, why=why)
