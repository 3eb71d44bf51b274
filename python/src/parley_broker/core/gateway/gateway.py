"""The gateway: connections and sessions, and the way of every message between them and the shard."""

from __future__ import annotations

from collections.abc import Callable

from parley_broker.core.effects import (
    NO_COMMIT,
    Activated,
    Answer,
    AskedBack,
    Claimed,
    Concluded,
    Deliver,
    Effects,
    Idle,
    Joined,
    Overtaken,
    Placed,
    Refused,
    ShardEffect,
    Unplaced,
)
from parley_broker.core.gateway.callers import Callers
from parley_broker.core.gateway.commands import Commands, registration_of
from parley_broker.core.gateway.farewell import Farewell
from parley_broker.core.gateway.lives import Identity, Lives
from parley_broker.core.gateway.port import ShardPort
from parley_broker.core.gateway.session import NO_CONNECTION, Connection, Session
from parley_broker.core.gateway.sessions import Sessions
from parley_broker.core.messages import (
    Activate,
    Claim,
    ClaimResult,
    Deactivate,
    Delivery,
    Done,
    Drain,
    Frame,
    Goodbye,
    Heartbeat,
    Message,
    Nack,
    Request,
    make_error,
)
from parley_broker.core.policy import Policy
from parley_broker.core.views import SessionView
from parley_broker.errors import ProtocolViolation, Reason

