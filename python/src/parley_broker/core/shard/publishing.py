"""Events on their way in: checked, stored, put into their recipients' queues."""

from __future__ import annotations

from parley_broker.core.effects import NO_COMMIT, Answer
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


class Publishing:
    """Takes events.

    Args:
        desk: Knows who hosts what, and takes the answers.
        ledger: Takes the records.
        policy: The limits.
        deliveries: Delivers what is stored.
        ephemeral: Hands on what is not.
        dead_letters: Takes what nobody is there for and no queue holds.
    """

    def __init__(
        self,
        desk: Desk,
        ledger: Ledger,
        policy: Policy,
        deliveries: Deliveries,
        ephemeral: Ephemeral,
        dead_letters: DeadLetters,
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._policy = policy
        self._deliveries = deliveries
        self._ephemeral = ephemeral
        self._dead_letters = dead_letters

    def publish(self, session: str, re: int, publish: Publish, agent_types: list[str], now: float) -> None:
        """Stores the event for the agents of these types and answers (PUB-1), or hands an ephemeral one on (PUB-7).

        Raises:
            CommandError: RESOURCE_EXHAUSTED: nothing is stored for anybody (PUB-9, FLOW-5).
        """
        source = publish.topic.source
        agents = [agent for agent_type in agent_types if (agent := AgentId(agent_type, source)) != publish.sender]
        if len(agents) > self._policy.max_recipients:
            raise CommandError(
                Reason.RESOURCE_EXHAUSTED,
                f"topic {publish.topic} has {len(agents)} recipients; an event may have {self._policy.max_recipients}",
                limit=self._policy.max_recipients,
            )
        if publish.ephemeral:
            count = self._ephemeral.publish(publish, agents)
            self._desk.out.append(Answer(session, re, Published(count), NO_COMMIT))
        elif not agents:
            self._desk.out.append(Answer(session, re, Published(0), NO_COMMIT))
        else:
            overfull = self._check_room(agents, len(publish.envelope))
            self._desk.out.append(Answer(session, re, Published(len(agents)), self._ledger.commit))
            self._store(publish, agents, overfull, now)

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

    def _check_room(self, agents: list[AgentId], size: int) -> dict[AgentId, Error]:
        """The agents whose queues are full, and that nobody hosts: the event is a dead letter of theirs (PUB-9).

        Raises:
            CommandError: RESOURCE_EXHAUSTED: a queue is full and its agent is hosted, or too much is stored in all.
        """
        waiting, policy = self._deliveries.recipients, self._policy
        copies = len(agents)
        too_many = waiting.events + copies > policy.max_stored_events
        if too_many or waiting.bytes + copies * size > policy.max_stored_bytes:
            raise CommandError(
                Reason.RESOURCE_EXHAUSTED,
                f"{waiting.events} events with {waiting.bytes} bytes wait in all;"
                f" the limits are {policy.max_stored_events} events and {policy.max_stored_bytes} bytes",
                limit=policy.max_stored_events if too_many else policy.max_stored_bytes,
            )
        overfull: dict[AgentId, Error] = {}
        for agent in agents:
            limit = self._deliveries.limit_reached(agent, size)
            if limit is None:
                continue
            recipient = waiting.get(agent)
            assert recipient is not None
            what = (
                f"{recipient.events} events with {recipient.bytes} bytes wait for {agent};"
                f" its queue holds {policy.max_queue_events} events and {policy.max_queue_bytes} bytes"
            )
            if self._desk.hosts.hosts_type(agent.type):
                raise CommandError(Reason.RESOURCE_EXHAUSTED, what, agent=agent, limit=limit)
            details = {"agent": str(agent), "limit": str(limit)}
            overfull[agent] = make_error(Reason.RESOURCE_EXHAUSTED, f"{what}, and no session hosts its type", details)
        return overfull
