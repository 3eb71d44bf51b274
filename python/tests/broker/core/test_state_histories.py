"""Random histories of effectively-once agents: each effect is there once, in the state and in what was published.

Sessions are lost, agents are taken, commits are refused, fail and are repeated, the broker is killed and started again.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.messages import (
    Ack,
    Activate,
    AgentMode,
    Body,
    Cancel,
    Commit,
    Deactivate,
    Delivery,
    Done,
    Drain,
    Error,
    Goodbye,
    Nack,
    Publish,
    Reply,
    Request,
    Save,
    State,
    make_error,
)
from parley_broker.core.policy import Policy
from parley_broker.core.records import Record, StateSaved
from parley_broker.errors import Reason
from parley_broker.store.memory import MemoryStore

from .harness import Client, Core, agent

KEYS = ("1", "2")
POLICY = Policy(
    heartbeat_interval=1000,
    session_grace=0,
    host_grace=2,
    drain_timeout=2,
    redelivery_backoff=0.01,
    max_attempts=1000,
    max_lost_sessions=1000,
    default_call_timeout=5,
)
MALFORMED = TopicId("no spaces", "k")
workers = st.integers(0, 2)


class Ledgered(MemoryStore):
    """A store that remembers every version that was ever committed, and checks that none is left out or made twice."""

    def __init__(self) -> None:
        super().__init__()
        self.owners: dict[AgentId, list[int]] = {}

    def commit(self, records: list[Record], term: int) -> None:  # type: ignore[override]
        for record in records:
            if isinstance(record, StateSaved):
                before = self.read_state(record.agent)
                grown = [r.version for r in records if isinstance(r, StateSaved) and r.agent == record.agent]
                first = 1 + (before.version if before is not None else 0)
                assert grown == list(range(first, first + len(grown))), "one version per commit"
                assert record.data is not None
                epochs = self.owners.setdefault(record.agent, [])
                epochs.append(json.loads(record.data)["epoch"])
                assert epochs == sorted(epochs), "a later epoch commits, never an earlier one again"
        super().commit(records, term)


@dataclass(eq=False)
class Held:
    """An agent as its worker has it: effectively once, one message at a time."""

    epoch: int
    version: int
    effects: list[int]
    todo: list[tuple[int, Request | Delivery]] = field(default_factory=list)
    waits: int = 0
    """The commit that awaits its answer."""
    doing: int = 0
    """Its effect."""
    deactivate: int = 0


class Worker:
    """A worker that keeps the rules (STA-5)."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.client: Client = core.client()
        self.client.host("w", AgentMode.EFFECTIVELY_ONCE, idle_timeout_ms=3000)
        self.held: dict[AgentId, Held] = {}

    def listen(self) -> None:
        """Takes in what it was sent."""
        for message in self.client.read().copy():
            body = message.body
            if isinstance(body, Activate):
                state = {"effects": []} if body.state is None else json.loads(body.state.data)
                version = 0 if body.state is None else body.state.version
                assert version == len(state["effects"])
                self.held[body.agent] = Held(body.epoch, version, state["effects"])
            elif isinstance(body, Request):
                self.held[body.target].todo.append((message.id, body))
            elif isinstance(body, Delivery):
                todo = self.held[body.recipient].todo
                todo[:] = [(n, d) for n, d in todo if not isinstance(d, Delivery) or d.position != body.position]
                todo.append((0, body))
            elif isinstance(body, Deactivate):
                held = self.held.get(body.agent)
                if held is not None and held.epoch == body.epoch:
                    held.deactivate = message.id
                else:
                    self.client.say(Done(), re=message.id)
            elif message.re:
                self.answered(message.re, body)
        self.client.inbox.clear()
        self.give_back()

    def answered(self, number: int, body: Body) -> None:
        for who, held in list(self.held.items()):
            if held.waits == number:
                held.waits = 0
                if isinstance(body, Done):
                    held.effects.append(held.doing)
                    held.version += 1
                elif isinstance(body, Error) and body.reason in (Reason.STALE_EPOCH, Reason.STATE_CONFLICT):
                    del self.held[who]

    def give_back(self) -> None:
        """Gives back the agents that it was asked for and that have nothing to do."""
        for who, held in list(self.held.items()):
            if held.deactivate and not held.todo and not held.waits:
                del self.held[who]
                self.client.say(Done(), re=held.deactivate)

    def work(self, how: str, pick: int) -> None:
        """One of its agents does something, if any has anything to do."""
        ready = sorted(who for who, held in self.held.items() if held.todo and not held.waits)
        if not ready:
            return
        who = ready[pick % len(ready)]
        held = self.held[who]
        number, message = held.todo.pop(0)
        effect = int(message.envelope)
        late = isinstance(message, Request) and message.deadline is not None and message.deadline <= self.core.now
        if how == "raise" or late:
            error = make_error(Reason.HANDLER_FAILED, "no")
            if isinstance(message, Request):
                self.client.say(error, re=number)
            else:
                self.client.command(Nack(*settles(message), error))
            return
        # Whose version is wrong has a state that is wrong, too.
        expected, before = (held.version + 1, []) if how == "conflict" else (held.version, held.effects)
        out = Publish(TopicId("out", who.key), b"%d" % effect, who)
        bad = [Publish(MALFORMED, b"", who)] if how == "refused" else []
        state = State(json.dumps({"effects": [*before, effect], "epoch": held.epoch}).encode())
        commit = Commit(who, held.epoch, expected, state, (out, *bad))
        held.doing = effect
        if isinstance(message, Request):
            self.client.next_id += 1
            held.waits = self.client.next_id
            self.client.say(Reply(b"%d" % effect, commit=commit), held.waits, re=number)
        else:
            held.waits = self.client.next_id + 1
            self.client.command(Ack(*settles(message), commit=commit))

    def repeat(self) -> None:
        """Says again what it has committed: nothing comes of it."""
        for who, held in self.held.items():
            if held.version and not held.waits:
                self.client.command(Save(who, held.epoch, held.version - 1, State(b"never")))


