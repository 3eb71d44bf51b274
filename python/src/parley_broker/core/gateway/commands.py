"""What clients say in a session, verb by verb: checked here, decided by the calls' table or the shard."""

from __future__ import annotations

from collections.abc import Callable

from parley_broker.core import orders
from parley_broker.core.effects import NO_COMMIT, Answer, Effects
from parley_broker.core.gateway.callers import Callers
from parley_broker.core.gateway.checks import check_begun, check_commit, check_publish, check_registration
from parley_broker.core.gateway.farewell import Farewell
from parley_broker.core.gateway.port import ShardPort
from parley_broker.core.gateway.session import MAX_LOGGED, Session
from parley_broker.core.gateway.sessions import NOT_COVERED, Sessions, beyond_credit
from parley_broker.core.ids import check_agent_id
from parley_broker.core.messages import (
    Ack,
    AgentMode,
    Body,
    Cancel,
    Claim,
    Done,
    Drain,
    Error,
    Heartbeat,
    ListSubscriptions,
    Message,
    Nack,
    Publish,
    RegisterAgentType,
    Reply,
    Request,
    Save,
    Subscribe,
    SubscriptionList,
    Unknown,
    UnregisterAgentType,
    Unsubscribe,
    error_of,
)
from parley_broker.core.orders import Registration
from parley_broker.core.policy import Policy
from parley_broker.errors import CommandError, EndCode, ProtocolViolation, Reason

DROPS_LOGGED = 10
"""Commands of one session whose dropping is a warning; a client that floods the broker does not flood its log."""
MAX_DRAINS = 100
"""Drains of one session that may wait for their answer; one is enough."""


