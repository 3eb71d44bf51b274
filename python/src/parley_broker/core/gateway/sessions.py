"""The connections and sessions, and what is to be told to each."""

from __future__ import annotations

from heapq import nsmallest

from parley_broker.core.effects import Answer, Effects
from parley_broker.core.gateway.outgoing import UNNUMBERED
from parley_broker.core.gateway.session import NO_CONNECTION, Connection, Session
from parley_broker.core.messages import Delivery, Message, Request
from parley_broker.core.policy import Policy
from parley_broker.core.views import SessionView
from parley_broker.errors import CommandError, Reason

NOT_COVERED = -1
"""The size of an outstanding command that credit does not cover."""


class Sessions:
    """The table of connections and sessions.

    Args:
        policy: The limit of what may wait to be written and confirmed.
        effects: Takes which connections have something to write.
    """

    def __init__(self, policy: Policy, effects: Effects) -> None:
        self._max_output_bytes = policy.max_output_bytes
        self._effects = effects
        self._last_id = 0
        self.connections: dict[int, Connection] = {}
        self.by_id: dict[str, Session] = {}
        self.overfull: dict[str, Session] = {}
        """Those whose clients do not read, or do not confirm, what they are sent (FLOW-4)."""

    def new_id(self) -> int:
        """An id of the broker's own, for a message that wants an answer (RPC-2)."""
        self._last_id += 1
        return self._last_id

    def push(self, session: Session, message: Message) -> None:
        """Queues the message for the session's client, unless it does not know the kind (SES-4)."""
        body = message.body
        if session.over or not session.understands(body.KIND):
            return
        if isinstance(body, Delivery) or (isinstance(body, Request) and not body.call_chain):
            session.spent_messages += 1
            session.spent_bytes += len(body.envelope)
        outgoing = session.outgoing
        # The last one may exceed the limit by its own size, as with credit: else none larger than it could be sent.
        if outgoing.bytes > self._max_output_bytes and body.KIND not in UNNUMBERED:
            self.overfull[session.id] = session
        outgoing.put(message)
        if session.connection != NO_CONNECTION:
            self._effects.wake[session.connection] = None

    def views(self, after: str, limit: int) -> list[SessionView]:
        """What an operator sees of those above this id in their order, at most `limit`."""
        chosen = nsmallest(limit, (session for session in self.by_id if session > after))
        return [self._view(self.by_id[session]) for session in chosen]

    def _view(self, session: Session) -> SessionView:
        connection = self.connections.get(session.connection)
        hello = session.hello
        return SessionView(
            session.id,
            hello.instance_id,
            hello.sdk_name,
            hello.sdk_language,
            hello.sdk_version,
            session.state,
            tuple(sorted(session.types)),
            connection.peer if connection is not None else "",
        )

    def answer(self, answer: Answer) -> None:
        """Answers a session's command, if the session is still there."""
        session = self.by_id.get(answer.session)
        if session is None:
            return
        covered = session.outstanding.pop(answer.re, NOT_COVERED)
        if covered != NOT_COVERED:
            session.window.give_back(covered)
        elif session.begun:
            session.begun_bytes -= session.begun.pop(answer.re, 0)
        if answer.re:
            self.push(session, Message(answer.body, re=answer.re))

    def spend(self, session: Session, size: int) -> None:
        """Counts a covered message and gives it back at once: it is queued within its own limits, or refused (FLOW-3).

        Raises:
            CommandError: RESOURCE_EXHAUSTED: it came beyond the credit (FLOW-2).
        """
        within = session.window.use(size)
        session.window.give_back(size)
        if not within:
            raise beyond_credit(session)


def beyond_credit(session: Session) -> CommandError:
    """What a covered command beyond the credit is refused with (FLOW-2)."""
    told = f"{session.window.told_messages} messages and {session.window.told_bytes} bytes"
    return CommandError(
        Reason.RESOURCE_EXHAUSTED, f"the credit is {told} in total, and the command came beyond it", credit=told
    )
