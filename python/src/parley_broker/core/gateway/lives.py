"""How sessions begin, go on, and end.

     Hello                      silence              more silence
──────────────▶ connected ◀────────────────▶ suspect ─────────────▶ lost
                  │    ▲      is heard again    │                    ▲
   broke, a number│    │Hello with resume       │                    │
   is missing     ▼    │                        │                    │
                disconnected ◀──────────────────┘                    │
                  └───────── end of the grace ───────────────────────┤
Goodbye, what a client may not say, a client that does not read ─────┘
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest

from parley_broker.core.deadlines import Deadlines
from parley_broker.core.effects import Close, Effects
from parley_broker.core.gateway.callers import Callers
from parley_broker.core.gateway.hello import agree, welcome
from parley_broker.core.gateway.port import ShardPort
from parley_broker.core.gateway.session import MAX_LOGGED, NO_CONNECTION, Connection, Session, Window
from parley_broker.core.gateway.sessions import Sessions
from parley_broker.core.messages import Done, Goodbye, Heartbeat, Hello, Message, Resume, error_of
from parley_broker.core.policy import BEATS_PER_INTERVAL, SUSPECT_AFTER_INTERVALS, Policy
from parley_broker.errors import CommandError, EndCode, ProtocolViolation, SequenceGap, draining


@dataclass(frozen=True, slots=True)
class Identity:
    """What Welcome says of the broker: new at every start, and its release."""

    incarnation: str
    version: str


class Lives:
    """Begins sessions, gives them connections, and ends them. Its owner may set `shard` to another one at any time.

    Args:
        policy: The times.
        identity: What Welcome says of the broker.
        sessions: The table that it fills and empties.
        callers: Is told of the sessions that are lost.
        effects: Takes what the engine has to do.
        shard: Likewise.
        pump: Applies what the shard has decided. Called after each step of `tick`.
    """

    def __init__(
        self,
        policy: Policy,
        identity: Identity,
        sessions: Sessions,
        callers: Callers,
        effects: Effects,
        shard: ShardPort,
        pump: Callable[[float], None],
    ) -> None:
        self.shard = shard
        self.draining = False
        """No new session begins (DRN-1)."""
        self._policy = policy
        self._identity = identity
        self._sessions = sessions
        self._callers = callers
        self._effects = effects
        self._pump = pump
        self._hellos: Deadlines[int] = Deadlines()
        self._beats: Deadlines[str] = Deadlines()
        self._graces: Deadlines[str] = Deadlines()
        self._claimings: Deadlines[str] = Deadlines()

    # Connections

    def connect(self, connection: Connection, now: float) -> None:
        """A client opened a connection; its Hello is awaited (SES-2)."""
        self._sessions.connections[connection.id] = connection
        self._hellos.set(connection.id, now + self._policy.hello_timeout)

    def greet(self, connection: Connection, message: Message, now: float) -> Session:
        """The connection's first message: the session that it begins or resumes.

        Raises:
            ProtocolViolation: FAILED_PRECONDITION: it is no Hello, or one that is refused (SES-1, SES-3); UNAVAILABLE:
                the broker drains (DRN-1).
        """
        hello = message.body
        if not isinstance(hello, Hello) or not message.id:
            raise ProtocolViolation(EndCode.FAILED_PRECONDITION, "the first message is Hello, with an id above 0")
        self._hellos.drop(connection.id)
        try:
            version = agree(hello)
        except CommandError as failure:
            connection.greeting = Message(error_of(failure), re=message.id)
            raise ProtocolViolation(EndCode.FAILED_PRECONDITION, failure.message) from None
        session = self._resumable(hello.resume)
        resumed = session is not None
        if session is None and self.draining:
            refusal = draining()
            connection.greeting = Message(error_of(refusal), re=message.id)
            raise ProtocolViolation(EndCode.UNAVAILABLE, refusal.message)
        if session is None:
            session = self._begin(connection, hello, now)
        elif hello.resume is not None:
            self._resume(session, hello.resume.received, connection, now)
            session.hello = hello
        connection.session = session
        answer = welcome(session, version, self._policy, self._identity.incarnation, self._identity.version, resumed)
        connection.greeting = Message(answer, re=message.id)
        self._effects.wake[connection.id] = None
        self._beats.set(session.id, now + self._policy.heartbeat_interval / BEATS_PER_INTERVAL)
        return session

    def heard(self, session: Session, now: float) -> None:
        """The session's client said something."""
        session.last_heard = now
        if session.suspect:
            session.suspect = False
            self._effects.log("info", "session heard again", session=session.id)
            self._unpause(session, now)

    def claimed(self, session: Session, agents: int, now: float) -> None:
        """The client has claimed so many agents more: after the last one it may get work (SES-14)."""
        if session.claims_to_come:
            session.claims_to_come = max(0, session.claims_to_come - agents)
            if not session.claims_to_come:
                self._claimings.drop(session.id)
                self._unpause(session, now)

    def goodbye(self, session: Session, message: Message, goodbye: Goodbye, now: float) -> None:
        """The client ends its session at once (SES-13)."""
        if message.id:
            self._sessions.push(session, Message(Done(), re=message.id))
        self._sessions.connections[session.connection].ended = True
        self._lose(session, f"goodbye {goodbye.reason[:MAX_LOGGED]}".strip(), now)
        self._effects.close.append(Close(session.connection, EndCode.OK, ""))

    def end(self, connection_id: int, violation: ProtocolViolation, now: float) -> None:
        """The connection cannot go on, and its client is told why. The session is lost, but for a missing number."""
        connection = self._sessions.connections.get(connection_id)
        if connection is None or connection.ended:
            return
        connection.ended = True
        self._hellos.drop(connection_id)
        self._effects.log(
            "warning", "connection ended", peer=connection.peer, status=violation.code.value, why=violation.message
        )
        session = connection.session
        if session is not None and isinstance(violation, SequenceGap):
            self._part(session, violation.message, now)
        elif session is not None:
            self._lose(session, violation.message, now)
        self._effects.close.append(Close(connection_id, violation.code, violation.message))

    def broke(self, connection_id: int, why: str, now: float) -> None:
        """The connection is gone; its session can be resumed within the grace (SES-9)."""
        connection = self._sessions.connections.get(connection_id)
        if connection is None:
            return
        self._hellos.drop(connection_id)
        if connection.session is not None and not connection.ended:
            self._part(connection.session, why, now)
        connection.ended = True
        del self._sessions.connections[connection_id]

    # Time

    def tick(self, now: float) -> None:
        """Does what is due: connections without Hello, heartbeats, silent clients, graces that end."""
        for connection_id in self._hellos.take(now):
            seconds = self._policy.hello_timeout
            late = ProtocolViolation(EndCode.DEADLINE_EXCEEDED, f"no Hello came within {seconds:g} s")
            self.end(connection_id, late, now)
        for session_id in self._beats.take(now):
            session = self._sessions.by_id.get(session_id)
            if session is not None:
                self._beat(session, now)
                self._pump(now)
        for session_id in self._claimings.take(now):
            session = self._sessions.by_id.get(session_id)
            if session is not None:
                self.claimed(session, session.claims_to_come, now)
                self._pump(now)
        for session_id in self._graces.take(now):
            # What one of them leaves behind may have been too much for another one (FLOW-4).
            session = self._sessions.by_id.get(session_id)
            if session is not None:
                self._lose(session, "it was not resumed within its grace", now)
                self._pump(now)

    def next_due(self) -> float | None:
        """The moment before which `tick` has nothing to do; None: nothing known."""
        dues = (self._hellos.next(), self._beats.next(), self._graces.next(), self._claimings.next())
        return min((due for due in dues if due is not None), default=None)

    def settle(self, now: float) -> None:
        """Loses the sessions whose clients do not read, or do not confirm, what they are sent (FLOW-4)."""
        overfull = list(self._sessions.overfull.values())
        self._sessions.overfull.clear()
        for session in overfull:
            why = f"more than {self._policy.max_output_bytes} bytes wait for this client to read and confirm"
            if session.connection != NO_CONNECTION:
                self.end(session.connection, ProtocolViolation(EndCode.RESOURCE_EXHAUSTED, why), now)
            elif not session.over:
                self._lose(session, why, now)

    # Inside

    def _begin(self, connection: Connection, hello: Hello, now: float) -> Session:
        policy = self._policy
        session = Session(
            connection.session_id,
            connection.resume_token,
            connection.id,
            hello,
            Window(policy.credit_messages, policy.credit_bytes),
            last_heard=now,
        )
        self._sessions.by_id[session.id] = session
        instead_of = hello.resume.session_id if hello.resume is not None else ""
        self._effects.log(
            "info",
            "session opened",
            session=session.id,
            instance=hello.instance_id,
            sdk=f"{hello.sdk_name} {hello.sdk_version}".strip(),
            peer=connection.peer,
            **({"instead_of": instead_of[:MAX_LOGGED]} if instead_of else {}),
        )
        if hello.resume is not None and hello.resume.agents:
            session.claims_to_come = hello.resume.agents
            self._claimings.set(session.id, now + policy.claim_window)
            self.shard.pause(session.id)
        return session

    def _resumable(self, resume: Resume | None) -> Session | None:
        session = self._sessions.by_id.get(resume.session_id) if resume is not None else None
        if session is None or resume is None or not compare_digest(session.resume_token, resume.resume_token):
            return None
        outgoing = session.outgoing
        if not outgoing.confirmed <= resume.received <= outgoing.sent:
            raise ProtocolViolation(
                EndCode.INVALID_ARGUMENT,
                f"resume.received is {resume.received}; what can be sent again begins after a number"
                f" from {outgoing.confirmed} to {outgoing.sent}",
            )
        return session

    def _resume(self, session: Session, received: int, connection: Connection, now: float) -> None:
        older = self._sessions.connections.get(session.connection)
        was_paused = session.paused
        if older is not None:
            older.ended = True
            older.session = None
            self._effects.close.append(Close(older.id, EndCode.ABORTED, "a newer connection has resumed the session"))
            session.outgoing.cut()
        self._graces.drop(session.id)
        session.outgoing.resume(received)
        session.connection = connection.id
        session.suspect = False
        self._effects.log(
            "info", "session resumed", session=session.id, again=session.outgoing.sent - received, peer=connection.peer
        )
        if was_paused:
            self._unpause(session, now)

    def _unpause(self, session: Session, now: float) -> None:
        """One reason to keep work from the session is gone; there may be another."""
        if not session.paused:
            self.shard.resume(session.id, now)

    def _part(self, session: Session, why: str, now: float) -> None:
        """The session has no connection any more."""
        if not self._policy.session_grace:
            self._lose(session, why, now)
            return
        self._sessions.connections[session.connection].session = None
        session.connection = NO_CONNECTION
        session.suspect = False
        session.outgoing.cut()
        self._beats.drop(session.id)
        self._graces.set(session.id, now + self._policy.session_grace)
        self._effects.log("info", "session disconnected", session=session.id, why=why)
        self.shard.pause(session.id)

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
            self.shard.pause(session.id)
        self._beats.set(session.id, now + policy.heartbeat_interval / BEATS_PER_INTERVAL)

    def _lose(self, session: Session, why: str, now: float) -> None:
        """The session is over (SES-13)."""
        session.over = True
        del self._sessions.by_id[session.id]
        self._beats.drop(session.id)
        self._graces.drop(session.id)
        self._claimings.drop(session.id)
        self._callers.lose_caller(session, now)
        self._callers.recall(session)
        self._callers.lose_worker(session)
        self.shard.lose(session.id, now)
        self._effects.log("info", "session lost", session=session.id, instance=session.hello.instance_id, why=why)