class Commands:
    """Carries out commands. Its owner may set `shard` to another one at any time."""

    def __init__(
        self,
        policy: Policy,
        sessions: Sessions,
        callers: Callers,
        farewell: Farewell,
        effects: Effects,
        shard: ShardPort,
    ) -> None:
        self.shard = shard
        self._policy = policy
        self._sessions = sessions
        self._callers = callers
        self._farewell = farewell
        self._effects = effects
        self._verbs: dict[type[Body], Callable[[Session, Message, float], None]] = {
            Request: callers.request,
            Reply: self._outcome,
            Error: self._outcome,
            Done: self._done,
            Cancel: self._cancel,
            Publish: self._publish,
            Ack: self._ack,
            Nack: self._nack,
            Save: self._save,
            Heartbeat: self._heartbeat,
            Drain: self._drain,
            Claim: self._claim,
            RegisterAgentType: self._register,
            UnregisterAgentType: self._unregister,
            Subscribe: self._subscribe,
            Unsubscribe: self._unsubscribe,
            ListSubscriptions: self._list_subscriptions,
            Unknown: self._unknown,
        }

    def carry_out(self, session: Session, message: Message, now: float) -> None:
        """Does what the client says; what is wrong with it is answered (MSG-5).

        Raises:
            ProtocolViolation: INVALID_ARGUMENT: the id is outstanding (MSG-3); FAILED_PRECONDITION: a second Hello.
        """
        if message.id and (message.id in session.calls or message.id in session.outstanding):
            raise ProtocolViolation(
                EndCode.INVALID_ARGUMENT, f"id {message.id} is outstanding already: its answer would be ambiguous"
            )
        verb = self._verbs.get(type(message.body))
        if verb is None:
            raise ProtocolViolation(EndCode.FAILED_PRECONDITION, "a second Hello came; a session begins once")
        try:
            verb(session, message, now)
        except CommandError as failure:
            if message.id:
                self._sessions.push(session, Message(error_of(failure), re=message.id))
            else:
                session.dropped += 1
                self._effects.log(
                    "warning" if session.dropped <= DROPS_LOGGED else "debug",
                    "command dropped",
                    session=session.id,
                    kind=type(message.body).__name__,
                    reason=failure.reason.name,
                    error=failure.message,
                )

    def _outcome(self, session: Session, message: Message, now: float) -> None:
        late = message.re not in session.working
        if self._answered(session, message, now):
            self._done_now(session, message)
            return
        if late:
            check_begun(_size(message.body), session, self._policy)
        if not self._callers.outcome(session, message, now):
            self._done_now(session, message)
        elif late:
            self._begin(session, message)
        else:
            self._await_answer(session, message)

    def _done(self, session: Session, message: Message, now: float) -> None:
        self._answered(session, message, now)
        self._done_now(session, message)

    def _answered(self, session: Session, message: Message, now: float) -> bool:
        """Takes the answer to an Activate, Deactivate or SaveRequest; false if it answers none."""
        activation = session.activations.pop(message.re, None)
        deactivation = session.deactivations.pop(message.re, None)
        asked = activation or deactivation
        if asked is None:
            return self._farewell.answered(session, message.re, message.body)
        agent, epoch = asked
        if isinstance(message.body, Error):
            what = "activation failed" if activation else "deactivation failed"
            self._effects.log("warning", what, agent=agent, session=session.id, error=message.body.message[:MAX_LOGGED])
            if activation:
                self.shard.activation_failed(session.id, agent, epoch, message.body, now)
        elif activation:
            self.shard.activated(session.id, agent, epoch)
        if deactivation:
            self.shard.deactivated(session.id, agent, epoch, now)
        return True

    def _cancel(self, session: Session, message: Message, now: float) -> None:
        assert isinstance(message.body, Cancel)
        self._callers.cancel(session, message.body, now)
        self._done_now(session, message)

    def _publish(self, session: Session, message: Message, now: float) -> None:
        publish = message.body
        assert isinstance(publish, Publish)
        size = len(publish.envelope)
        publish.producer = session.hello.producer_id
        within = session.window.use(size)
        try:
            if not within:
                raise beyond_credit(session)
            check_publish(publish, session, self._policy, self.shard)
            if message.id:
                session.outstanding[message.id] = size
            self.shard.publish(session.id, message.id, publish, now)
        except CommandError:
            session.outstanding.pop(message.id, None)
            session.window.give_back(size)
            raise
        if not message.id:
            session.window.give_back(size)

    def _ack(self, session: Session, message: Message, now: float) -> None:
        ack = message.body
        assert isinstance(ack, Ack)
        if ack.commit is not None:
            try:
                check_commit(ack.commit, self._policy)
            except CommandError as failure:
                self.shard.refuse(session.id, ack, error_of(failure), now)
                raise
        self.shard.ack(session.id, message.id, ack, now)
        self._await_answer(session, message)

    def _nack(self, session: Session, message: Message, now: float) -> None:
        assert isinstance(message.body, Nack)
        self.shard.nack(session.id, message.id, message.body, now)
        self._await_answer(session, message)

    def _save(self, session: Session, message: Message, now: float) -> None:
        assert isinstance(message.body, Save)
        if not message.id:
            raise CommandError(Reason.INVALID_ARGUMENT, "a save has an id: it is answered")
        check_begun(message.body.size(), session, self._policy)
        self.shard.save(session.id, message.id, message.body, now)
        self._begin(session, message)

    def _heartbeat(self, session: Session, message: Message, now: float) -> None:
        if message.id:
            self._sessions.push(session, Message(Heartbeat(), re=message.id))
        if message.re == session.drain_check:
            session.drain_check = 0

    def _drain(self, session: Session, message: Message, now: float) -> None:
        drain = message.body
        assert isinstance(drain, Drain)
        if len(session.drains) >= MAX_DRAINS:
            raise CommandError(
                Reason.RESOURCE_EXHAUSTED, f"{MAX_DRAINS} Drains of this session wait already", limit=MAX_DRAINS
            )
        session.draining = True
        self._effects.log("info", "session drains", session=session.id, why=drain.reason[:MAX_LOGGED])
        self._await_answer(session, message)
        if self.shard.drain(session.id, drain.timeout_ms / 1000, now):
            self._sessions.answer(Answer(session.id, message.id, Done(), NO_COMMIT))
        elif message.id:
            session.drains.append(message.id)

    def _claim(self, session: Session, message: Message, now: float) -> None:
        claim = message.body
        assert isinstance(claim, Claim)
        for agent, _ in claim.agents:
            check_agent_id(agent, "agents")
        check_begun(claim.size(), session, self._policy)
        session.claimed.update(claim.agents)
        self._begin(session, message)
        self.shard.claim(orders.Claim(session.id, message.id, claim.agents), now)

    def _register(self, session: Session, message: Message, now: float) -> None:
        register = message.body
        assert isinstance(register, RegisterAgentType)
        mode = check_registration(register, session, self._policy)
        register.mode = mode
        self.shard.host(session.id, registration_of(register), now)
        session.types[register.type] = register
        self._effects.log("info", "type hosted", type=register.type, mode=mode.name, session=session.id)
        self._done_now(session, message)

    def _unregister(self, session: Session, message: Message, now: float) -> None:
        unregister = message.body
        assert isinstance(unregister, UnregisterAgentType)
        if session.types.pop(unregister.type, None) is None:
            raise CommandError(Reason.NOT_FOUND, f"this session does not host agent type {unregister.type!r}")
        self._callers.lose_worker(session, unregister.type)
        self.shard.unhost(session.id, unregister.type, now)
        self._effects.log("info", "type no longer hosted", type=unregister.type, session=session.id)
        self._done_now(session, message)

    def _subscribe(self, session: Session, message: Message, now: float) -> None:
        assert isinstance(message.body, Subscribe)
        check_begun(message.body.size(), session, self._policy)
        self.shard.subscribe(session.id, message.id, message.body.subscription, now)
        self._begin(session, message)

    def _unsubscribe(self, session: Session, message: Message, now: float) -> None:
        assert isinstance(message.body, Unsubscribe)
        check_begun(message.body.size(), session, self._policy)
        self.shard.unsubscribe(session.id, message.id, message.body.key)
        self._begin(session, message)

    def _list_subscriptions(self, session: Session, message: Message, now: float) -> None:
        if message.id:
            self._sessions.push(session, Message(SubscriptionList(self.shard.subscriptions()), re=message.id))

    def _unknown(self, session: Session, message: Message, now: float) -> None:
        if message.id:
            kind = message.body.kind_number()
            raise CommandError(
                Reason.INVALID_ARGUMENT, f"kind {kind} is none that this broker takes; Welcome names them", kind=kind
            )

    def _begin(self, session: Session, message: Message) -> None:
        """A command that `check_begun` let pass waits for the store."""
        if message.id:
            session.outstanding[message.id] = NOT_COVERED
            session.begun[message.id] = size = _size(message.body)
            session.begun_bytes += size

    def _await_answer(self, session: Session, message: Message) -> None:
        if message.id:
            session.outstanding[message.id] = NOT_COVERED

    def _done_now(self, session: Session, message: Message) -> None:
        if message.id:
            self._sessions.push(session, Message(Done(), re=message.id))


def _size(body: Body) -> int:
    """What a command that waits for the store counts for, in bytes."""
    commit = body.commit if isinstance(body, Reply) else None
    return body.size() + (commit.size() if commit is not None else 0)


def registration_of(register: RegisterAgentType) -> Registration:
    """What the shard needs to know of a registration that was accepted."""
    return Registration(
        register.type,
        AgentMode(register.mode),
        frozenset(register.pinned_keys),
        register.concurrency,
        register.keeps_state,
        register.idle_timeout_ms / 1000,
    )
