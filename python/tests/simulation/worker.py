"""A client that hosts agents as SPEC.md asks of a worker: order, rounds, state, commits, claims."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field

from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.messages import (
    Ack,
    Activate,
    AgentMode,
    Body,
    Cancel,
    Claim,
    ClaimResult,
    Commit,
    Deactivate,
    Delivery,
    Done,
    Drain,
    Error,
    Message,
    Nack,
    Publish,
    Published,
    RegisterAgentType,
    Reply,
    Request,
    State,
    Subscribe,
    Subscription,
    SubscriptionKey,
    TopicMatch,
    make_error,
)
from parley_broker.errors import Reason

from .broker import SimBroker
from .history import History
from .session import SimSession
from .world import World

KEEPER = "keeper"
"""An effectively-once type: its state is the list of the labels that it took; each one is published on to `out`."""
SINK = "sink"
"""An effectively-once type that takes what keepers publish."""
PLAIN = "plain"
"""A standard type without state."""
IN, OUT, PLAIN_IN = "in", "out", "plain-in"
HANDLING = (0.0, 0.01)


@dataclass(eq=False)
class Work:
    """A call or a delivery in hand."""

    message: Message
    result: Body | None = None
    settled_as: int = 0
    """The id of the Ack, Nack or Reply that awaits its answer."""

    @property
    def delivery(self) -> Delivery | None:
        """The delivery, if it is one."""
        body = self.message.body
        return body if isinstance(body, Delivery) else None

    @property
    def text(self) -> str:
        """What it says."""
        body = self.message.body
        assert isinstance(body, Delivery | Request)
        return body.envelope.decode()


@dataclass(eq=False)
class Agent:
    """An agent in this process."""

    id: AgentId
    epoch: int
    version: int = 0
    committed: list[str] = field(default_factory=list)
    queue: deque[Work] = field(default_factory=deque)
    running: Work | None = None
    in_hand: dict[int, Work] = field(default_factory=dict)
    """Deliveries by position."""
    round: int = 0
    last: tuple[int, int] = (0, 0)
    """Round and position of the last delivery in this session."""
    deactivate: int = 0
    """The Deactivate that waits for its answer."""

    @property
    def once(self) -> bool:
        """Whether it is effectively-once."""
        return self.id.type != PLAIN


class Worker(SimSession):
    """Hosts all three types."""

    def __init__(self, world: World, broker: SimBroker, name: str, history: History) -> None:
        self.history = history
        self.agents: dict[AgentId, Agent] = {}
        self._answers: dict[int, tuple[Agent, Work]] = {}
        self._claim = self._drain = 0
        self._claimed: dict[AgentId, int] = {}
        super().__init__(world, broker, name)

    def session_began(self) -> None:
        """As SimSession.session_began (SES-14)."""
        for agent in self.agents.values():
            agent.last = (0, 0)
        for agent_type in (KEEPER, SINK):
            register = RegisterAgentType(agent_type, AgentMode.EFFECTIVELY_ONCE, keeps_state=True)
            self.say(register, id=self.next_id())
        self.say(RegisterAgentType(PLAIN), id=self.next_id())
        for topic, agent_type in ((IN, KEEPER), (OUT, SINK), (PLAIN_IN, PLAIN)):
            key = SubscriptionKey(topic, TopicMatch.EXACT, agent_type)
            self.say(Subscribe(Subscription(key)), id=self.next_id())
        if self.agents:
            self._claim = self.next_id()
            self._claimed = {agent.id: agent.epoch for agent in self.agents.values()}
            self.say(Claim(tuple(self._claimed.items())), id=self._claim)

    @property
    def claims_to_come(self) -> int:
        """As SimSession.claims_to_come: all but those that are effectively-once."""
        return sum(not agent.once for agent in self.agents.values())

    def session_ended(self) -> None:
        """What is effectively-once is made anew from what it committed; what awaited an answer is settled anew."""
        self._answers.clear()
        self.agents = {id: agent for id, agent in self.agents.items() if not agent.once}
        for agent in self.agents.values():
            # The calls among it have their outcome; a handler that runs goes on and answers to nobody.
            # Events that have not started are delivered again.
            for work in agent.queue:
                if work.delivery:
                    del agent.in_hand[work.delivery.position]
            agent.queue.clear()
            agent.deactivate = agent.round = 0
            for work in agent.in_hand.values():
                work.settled_as = 0

    def drain(self) -> None:
        """It is told to stop: it gives its agents back, and leaves when nothing is in hand (DRN-2)."""
        if self.session and not self._drain:
            self.world.tell(f"{self.name} drains")
            self._drain = self.next_id()
            self.say(Drain(timeout_ms=25_000), id=self._drain)

    def take(self, message: Message) -> None:
        """Takes what the broker dispatches, and its answers."""
        body = message.body
        if isinstance(body, Done) and message.re == self._drain:
            self.leave()
        elif isinstance(body, Activate):
            self._activate(message, body)
        elif isinstance(body, Deactivate):
            agent = self.agents.get(body.agent)
            if agent is None or agent.epoch != body.epoch:
                self.say(Done(), re=message.id)
            else:
                agent.deactivate = message.id
                self._next(agent)
        elif isinstance(body, Request):
            agent = self.agents.get(body.target)
            if agent is None or agent.epoch != body.epoch:
                why = make_error(Reason.ACTIVATION_FAILED, "not here", {"agent": str(body.target)})
                self.say(why, re=message.id)
            else:
                agent.queue.append(Work(message))
                self._next(agent)
        elif isinstance(body, Delivery):
            self._deliver(message, body)
        elif isinstance(body, ClaimResult) and message.re == self._claim:
            self.history.refused_claims += [(self.name, refused) for refused in body.refused]
            for agent in [self.agents.get(refused) for refused in body.refused]:
                # It may have been activated anew since.
                if agent is not None and agent.epoch == self._claimed.get(agent.id):
                    del self.agents[agent.id]
        elif isinstance(body, Done | Error | Published):
            self._answered(message.re, body)
        else:
            assert isinstance(body, Cancel | Drain), body

    def _activate(self, message: Message, activate: Activate) -> None:
        state = activate.state
        known = self.agents.get(activate.agent)
        assert known is None or known.epoch < activate.epoch, f"{activate.agent} is activated twice with {known.epoch}"
        agent = Agent(activate.agent, activate.epoch)
        if state is not None:
            agent.version, agent.committed = state.version, json.loads(state.data)
        self.agents[agent.id] = agent
        assert activate.epoch not in self.history.activations[agent.id], f"{agent.id} has epoch {activate.epoch} twice"
        self.history.activations[agent.id].add(activate.epoch)
        self.say(Done(), re=message.id)

    def _deliver(self, message: Message, delivery: Delivery) -> None:
        self.world.tell(
            f"{self.name} gets {delivery.envelope.decode()} for {delivery.recipient}: position {delivery.position},"
            f" round {delivery.round}, attempt {delivery.attempt}, epoch {delivery.epoch}"
        )
        agent = self.agents.get(delivery.recipient)
        if agent is None or agent.epoch != delivery.epoch:
            return
        place = delivery.round, delivery.position
        assert place > agent.last, f"{agent.id}: {place} came after {agent.last} (DLV-3)"
        agent.last = place
        if delivery.round < agent.round:
            return
        agent.round = delivery.round
        # A position below one that is delivered, in hand no more than by its result, is settled (DLV-4).
        for position in [
            p for p, w in agent.in_hand.items() if p < delivery.position and w.result and not w.settled_as
        ]:
            del agent.in_hand[position]
        known = agent.in_hand.get(delivery.position)
        if known is None:
            work = agent.in_hand[delivery.position] = Work(message)
            agent.queue.append(work)
            self._next(agent)
            return
        known.message = message
        if known.result is not None:
            self._settle(agent, known)

    def _next(self, agent: Agent) -> None:
        if agent.running is not None or self.agents.get(agent.id) is not agent:
            return
        if agent.queue:
            agent.running = agent.queue.popleft()
            self.world.after(self.world.between(*HANDLING), self._handled, agent, agent.running)
        elif agent.deactivate:
            self.say(Done(), re=agent.deactivate)
            del self.agents[agent.id]

    def _handled(self, agent: Agent, work: Work) -> None:
        if self.dead or self.agents.get(agent.id) is not agent:
            return
        if self.frozen:
            self.world.after(0.01, self._handled, agent, work)
            return
        label, _, order = work.text.partition("!")
        body = work.message.body
        attempt = body.attempt if isinstance(body, Delivery | Request) else 1
        if order == "poison" or (order.startswith("fail") and attempt <= int(order[4:])):
            work.result = make_error(Reason.HANDLER_FAILED, "as told")
        elif agent.once:
            publishes: tuple[Publish, ...] = ()
            if agent.id.type == KEEPER:
                out = f"{agent.id.key}/{label}".encode()
                publishes = (Publish(TopicId(OUT, "all"), out, agent.id, agent.epoch),)
            state = State(json.dumps([*agent.committed, label]).encode(), "application/json")
            work.result = Commit(agent.id, agent.epoch, agent.version, state, publishes)
        else:
            self.history.handled[agent.id].append(label)
            work.result = Done()
        self.world.tell(f"{self.name} has handled {work.text} for {agent.id}: {type(work.result).__name__}")
        self._settle(agent, work)
        if not (agent.once and work.settled_as):
            agent.running = None
            self._next(agent)

    def _settle(self, agent: Agent, work: Work) -> None:
        """Says what came of it: with an id whenever the broker answers."""
        result, delivery = work.result, work.delivery
        commit = result if isinstance(result, Commit) else None
        if delivery is None:
            if isinstance(result, Error):
                self.say(result, re=work.message.id)
                return
            id = self.next_id() if commit else 0
            self._expect(id, agent, work)
            self.say(Reply(work.text.split("!")[0].encode(), commit=commit), id=id, re=work.message.id)
            return
        place = delivery.recipient, delivery.epoch, delivery.position, delivery.round
        if isinstance(result, Error):
            self._new_round(agent, delivery)
        id = self.next_id()
        self._expect(id, agent, work)
        self.say(Nack(*place, result) if isinstance(result, Error) else Ack(*place, commit=commit), id=id)

    def _new_round(self, agent: Agent, failed: Delivery) -> None:
        """What came behind the failed event and has not started is dropped: it comes again (DLV-4)."""
        agent.round = max(agent.round, failed.round + 1)
        for work in list(agent.queue):
            if work.delivery and work.delivery.position > failed.position:
                agent.queue.remove(work)
                del agent.in_hand[work.delivery.position]

    def _expect(self, id: int, agent: Agent, work: Work) -> None:
        work.settled_as = id
        if id:
            self._answers[id] = (agent, work)

    def _answered(self, id: int, body: Body) -> None:
        agent, work = self._answers.pop(id, (None, None))
        if agent is None or work is None or work.settled_as != id or self.agents.get(agent.id) is not agent:
            return
        delivery = work.delivery
        if delivery is not None:
            agent.in_hand.pop(delivery.position, None)
        commit = work.result
        if agent.once:
            if isinstance(body, Done) and isinstance(commit, Commit) and commit.state is not None:
                agent.version += 1
                agent.committed = json.loads(commit.state.data)
                self.history.committed[agent.id].append((agent.epoch, agent.version, len(agent.committed)))
            elif isinstance(body, Error) and body.reason in (Reason.STALE_EPOCH, Reason.STATE_CONFLICT):
                del self.agents[agent.id]
                return
            if agent.running is work:
                agent.running = None
                self._next(agent)
