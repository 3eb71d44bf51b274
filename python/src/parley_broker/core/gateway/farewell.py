"""Has agents saved before the broker goes (STA-2, DRN-1): some of each session's at a time.

wanted ──▶ asked: SaveRequest ──Done or Error──▶ (nothing)
   │ enough of the session are asked already: waits
"""

from __future__ import annotations

from parley_broker.core.effects import Effects
from parley_broker.core.gateway.session import MAX_LOGGED, Session
from parley_broker.core.gateway.sessions import Sessions
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Body, Error, Message, SaveRequest

MAX_ASKED = 16
"""SaveRequests of one session that wait for their answer: states must not come all at once."""


class Farewell:
    """What is to be saved of each session's agents; what it knows is in the sessions."""

    def __init__(self, sessions: Sessions, effects: Effects) -> None:
        self._sessions = sessions
        self._effects = effects

    def save(self, session_id: str, agent: AgentId, epoch: int) -> None:
        """The session is to save the agent, which it has under this epoch."""
        session = self._sessions.by_id.get(session_id)
        if session is not None and session.understands(SaveRequest.KIND):
            session.to_save.append((agent, epoch))
            self._go_on(session)

    def answered(self, session: Session, re: int, answer: Body) -> bool:
        """Takes the answer to a SaveRequest; false if it is none."""
        agent = session.saving.pop(re, None)
        if agent is None:
            return False
        if isinstance(answer, Error):
            why = answer.message[:MAX_LOGGED]
            self._effects.log("warning", "agent not saved", agent=agent, session=session.id, error=why)
        self._go_on(session)
        return True

    @property
    def unsaved(self) -> int:
        """Agents of sessions that can answer which are not saved yet."""
        sessions = self._sessions.by_id.values()
        return sum(len(session.saving) + len(session.to_save) for session in sessions if not session.paused)

    def _go_on(self, session: Session) -> None:
        while session.to_save and len(session.saving) < MAX_ASKED:
            agent, epoch = session.to_save.popleft()
            if session.agents.get(agent) == epoch:
                message_id = self._sessions.new_id()
                session.saving[message_id] = agent
                self._sessions.push(session, Message(SaveRequest(agent, epoch), id=message_id))
