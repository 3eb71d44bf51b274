"""Random histories of the core: whatever clients do, in whatever order, the promises hold."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from parley_broker.core.ids import TopicId
from parley_broker.core.messages import (
    Ack,
    AgentMode,
    Body,
    Cancel,
    DeadLetterFilter,
    Delivery,
    Drain,
    Error,
    Nack,
    Publish,
    Published,
    Reply,
    Request,
    UnregisterAgentType,
    make_error,
)
from parley_broker.core.policy import Policy
from parley_broker.errors import Reason

from .harness import Client, Core, request

TYPES = ("a", "b", "stateless")
KEYS = ("1", "2", "3")
POLICY = Policy(heartbeat_interval=1, suspect_limit=5, host_grace=2, window_events=2, max_queue_events=8)
clients = st.integers(0, 4)
agents = st.tuples(st.sampled_from(TYPES), st.sampled_from(KEYS))


class Party:
    """A client with what it owes and is owed."""

    def __init__(self, core: Core, credit: int) -> None:
        self.client: Client = core.client(credit=credit)
        self.client.frame_credit(credit, 1 << 40)
        self.credit = credit
        self.covered = 0
        self.calls: dict[int, bytes] = {}
        self.publishes: dict[int, bytes] = {}
        self.working: dict[int, Request] = {}
        self.flying: list[Delivery] = []
        self.hosted: set[str] = set()


class Histories(RuleBasedStateMachine):
    """Five clients, three agent types, three keys; commits come late or fail."""

    @initialize()
    def begin(self) -> None:
        self.core = Core(POLICY)
        self.parties = [Party(self.core, credit=3) for _ in range(5)]
        self.number = 0
        self.ended: set[bytes] = set()
        self.begun: set[bytes] = set()
        self.last_position: dict[tuple[object, int], int] = {}
        self.delivered: set[tuple[object, int, int]] = set()
        self.epochs: dict[object, int] = {}

    def fresh(self) -> bytes:
        self.number += 1
        return b"%d" % self.number

    def listen(self) -> None:
        """Every client reads, and checks what it is told."""
        for party in self.parties:
            for message in party.client.read():
                self.hear(party, message.id, message.re, message.body)
            party.client.inbox.clear()

    def hear(self, party: Party, message_id: int, re: int, body: Body) -> None:
        if isinstance(body, Request):
            assert message_id not in party.working, "the broker's ids are unique"
            assert body.target.type in party.hosted, "work goes to hosts only"
            assert body.deadline is not None
            assert body.deadline > self.core.now, "work whose time is up is never dispatched"
            party.working[message_id] = body
            self.cover(party)
            self.check_epoch(body.target, body.epoch)
        elif isinstance(body, Delivery):
            assert body.recipient.type in party.hosted
            self.cover(party)
            self.check_epoch(body.recipient, body.epoch)
            if not body.position:
                return
            party.flying.append(body)
            one = (body.recipient, body.round, body.position)
            assert one not in self.delivered, "each once"
            self.delivered.add(one)
            if body.epoch:
                order = (body.recipient, body.round)
                assert body.position > self.last_position.get(order, 0), "in order, but for stateless agents"
                self.last_position[order] = body.position
        elif re in party.calls:
            asked = party.calls.pop(re)
            assert asked not in self.ended, "one outcome"
            self.ended.add(asked)
            if isinstance(body, Reply):
                assert body.envelope == asked, "each caller gets its own reply"
            else:
                assert isinstance(body, Error)
        elif re in party.publishes:
            del party.publishes[re]
            assert isinstance(body, Published | Error)

    def check_epoch(self, agent: object, epoch: int) -> None:
        assert epoch == 0 or epoch >= self.epochs.get(agent, 0), "epochs only grow"
        self.epochs[agent] = epoch

    def cover(self, party: Party) -> None:
        party.covered += 1
        assert party.covered <= party.credit, "the broker keeps to the credit"

    @rule(who=clients, agent_type=st.sampled_from(TYPES))
    def host(self, who: int, agent_type: str) -> None:
        party = self.parties[who]
        party.hosted.add(agent_type)
        party.client.command_host(agent_type, AgentMode.STATELESS if agent_type == "stateless" else AgentMode.STANDARD)
        self.listen()

    @rule(who=clients, agent_type=st.sampled_from(TYPES))
    def unhost(self, who: int, agent_type: str) -> None:
        party = self.parties[who]
        self.listen()
        party.client.command(UnregisterAgentType(agent_type))
        party.hosted.discard(agent_type)
        party.working = {n: r for n, r in party.working.items() if r.target.type != agent_type}
        self.listen()

    @rule(who=clients, agent_type=st.sampled_from(TYPES), durable=st.booleans())
    def subscribe(self, who: int, agent_type: str, durable: bool) -> None:
        self.parties[who].client.command_subscribe("t", agent_type, durable)
        self.listen()

    @rule(who=clients, agent=agents, patient=st.booleans(), seconds=st.sampled_from([0.5, 3.0, 30.0]))
    def call(self, who: int, agent: tuple[str, str], patient: bool, seconds: float) -> None:
        party = self.parties[who]
        name = self.fresh()
        self.begun.add(name)
        asked = request("/".join(agent), name, wait_for_ready=patient, deadline=self.core.now + seconds)
        party.calls[party.client.next_id + 1] = name
        party.client.command(asked)
        self.listen()

    @rule(who=clients, pick=st.randoms(use_true_random=False))
    def cancel(self, who: int, pick: object) -> None:
        party = self.parties[who]
        if party.calls:
            party.client.say(Cancel(pick.choice(sorted(party.calls))))  # type: ignore[attr-defined]
            self.listen()

    @rule(who=clients, pick=st.randoms(use_true_random=False), fails=st.booleans())
    def reply(self, who: int, pick: object, fails: bool) -> None:
        party = self.parties[who]
        if party.working:
            number = pick.choice(sorted(party.working))  # type: ignore[attr-defined]
            asked = party.working.pop(number)
            outcome = make_error(Reason.HANDLER_FAILED, "no") if fails else Reply(asked.envelope)
            party.client.say(outcome, re=number)
            self.listen()

    @rule(who=clients, key=st.sampled_from(KEYS), ephemeral=st.booleans())
    def publish(self, who: int, key: str, ephemeral: bool) -> None:
        party = self.parties[who]
        name = self.fresh()
        party.publishes[party.client.next_id + 1] = name
        party.client.command(Publish(TopicId("t", key), name, ephemeral=ephemeral))
        self.listen()

    @rule(who=clients, fails=st.booleans())
    def settle(self, who: int, fails: bool) -> None:
        party = self.parties[who]
        if party.flying:
            d = party.flying.pop(0)
            how = (d.recipient, d.epoch, d.position, d.round)
            party.client.command(Nack(*how, make_error(Reason.HANDLER_FAILED, "no")) if fails else Ack(*how))
            self.listen()

    @rule(who=clients, more=st.integers(1, 5))
    def give_credit(self, who: int, more: int) -> None:
        party = self.parties[who]
        party.credit += more
        party.client.frame_credit(party.credit, 1 << 40)
        self.listen()

    @rule(who=clients)
    def drain(self, who: int) -> None:
        self.parties[who].client.command(Drain())
        self.listen()

    @rule(who=clients)
    def lose(self, who: int) -> None:
        self.listen()
        self.core.disconnect(self.parties[who].client)
        self.ended.update(self.parties[who].calls.values())
        self.parties[who] = Party(self.core, credit=3)
        self.listen()

    @rule(seconds=st.sampled_from([0.1, 1.0, 4.0]))
    def wait(self, seconds: float) -> None:
        for party in self.parties:
            party.client.frame()
        self.core.advance(seconds)
        self.listen()

    @rule()
    def hold_commits(self) -> None:
        self.core.hold = True

    @rule()
    def begin_commit(self) -> None:
        self.core.hold = True
        self.core.begin_commit()

    @rule()
    def end_commit(self) -> None:
        self.core.end_commit()
        self.listen()

    @rule(fails=st.booleans())
    def finish_commits(self, fails: bool) -> None:
        self.core.hold = False
        self.listen()
        if fails:
            self.core.fail_commit()
        else:
            self.core.settle()
        self.listen()

    @invariant()
    def nobody_was_cut(self) -> None:
        for party in getattr(self, "parties", []):
            assert party.client.closed is None, party.client.closed

    @invariant()
    def the_tables_hold_what_is_owed(self) -> None:
        if hasattr(self, "core"):
            assert self.core.tables["calls"] == sum(len(party.calls) for party in self.parties)

    def teardown(self) -> None:
        if not hasattr(self, "core"):
            return
        self.core.hold = False
        self.core.settle()
        self.listen()
        for _ in range(40):
            for party in self.parties:
                party.client.frame()
            self.core.advance(1)
        self.listen()
        assert self.begun == self.ended, "every call ended"
        assert all(not party.publishes for party in self.parties), "every publish was answered"
        for party in self.parties:
            self.core.disconnect(party.client)
        self.core.advance(POLICY.host_grace + 1)
        tables = self.core.tables
        stored = ("events", "recipients", "subscriptions", "dead_letters")
        assert {name: n for name, n in tables.items() if n and name not in stored} == {}, "the rest is stored"
        self.core.machine.replay_dead_letters(1, DeadLetterFilter(), self.core.now)
        self.core.settle()
        last = self.core.client()
        for agent_type in TYPES:
            last.host(agent_type, AgentMode.STATELESS if agent_type == "stateless" else AgentMode.STANDARD)
        while flying := last.take(Delivery):
            for _, delivery in flying:
                last.ack(delivery)
        assert self.core.tables["events"] == self.core.tables["recipients"] == 0, "a healthy worker gets all there is"


def test_histories() -> None:
    how = settings(max_examples=60, stateful_step_count=40, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Histories, settings=how)