def settles(delivery: Delivery) -> tuple[AgentId, int, int, int]:
    return delivery.recipient, delivery.epoch, delivery.position, delivery.round


class Histories(RuleBasedStateMachine):
    """Three workers, two agents, a caller that asks again with the same key, a publisher, a listener."""

    @initialize()
    def begin(self) -> None:
        self.store = Ledgered()
        self.number = 0
        self.published: set[int] = set()
        self.called: dict[int, str] = {}
        self.replied: set[int] = set()
        self.heard: Counter[int] = Counter()
        self.start(1000.0)
        self.listener.subscribe("in", "w")
        self.listener.subscribe("out", "l")

    def start(self, now: float) -> None:
        self.core = Core(POLICY, self.store, now=now)
        self.workers = [Worker(self.core) for _ in range(3)]
        self.caller, self.listener = self.core.client(), self.core.client()
        self.listener.host("l")
        self.calls: dict[int, int] = {}
        self.publishes: dict[int, int] = {}

    def listen(self) -> None:
        for worker in self.workers:
            worker.listen()
        for message in self.caller.read().copy():
            self.outcome(message.re, message.body)
        self.caller.inbox.clear()
        while deliveries := self.listener.take(Delivery):
            for _, delivery in deliveries:
                acked = self.listener.command(Ack(*settles(delivery)))
                if isinstance(self.listener.answer(acked), Done):
                    self.heard[int(delivery.envelope)] += 1

    def outcome(self, re: int, body: Body) -> None:
        if re in self.publishes:
            number = self.publishes.pop(re)
            if not isinstance(body, Error):
                self.published.add(number)
        elif re in self.calls:
            number = self.calls.pop(re)
            if isinstance(body, Reply):
                assert body.envelope == b"%d" % number
                self.replied.add(number)

    @rule(key=st.sampled_from(KEYS))
    def publish(self, key: str) -> None:
        self.number += 1
        self.publishes[self.caller.next_id + 1] = self.number
        self.caller.command_publish(f"in/{key}", b"%d" % self.number)
        self.listen()

    @rule(key=st.sampled_from(KEYS))
    def call(self, key: str) -> None:
        self.number += 1
        self.called[self.number] = key
        self.ask(self.number)

    @rule()
    def ask_again(self) -> None:
        for number in [n for n in self.called if n not in self.replied]:
            self.ask(number)

    def ask(self, number: int) -> None:
        self.calls[self.caller.next_id + 1] = number
        data = b"%d" % number
        target = agent(f"w/{self.called[number]}")
        self.caller.command(Request(target, data, idempotency_key=str(number), payload_hash=data))
        self.listen()

    @rule(hows=st.lists(st.sampled_from(["commit"] * 5 + ["raise", "refused", "conflict"]), min_size=1, max_size=6))
    def work(self, hows: list[str]) -> None:
        for number, how in enumerate(hows):
            self.workers[number % 3].work(how, number // 3)
            self.listen()

    @rule()
    def be_impatient(self) -> None:
        """Cancels all calls, and asks again when the workers have gone on."""
        for number in self.calls:
            self.caller.say(Cancel(number))
        self.listen()
        self.work(["commit"] * 6)
        self.ask_again()

    @rule(who=workers)
    def repeat(self, who: int) -> None:
        self.workers[who].repeat()
        self.listen()

    @rule(who=workers)
    def lose(self, who: int) -> None:
        """The worker's session is lost, whatever it was at; another one comes."""
        self.core.cut(self.workers[who].client)
        self.workers[who] = Worker(self.core)
        self.listen()

    @rule(who=workers)
    def drain(self, who: int) -> None:
        self.workers[who].client.command(Drain())
        self.listen()

    @rule(who=workers)
    def leave(self, who: int) -> None:
        self.workers[who].client.say(Goodbye())
        self.workers[who] = Worker(self.core)
        self.listen()

    @rule(seconds=st.sampled_from([0.05, 1.0, 4.0]))
    def wait(self, seconds: float) -> None:
        self.core.advance(seconds)
        self.listen()

    @rule()
    def hold_commits(self) -> None:
        self.core.hold = True

    @rule(fails=st.booleans())
    def finish_commits(self, fails: bool) -> None:
        self.core.hold = False
        if fails:
            self.core.fail_commit()
        else:
            self.core.settle()
        self.listen()

    @rule()
    def restart(self) -> None:
        """The broker is killed, with what it has not committed, and started again."""
        self.start(self.core.now + 1)
        self.listen()

    @invariant()
    def what_is_stored_adds_up(self) -> None:
        if hasattr(self, "store"):
            self.check()

    def check(self) -> list[int]:
        """The effects that are stored; none is there twice."""
        stored: list[int] = []
        for key in KEYS:
            saved = self.store.read_state(agent(f"w/{key}"))
            if saved is not None and saved.data is not None:
                effects = json.loads(saved.data)["effects"]
                assert saved.version == len(effects), "the state is the fold of what was committed"
                stored += effects
        assert len(stored) == len(set(stored)), "each effect once"
        return stored

    def teardown(self) -> None:
        if not hasattr(self, "core"):
            return
        self.core.hold = False
        self.core.settle()
        self.listen()
        self.core.cut(self.workers[0].client)
        self.workers[0] = Worker(self.core)
        for _ in range(60):
            for worker in self.workers:
                for _ in range(4):
                    worker.work("commit", 0)
                    self.listen()
            self.core.advance(0.2)
            self.listen()
        stored = set(self.check())
        assert self.published <= stored, "every event that was answered has its effect"
        assert self.replied <= stored, "so has every call that was answered"
        assert self.heard == Counter(stored), "and each effect was published, once"
        assert not self.calls, "every call ended"
        tables = self.core.tables
        assert not tables["placed_calls"], tables
        assert not tables["events"], tables


def test_histories() -> None:
    how = settings(
        max_examples=100,
        stateful_step_count=60,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink such a history takes minutes
    )
    run_state_machine_as_test(Histories, settings=how)
