"""One history from a seed: mixed work under faults, then healing, then the judgement."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace

from parley_broker.core.ids import AgentId, TopicId
from parley_broker.core.policy import Policy
from parley_broker.store.base import Store

from .broker import SimBroker
from .driver import Driver
from .history import History
from .worker import IN, KEEPER, PLAIN, PLAIN_IN, SINK, Worker
from .world import World

WORK_SECONDS = 4.0
HEAL_SECONDS = 60.0
KEYS = ("a", "b", "c")
SINK_AGENT = AgentId(SINK, "all")
PENDING = ("calls", "commands", "events", "deliveries", "recipients", "held_sends", "placed_calls", "ephemeral_events")
"""Tables that are empty once the work is done."""

POLICY = Policy(
    heartbeat_interval=0.2,
    suspect_limit=0.5,
    hello_timeout=1.0,
    session_grace=0.5,
    claim_window=0.3,
    host_grace=1.0,
    redelivery_backoff=0.05,
    credit_messages=20,
    window_events=4,
)


@dataclass(frozen=True)
class Faults:
    """How many of each a history has."""

    cuts: int = 0
    broker_deaths: int = 0
    worker_deaths: int = 0
    freezes: int = 0
    failed_commits: int = 0
    poison: int = 0
    worker_drains: int = 0
    broker_drains: int = 0


class Play:
    """One history.

    Args:
        seed: Draws everything.
        store: What the broker keeps its things in.
        faults: What goes wrong.
        work: How many events and calls there are.
    """

    def __init__(self, seed: int, store: Store, faults: Faults, work: int = 40) -> None:
        self.world = World(seed)
        self.history = History()
        self.broker = SimBroker(self.world, store, POLICY)
        self.broker.start()
        self._named = 0
        self.workers = [self._new_worker() for _ in range(3)]
        self.drivers = [Driver(self.world, self.broker, f"driver{n}", self.history) for n in range(2)]
        self._poison = faults.poison
        self._only_drains = faults == replace(
            Faults(), **{n: getattr(faults, n) for n in ("worker_drains", "broker_drains")}
        )
        self._workers_stay = not (
            faults.worker_deaths
            or faults.freezes
            or faults.broker_deaths
            or faults.worker_drains
            or faults.broker_drains
        )
        between, after = self.world.between, self.world.after
        for number in range(work):
            after(between(0.1, WORK_SECONDS), self._some_work, number)
        for count, fault in (
            (faults.cuts, self._cut),
            (faults.broker_deaths, self._kill_broker),
            (faults.worker_deaths, self._kill_worker),
            (faults.freezes, self._freeze),
            (faults.failed_commits, self._fail_commit),
            (faults.worker_drains, self._drain_worker),
            (faults.broker_drains, self.broker.drain),
        ):
            for _ in range(count):
                after(between(0.1, WORK_SECONDS), fault)

    def run(self) -> None:
        """Plays it to its end and judges it. Raises AssertionError with the story."""
        try:
            self.world.run(WORK_SECONDS)
            while self.world.now < WORK_SECONDS + HEAL_SECONDS and not self._is_over():
                self.world.run(self.world.now + 0.5)
            self._judge()
        except AssertionError as failure:
            story = "\n".join(self.world.story[-400:])
            raise AssertionError(f"seed {self.world.seed}: {failure}\n{story}") from failure

    def _is_over(self) -> bool:
        """Whether everything has its answer, and what was answered was delivered, handled and settled."""
        return (
            all(not driver.open for driver in self.drivers) and self.broker.machine is not None and not self._pending()
        )

    def _pending(self) -> dict[str, int]:
        tables = self.broker.tables()
        return {name: tables[name] for name in PENDING if tables.get(name)}

    # Work

    def _new_worker(self) -> Worker:
        self._named += 1
        return Worker(self.world, self.broker, f"worker{self._named}", self.history)

    def _some_work(self, number: int) -> None:
        rng = self.world.rng
        driver = rng.choice(self.drivers)
        key = rng.choice(KEYS)
        order = rng.choice(("", "", "", "!fail1", "!fail2"))
        if self._poison:
            self._poison -= 1
            order = "!poison"
        kind = rng.choice(("keeper event", "keeper event", "plain event", "keeper call", "plain call", "keyed call"))
        if kind == "keeper event":
            driver.publish(TopicId(IN, key), f"e{number}{order}", AgentId(KEEPER, key))
        elif kind == "plain event":
            driver.publish(TopicId(PLAIN_IN, key), f"e{number}{order}", AgentId(PLAIN, key))
        elif kind == "keeper call":
            driver.call(AgentId(KEEPER, key), f"c{number}")
        elif kind == "plain call":
            driver.call(AgentId(PLAIN, key), f"c{number}")
        else:
            driver.call(AgentId(KEEPER, key), f"c{number}", key=f"key-{number}")

    # Faults

    def _cut(self) -> None:
        self.world.rng.choice([*self.workers, *self.drivers]).cut()

    def _kill_broker(self) -> None:
        if self.broker.machine is not None:
            self.broker.die()
            self.world.after(self.world.between(0.05, 0.8), self.broker.start)

    def _kill_worker(self) -> None:
        index = self.world.rng.randrange(len(self.workers))
        self.workers[index].die()
        self.world.after(self.world.between(0.05, 0.5), self._replace_worker, index)

    def _replace_worker(self, index: int) -> None:
        if self.workers[index].dead:
            self.workers[index] = self._new_worker()

    def _drain_worker(self) -> None:
        """A rolling upgrade: the next one is there before this one goes."""
        index = self.world.rng.randrange(len(self.workers))
        leaving, self.workers[index] = self.workers[index], self._new_worker()
        self.world.after(0.1, leaving.drain)

    def _freeze(self) -> None:
        worker = self.world.rng.choice(self.workers)
        if not worker.dead and not worker.frozen:
            worker.freeze(self.world.between(0.1, 3.0))

    def _fail_commit(self) -> None:
        self.broker.fail_commits += 1

    # The judgement

    def _judge(self) -> None:
        assert not any(d.open for d in self.drivers), f"without an answer: {[d.open for d in self.drivers]}"
        self._judge_calls()
        states = {AgentId(KEEPER, key): self._state(AgentId(KEEPER, key)) for key in KEYS}
        self._judge_events(states)
        self._judge_outputs(states)
        self._judge_owners()
        assert not self._pending(), f"not empty at the end: {self._pending()}"

    def _state(self, agent: AgentId) -> list[str]:
        """What the agent committed last, read from the store."""
        state = self.broker.state_of(agent)
        return [] if state is None else list(json.loads(state))

    def _judge_calls(self) -> None:
        for call in self.history.calls.values():
            assert len(call.outcomes) == (0 if call.gone else 1), f"{call}: outcomes {call.outcomes}"
            if self._only_drains:
                assert call.outcomes == [call.label], f"{call}: an error although everybody went in order"
            for outcome in call.outcomes:
                known = (call.label, "OUTCOME_UNKNOWN", "DEADLINE_EXCEEDED", "UNAVAILABLE", "STALE_EPOCH",
                         "STATE_CONFLICT", "ACTIVATION_FAILED")  # fmt: skip
                assert outcome in known, f"{call}: the outcome is {outcome}"

    def _judge_events(self, states: dict[AgentId, list[str]]) -> None:
        dead = {text.split("!")[0] for text in self.broker.dead_letters()}
        for event in self.history.events.values():
            if event.recipient.type == KEEPER:
                times = states[event.recipient].count(event.label)
                least = 1 if event.answered and event.label not in dead else 0
                assert least <= times <= 1, f"{event}: its effect is there {times} times"
            else:
                times = self.history.handled[event.recipient].count(event.label)
                assert times or not event.answered or event.label in dead, f"{event}: never handled"
        for agent, labels in states.items():
            repeated = [label for label, times in Counter(labels).items() if times > 1]
            assert not repeated, f"{agent}: the effect of {repeated} is there more than once"
        for call in self.history.calls.values():
            if call.target.type == KEEPER and call.outcomes == [call.label]:
                assert call.label in states[call.target], f"{call}: answered, but its effect is not there"

    def _judge_outputs(self, states: dict[AgentId, list[str]]) -> None:
        wanted = sorted(f"{agent.key}/{label}" for agent, labels in states.items() for label in labels)
        got = sorted(self._state(SINK_AGENT))
        assert got == wanted, (
            f"published by handlers but not taken: {Counter(wanted) - Counter(got)};"
            f" taken more often than published: {Counter(got) - Counter(wanted)}"
        )
        for agent, labels in states.items():
            mine = [label.split("/", 1)[1] for label in self._state(SINK_AGENT) if label.startswith(f"{agent.key}/")]
            assert mine == labels, f"{agent}: outputs came in another order: {mine} instead of {labels}"

    def _judge_owners(self) -> None:
        refused = self.history.refused_claims
        assert not (self._workers_stay and refused), f"agents were taken from workers that never went: {refused}"
        for agent, commits in self.history.committed.items():
            versions = [version for _, version, _ in commits]
            assert len(set(versions)) == len(versions), f"{agent}: two commits of one version: {commits}"
            by_version = [epoch for epoch, version, _ in sorted(commits, key=lambda c: c[1])]
            assert by_version == sorted(by_version), f"{agent}: an older epoch committed after a newer one: {commits}"
