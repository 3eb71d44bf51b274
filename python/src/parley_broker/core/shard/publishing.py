"""Events on their way in: checked, stored, put into their recipients' queues."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from parley_broker.core.effects import NO_COMMIT, Answer, Effects
from parley_broker.core.ids import AgentId
from parley_broker.core.messages import Error, Publish, Published, make_error
from parley_broker.core.policy import Policy
from parley_broker.core.records import Event, EventStored
from parley_broker.core.shard.dead_letters import DeadLetters
from parley_broker.core.shard.deliveries import Deliveries
from parley_broker.core.shard.desk import Desk
from parley_broker.core.shard.ephemeral import Ephemeral
from parley_broker.core.shard.ledger import Ledger
from parley_broker.errors import CommandError, Reason


@dataclass(slots=True)
class Planned:
    """An event that may be stored: for whom, and whose full queues make it a dead letter instead (PUB-9)."""

    publish: Publish
    agents: list[AgentId]
    overfull: dict[AgentId, Error]


@dataclass(slots=True)
class _Ahead:
    """What the events planned so far will take up."""

    events: int = 0
    bytes: int = 0
    of: dict[AgentId, tuple[int, int]] = field(default_factory=dict)

    def add(self, agents: list[AgentId], size: int) -> None:
        """One more event for these agents."""
        self.events += len(agents)
        self.bytes += len(agents) * size
        for agent in agents:
            events, total = self.of.get(agent, (0, 0))
            self.of[agent] = events + 1, total + size


class Publishing:
    """Takes events.

    Args:
        desk: Knows who hosts what, and takes the answers.
        effects: Takes log lines.
        ledger: Takes the records.
        policy: The limits.
        deliveries: Delivers what is stored.
        ephemeral: Hands on what is not.
        dead_letters: Takes what nobody is there for and no queue holds.
    """

    def __init__(
        self,
        desk: Desk,
        effects: Effects,
        ledger: Ledger,
        policy: Policy,
        deliveries: Deliveries,
        ephemeral: Ephemeral,
        dead_letters: DeadLetters,
    ) -> None:
        self._desk = desk
        self._effects = effects
        self._ledger = ledger
        self._policy = policy
        self._deliveries = deliveries
        self._ephemeral = ephemeral
        self._dead_letters = dead_letters

    def publish(self, session: str, re: int, publish: Publish, agent_types: list[str], now: float) -> int:
        """Stores the event for the agents of these types and answers (PUB-1), or hands an ephemeral one on (PUB-7).

        Returns:
            The commit that stores it, or NO_COMMIT.

        Raises:
            CommandError: RESOURCE_EXHAUSTED: nothing is stored for anybody (PUB-9, FLOW-5).
        """
        (planned,) = self.plan([(publish, agent_types)])
        if publish.ephemeral:
            count = self._ephemeral.publish(publish, planned.agents, NO_COMMIT)
            self._desk.out.append(Answer(session, re, Published(count), NO_COMMIT))
        else:
            count = len(planned.agents)
            self._desk.out.append(Answer(session, re, Published(count), self._ledger.commit if count else NO_COMMIT))
            self.store(planned, now)
            if count:
                return self._ledger.commit
        return NO_COMMIT

    def plan(self, publishes: Iterable[tuple[Publish, list[str]]]) -> list[Planned]:
        """These events, each with the agent types that want it, may all be stored.

        Raises:
            CommandError: RESOURCE_EXHAUSTED: one of them may not (PUB-9, FLOW-5).
        """
        ahead = _Ahead()
        plan: list[Planned] = []
        for publish, agent_types in publishes:
            topic, limit = publish.topic, self._policy.max_recipients
            agents = [agent for kind in agent_types if (agent := AgentId(kind, topic.source)) != publish.sender]
            if len(agents) > limit:
                raise CommandError(
                    Reason.RESOURCE_EXHAUSTED,
                    f"topic {topic} has {len(agents)} recipients; an event may have {limit}",
                    limit=limit,
                )
            overfull: dict[AgentId, Error] = {}
            if agents and not publish.ephemeral:
                overfull = self._check_room(agents, len(publish.envelope), ahead)
                ahead.add(agents, len(publish.envelope))
            plan.append(Planned(publish, agents, overfull))
        return plan

    def store(self, planned: Planned, now: float) -> None:
        """Stores the event for its recipients, if it has any."""
        if planned.agents:
            self._store(planned.publish, planned.agents, planned.overfull, now)

    def hand_on(self, publish: Publish, agents: list[AgentId], commit: int) -> None:
        """Hands an ephemeral event on once the commit is durable; to nobody when too many wait already (PUB-7)."""
        try:
            self._ephemeral.publish(publish, agents, commit)
        except CommandError as failure:
            self._effects.log("warning", "ephemeral event dropped", topic=publish.topic, error=failure.message)

    def _store(self, publish: Publish, agents: list[AgentId], overfull: dict[AgentId, Error], now: float) -> None:
        event = Event(
            self._deliveries.next_position(),
            publish.topic,
            publish.envelope,
            publish.sender,
            publish.event_id,
            publish.trace,
        )
        commit = self._ledger.write(EventStored(event, tuple(agents)))
        for agent in agents:
            if agent in overfull:
                self._dead_letters.add(agent, event, 0, overfull[agent], now)
            else:
                self._deliveries.enqueue(agent, event, commit, now)

    def _check_room(self, agents: list[AgentId], size: int, ahead: _Ahead) -> dict[AgentId, Error]:
        """The agents whose queues are full, and that nobody hosts: the event is a dead letter of theirs (PUB-9).

        Raises:
            CommandError: RESOURCE_EXHAUSTED: a queue is full and its agent is hosted, or too much is stored in all.
        """
        waiting, policy = self._deliveries.recipients, self._policy
        copies = len(agents)
        events, total = waiting.events + ahead.events, waiting.bytes + ahead.bytes
        too_many = events + copies > policy.max_stored_events
        if too_many or total + copies * size > policy.max_stored_bytes:
            raise CommandError(
                Reason.RESOURCE_EXHAUSTED,
                f"{events} events with {total} bytes wait in all;"
                f" the limits are {policy.max_stored_events} events and {policy.max_stored_bytes} bytes",
                limit=policy.max_stored_events if too_many else policy.max_stored_bytes,
            )
        overfull: dict[AgentId, Error] = {}
        for agent in agents:
            before = ahead.of.get(agent, (0, 0))
            limit = self._deliveries.limit_reached(agent, size, before)
            if limit is None:
                continue
            recipient = waiting.get(agent)
            events, total = before if recipient is None else (recipient.events + before[0], recipient.bytes + before[1])
            what = (
                f"{events} events with {total} bytes wait for {agent};"
                f" its queue holds {policy.max_queue_events} events and {policy.max_queue_bytes} bytes"
            )
            if self._desk.hosts.hosts_type(agent.type):
                raise CommandError(Reason.RESOURCE_EXHAUSTED, what, agent=agent, limit=limit)
            details = {"agent": str(agent), "limit": str(limit)}
            overfull[agent] = make_error(Reason.RESOURCE_EXHAUSTED, f"{what}, and no session hosts its type", details)
        return overfull