FIRST_NUMBER = 1
"""The number of a direction's first message (SES-7)."""
NOTHING: tuple[int, list[Message]] = (0, [])
"""What `Outgoing.take` would return; nobody adds to it."""
NO_ANSWER = 0
"""The id of a command that nobody waits for."""


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
        self._shard = shard
        self._effects = effects
        self._sessions = Sessions(policy, effects)
        self._callers = Callers(policy, self._sessions, effects, shard)
        self._farewell = Farewell(self._sessions, effects)
        self._commands = Commands(policy, self._sessions, self._callers, self._farewell, effects, shard)
        self._lives = Lives(policy, identity, self._sessions, self._callers, effects, shard, pump)
        self._decided: dict[type[object], Callable[..., None]] = {
            Placed: self._callers.placed,
            Refused: self._callers.refused,
            Joined: self._callers.joined,
            Concluded: self._callers.concluded,
            Activated: self._activated,
            AskedBack: self._asked_back,
            Unplaced: self._unplaced,
            Claimed: self._claimed,
            Overtaken: self._overtaken,
            Answer: self._sessions.answer,
            Idle: self._idle,
        }

    # Connections

    def connect(self, connection: Connection, now: float) -> None:
        """A client opened a connection; its Hello is awaited (SES-2)."""
        self._lives.connect(connection, now)

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
        """As Lives.end."""
        self._lives.end(connection_id, violation, now)

    def disconnect(self, connection_id: int, why: str, now: float) -> None:
        """The connection is gone."""
        self._lives.broke(connection_id, why, now)

    def take(self, connection_id: int, now: float) -> Frame | None:
        """The next frame to write to the connection; None when there is nothing to say.

        What it leaves wakes the connection again.
        """
        connection = self._sessions.connections.get(connection_id)
        if connection is None:
            return None
        session = connection.session
        greeting = connection.greeting
        if session is None:
            connection.greeting = None
            return Frame(FIRST_NUMBER, 0, 0, 0, [greeting]) if greeting is not None else None
        first, messages = NOTHING
        if greeting is not None:
            connection.greeting, messages = None, [greeting]
        elif session.outgoing.has_more:
            first, messages = session.outgoing.take(lambda message: self._still_wanted(session, message, now))
        if session.outgoing.has_more:
            self._effects.wake[connection_id] = None
        if not messages and not session.window.should_tell and not session.owes_receipt:
            return None
        return Frame(first, session.say_receipt(), *session.window.tell(), messages)

    # Time

    def tick(self, now: float) -> None:
        """Does what is due: deadlines of calls, and what Lives.tick does."""
        self._callers.tick(now)
        self._lives.tick(now)

    def next_due(self) -> float | None:
        """The moment before which `tick` has nothing to do; None: nothing known."""
        dues = (self._callers.next_due(), self._lives.next_due())
        return min((due for due in dues if due is not None), default=None)

    @property
    def is_unsettled(self) -> bool:
        """Whether `settle` has something to do."""
        return self._callers.is_unsettled or bool(self._sessions.overfull)

    def settle(self, now: float) -> None:
        """Places calls again that lost their worker, and loses sessions that do not read."""
        self._callers.settle(now)
        self._lives.settle(now)

    def drain(self, timeout: float, reason: str, now: float) -> None:
        """Takes no new sessions and root requests, and tells every client that it has `timeout` seconds (DRN-1)."""
        self._lives.draining = self._callers.draining = True
        self._shard.quiesce(now)
        for session in self._sessions.by_id.values():
            self._sessions.push(session, Message(Drain(timeout_ms=round(timeout * 1000), reason=reason)))
            if session.connection != NO_CONNECTION:
                # Its answer comes after everything that the client said before it knew.
                session.drain_check = self._sessions.new_id()
                self._sessions.push(session, Message(Heartbeat(), id=session.drain_check))
        for unsaved in self._shard.unsaved():
            self._farewell.save(*unsaved)

    def say_goodbye(self, reason: str) -> None:
        """Tells every client that its session is over (SES-13)."""
        for session in self._sessions.by_id.values():
            self._sessions.push(session, Message(Goodbye(reason)))

    @property
    def calls(self) -> int:
        """Calls without an outcome."""
        return len(self._callers)

    @property
    def has_clients(self) -> bool:
        """Whether any session has a connection."""
        return any(session.connection != NO_CONNECTION for session in self._sessions.by_id.values())

    @property
    def unsaved(self) -> int:
        """As Farewell.unsaved."""
        return self._farewell.unsaved

    @property
    def unaware(self) -> int:
        """Connected clients that have not said that they know of the drain."""
        return sum(not session.paused and session.drain_check > 0 for session in self._sessions.by_id.values())

    def views(self, after: str, limit: int) -> list[SessionView]:
        """The sessions above this id in their order, at most `limit`."""
        return self._sessions.views(after, limit)

    def tables(self) -> dict[str, int]:
        """Entries by table, for GetStatus."""
        sessions = self._sessions.by_id.values()
        return {
            "connections": len(self._sessions.connections),
            "sessions": len(self._sessions.by_id),
            "calls": len(self._callers),
            "commands": sum(len(session.outstanding) for session in sessions),
            "outgoing_messages": sum(session.outgoing.waiting for session in sessions),
            "kept_messages": sum(session.outgoing.kept for session in sessions),
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
        self._shard = self._callers.shard = self._commands.shard = self._lives.shard = shard
        if self._lives.draining:
            shard.quiesce(now)
        for session in self._sessions.by_id.values():
            left = session.peer_messages - session.spent_messages, session.peer_bytes - session.spent_bytes
            shard.allow(session.id, *left, now)
            if session.paused:
                shard.pause(session.id)
            for register in session.types.values():
                shard.host(session.id, registration_of(register), now)
            for agent, epoch in session.agents.items():
                shard.adopt(session.id, agent, epoch)
            for agent, epoch in session.deactivations.values():
                shard.leave(session.id, agent, epoch, now)
            if session.draining:
                shard.drain(session.id, 0, now)
        self._callers.take_over(now)
        for session in self._sessions.by_id.values():
            # What it waited for may be with another session now, or gone.
            if session.drains and shard.drain(session.id, 0, now):
                self._idle(Idle(session.id))

    def deliver(self, deliver: Deliver, now: float) -> None:
        """Hands a delivery to its session, if that still hosts the recipient: it may have waited for a commit."""
        session = self._sessions.by_id.get(deliver.session)
        delivery = deliver.delivery
        if session is None:
            return
        hosts = session.hosts(delivery.recipient, delivery.epoch)
        if hosts and session.understands(Delivery.KIND):
            self._sessions.push(session, Message(delivery))
            return
        # It is not sent: its credit lets another one go.
        self._shard.allow(session.id, 1, len(delivery.envelope), now)
        if hosts and delivery.position:
            why = make_error(Reason.UNHANDLED_MESSAGE, f"its session does not announce kind {Delivery.KIND}, delivery")
            nack = Nack(delivery.recipient, delivery.epoch, delivery.position, delivery.round, why)
            self._shard.nack(session.id, NO_ANSWER, nack, now)

    def _activated(self, activated: Activated) -> None:
        session = self._sessions.by_id.get(activated.session)
        if session is None:
            return
        session.agents[activated.agent] = activated.epoch
        if session.understands(Activate.KIND):
            message_id = self._sessions.new_id()
            session.activations[message_id] = (activated.agent, activated.epoch)
            self._sessions.push(
                session, Message(Activate(activated.agent, activated.epoch, activated.state), id=message_id)
            )

    def _asked_back(self, asked: AskedBack) -> None:
        session = self._sessions.by_id.get(asked.session)
        if session is None:
            return
        message_id = self._sessions.new_id()
        session.deactivations[message_id] = (asked.agent, asked.epoch)
        session.asked_back[asked.agent] = message_id
        deactivate = Deactivate(asked.agent, asked.epoch, round(asked.timeout * 1000))
        self._sessions.push(session, Message(deactivate, id=message_id))

    def _unplaced(self, unplaced: Unplaced) -> None:
        session = self._sessions.by_id.get(unplaced.session)
        if session is not None:
            session.agents.pop(unplaced.agent, None)
            if unplaced.taken:
                self._callers.lose_agent(session, unplaced.agent)
            session.deactivations.pop(session.asked_back.pop(unplaced.agent, 0), None)

    def _claimed(self, claimed: Claimed) -> None:
        session = self._sessions.by_id.get(claimed.session)
        if session is None:
            return
        for agent, epoch in claimed.granted:
            session.claimed.pop(agent, None)
            session.agents[agent] = epoch
        for agent in claimed.refused:
            session.claimed.pop(agent, None)
        self._effects.log(
            "info", "claims decided", session=session.id, granted=len(claimed.granted), refused=len(claimed.refused)
        )
        self._sessions.answer(Answer(session.id, claimed.re, ClaimResult(claimed.refused), NO_COMMIT))

    def _overtaken(self, overtaken: Overtaken) -> None:
        session = self._sessions.by_id.get(overtaken.session)
        if session is not None:
            for agent in overtaken.agents:
                session.claimed.pop(agent, None)

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
            session = self._lives.greet(connection, messages[0], now)
            self._pump(now)
            # A receipt beside a Hello is one of the session that it names; a new session has nothing to confirm.
            received = min(frame.received, session.outgoing.written)
            frame = Frame(frame.first_seq, received, frame.credit_messages, frame.credit_bytes, messages[1:])
        session.take_receipt(frame.received)
        if frame.credit_messages > session.peer_messages or frame.credit_bytes > session.peer_bytes:
            self._shard.allow(session.id, *session.credit_from(frame), now)
            self._pump(now)
        for message in session.number(frame):
            if isinstance(message.body, Goodbye):
                self._lives.goodbye(session, message, message.body, now)
            else:
                self._commands.carry_out(session, message, now)
                if isinstance(message.body, Claim):
                    self._lives.claimed(session, len(message.body.agents), now)
            self._pump(now)
            if connection.ended:
                return
        # Last: a client that says goodbye must not get work first.
        self._lives.heard(session, now)
        if session.window.should_tell or session.owes_receipt:
            self._effects.wake[connection.id] = None

    def _still_wanted(self, session: Session, message: Message, now: float) -> bool:
        """Whether a request that waited to be written still has a purpose: one whose call has ended has none."""
        request = message.body
        assert isinstance(request, Request)
        if self._callers.is_running(message.id) and (request.deadline is None or request.deadline > now):
            return True
        if not request.call_chain and not session.over:
            size = len(request.envelope)
            session.spent_messages -= 1
            session.spent_bytes -= size
            self._shard.allow(session.id, 1, size, now)
        self._callers.unsent(message.id)
        return False
