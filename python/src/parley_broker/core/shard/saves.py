"""Saves: an agent's state outside of an Ack or Reply (STA-3)."""

from __future__ import annotations

from parley_broker.core.effects import NO_COMMIT, Answer
from parley_broker.core.messages import Body, Done, Save, error_of, make_error
from parley_broker.core.shard.desk import Desk
from parley_broker.core.shard.ledger import Ledger
from parley_broker.core.shard.places import Place
from parley_broker.core.shard.states import States
from parley_broker.errors import CommandError, Reason

MAX_EARLY = 100
"""Saves of one agent that may wait for its version to be read."""


class Saves:
    """Carries Saves out.

    A worker that claims an agent may send again what it had no answer to, before the version of the agent's state was
    read: such Saves wait (SES-14, SES-15).
    """

    def __init__(self, desk: Desk, ledger: Ledger, states: States) -> None:
        self._desk = desk
        self._ledger = ledger
        self._states = states
        self._early: dict[Place, list[tuple[str, int, Save]]] = {}

    def save(self, session: str, re: int, save: Save) -> None:
        """Stores the state and answers.

        Raises:
            CommandError: INVALID_ARGUMENT, PAYLOAD_TOO_LARGE, PERMISSION_DENIED, STALE_EPOCH, STATE_CONFLICT, or
                RESOURCE_EXHAUSTED: too many wait already.
        """
        if save.state is None:
            raise CommandError(Reason.INVALID_ARGUMENT, "a save has a state", field="state")
        self._states.check_state(save.state)
        place, kept = self._states.holder(session, save.agent, save.epoch)
        if kept.version is None:
            early = self._early.setdefault(place, [])
            if len(early) >= MAX_EARLY:
                raise CommandError(
                    Reason.RESOURCE_EXHAUSTED, f"{MAX_EARLY} saves of {save.agent} wait already", limit=MAX_EARLY
                )
            early.append((session, re, save))
            return
        if self._states.is_repeat(kept, save.expected_version):
            commit = self._ledger.waits_for(self._states.committed_with(kept, save.expected_version))
        else:
            self._states.check_version(save.agent, kept, save.expected_version)
            self._states.write(save.agent, save.epoch, kept, save.state)
            commit = self._ledger.commit
        self._desk.out.append(Answer(session, re, Done(), commit))

    def flush(self, place: Place) -> None:
        """The version of the place was read, or the place is over: what waited for it is carried out."""
        for session, re, save in self._early.pop(place, ()):
            try:
                self.save(session, re, save)
            except CommandError as failure:
                self._answer(session, re, error_of(failure))

    def abandon(self, why: str) -> None:
        """Nothing more is read: what waits is refused with UNAVAILABLE."""
        for early in self._early.values():
            for session, re, _ in early:
                self._answer(session, re, make_error(Reason.UNAVAILABLE, f"nothing was stored: {why}"))
        self._early.clear()

    def _answer(self, session: str, re: int, body: Body) -> None:
        self._desk.out.append(Answer(session, re, body, NO_COMMIT))
