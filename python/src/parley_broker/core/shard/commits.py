"""What an Ack or a Reply commits: settlement or result, state and published events, all or nothing (STA-4).

Everything is checked first; then the records are written one after the other, so that they share a commit of the store.
Events for other shards would leave from between the two: a broker with one shard stores them itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from parley_broker.core.effects import NO_COMMIT, Answer, Concluded, Effects
from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.messages import Ack, Commit, Done, Publish, Reply, error_of
from parley_broker.core.orders import Outcome
from parley_broker.core.shard.calls import Calls
from parley_broker.core.shard.catalogue import Catalogue
from parley_broker.core.shard.deliveries import Deliveries
from parley_broker.core.shard.desk import Desk
from parley_broker.core.shard.event_ids import EventIds
from parley_broker.core.shard.ledger import Ledger
from parley_broker.core.shard.places import Kept
from parley_broker.core.shard.publishing import Planned, Publishing
from parley_broker.core.shard.replies import Replies
from parley_broker.core.shard.states import States
from parley_broker.errors import CommandError, Reason


class Commits:
    """Carries commits out.

    Args:
        desk: Takes the answers.
        ledger: Takes the records.
        effects: Takes log lines.
        states: Checks and makes the writes.
        catalogue: Who wants the published events.
        publishing: Stores them.
        deliveries: Settles.
        calls: The calls that end with a result.
        replies: Keeps the results of calls that have a key.
        event_ids: Knows which events were published already.
        conflict: Is told of the agent and the epoch of a commit that replaces another version than the last.
    """

    def __init__(
        self,
        desk: Desk,
        ledger: Ledger,
        effects: Effects,
        states: States,
        catalogue: Catalogue,
        publishing: Publishing,
        deliveries: Deliveries,
        calls: Calls,
        replies: Replies,
        event_ids: EventIds,
        conflict: Callable[[AgentId, int, float], None],
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._effects = effects
        self._states = states
        self._catalogue = catalogue
        self._publishing = publishing
        self._deliveries = deliveries
        self._calls = calls
        self._replies = replies
        self._event_ids = event_ids
        self._conflict = conflict

    def ack(self, session: str, re: int, ack: Ack, now: float) -> None:
        """The recipient is done with the event, and commits this with it.

        Raises:
            CommandError: It is refused, which counts as a Nack if the delivery is in flight.
        """
        commit = ack.commit
        assert commit is not None
        try:
            self._deliveries.find(session, ack)
        except CommandError:
            if self._is_repeat(session, commit):
                self._done(session, re, commit)
                return
            raise
        try:
            if (commit.agent, commit.epoch) != (ack.recipient, ack.epoch):
                raise CommandError(
                    Reason.INVALID_ARGUMENT,
                    f"the ack of {ack.recipient} under epoch {ack.epoch} commits for {commit.agent}"
                    f" under {commit.epoch}",
                    field="commit.agent",
                )
            kept, plan = self._check(session, commit, now)
        except CommandError as failure:
            self._deliveries.refuse(session, ack, error_of(failure), now)
            self._after_refusal(commit, failure, now)
            raise
        self._write(commit, kept, plan, now)
        self._deliveries.ack(session, re, ack, now)

    def reply(self, session: str, re: int, outcome: Outcome, now: float) -> None:
        """The call has this result, which commits something or is kept for the call's key.

        Raises:
            CommandError: What it commits is refused.
        """
        reply = outcome.reply
        commit = reply.commit
        if commit is not None:
            if not outcome.call and self._is_repeat(session, commit):
                self._done(session, re, commit)
                return
            try:
                kept, plan = self._check(session, commit, now)
            except CommandError as failure:
                self._after_refusal(commit, failure, now)
                raise
            self._write(commit, kept, plan, now)
            self._desk.out.append(Answer(session, re, Done(), self._ledger.commit))
        if outcome.call:
            result = Reply(reply.envelope, reply.trace)
            self._replies.store(outcome.call, result, now)
            self._calls.finish(outcome.call)
            self._desk.out.append(Concluded(outcome.call, result, self._ledger.commit))

    def _is_repeat(self, session: str, commit: Commit) -> bool:
        try:
            _, kept = self._states.holder(session, commit.agent, commit.epoch)
        except CommandError:
            return False
        return self._states.is_repeat(kept, commit.expected_version)

    def _done(self, session: str, re: int, commit: Commit) -> None:
        """The commit is repeated: it is Done when the first one is durable (STA-3)."""
        _, kept = self._states.holder(session, commit.agent, commit.epoch)
        number = self._states.committed_with(kept, commit.expected_version)
        self._desk.out.append(Answer(session, re, Done(), self._ledger.waits_for(number)))

    def _check(self, session: str, commit: Commit, now: float) -> tuple[Kept, list[Planned]]:
        """Raises CommandError unless all of it may be stored."""
        _, kept = self._states.holder(session, commit.agent, commit.epoch)
        if commit.state is not None:
            self._states.check_state(commit.state)
        self._states.check_version(commit.agent, kept, commit.expected_version)
        plan = self._publishing.plan(
            (publish, self._catalogue.match(publish.topic.type)) for publish in self._fresh(commit, now)
        )
        return kept, plan

    def _fresh(self, commit: Commit, now: float) -> list[Publish]:
        """The events as the agent's own, without those whose ids were seen before (PUB-5)."""
        fresh: list[Publish] = []
        ids: set[tuple[TopicId, str]] = set()
        for publish in commit.publishes:
            own = publish if publish.sender is not None else replace(publish, sender=commit.agent)
            name = (own.topic, own.event_id)
            if own.event_id and (name in ids or self._event_ids.commit_of(own, now) is not None):
                continue
            ids.add(name)
            fresh.append(own)
        return fresh

    def _write(self, commit: Commit, kept: Kept, plan: list[Planned], now: float) -> None:
        self._states.write(commit.agent, commit.epoch, kept, commit.state)
        for planned in plan:
            if planned.publish.ephemeral:
                self._publishing.hand_on(planned.publish, planned.agents, self._ledger.commit)
            else:
                self._publishing.store(planned, now)
            stored = planned.agents and not planned.publish.ephemeral
            self._event_ids.see(planned.publish, self._ledger.commit if stored else NO_COMMIT, now)

    def _after_refusal(self, commit: Commit, failure: CommandError, now: float) -> None:
        self._effects.log(
            "warning", "commit refused", agent=commit.agent, reason=failure.reason.name, error=failure.message
        )
        if failure.reason is Reason.STATE_CONFLICT:
            self._conflict(commit.agent, commit.epoch, now)
