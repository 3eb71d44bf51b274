"""The broker of a history: the real core over a real store, driven in virtual time; it may die at any moment."""

from __future__ import annotations

from collections.abc import Callable

from parley_broker.core.effects import Found, Read
from parley_broker.core.gateway.lives import Identity
from parley_broker.core.ids import AgentId
from parley_broker.core.machine import Machine
from parley_broker.core.messages import Frame
from parley_broker.core.policy import Policy
from parley_broker.core.records import Record
from parley_broker.engine import look_up
from parley_broker.errors import StoreError
from parley_broker.store.base import Store

from .network import Client, Link
from .world import World

WALL = 1_800_000_000.0
"""The wall clock when a history begins, in seconds."""
DRAIN_TIMEOUT = 3.0
COMMIT = (0.0003, 0.003)
"""How long a commit takes, in seconds."""


class SimBroker:
    """Starts, dies and starts again over one store.

    Attributes:
        machine: The core; None while the broker is down.
        starts: How often it was started.
    """

    def __init__(self, world: World, store: Store, policy: Policy) -> None:
        self.world = world
        self.machine: Machine | None = None
        self.starts = 0
        self._store = store
        self._policy = policy
        self._links: dict[int, Link] = {}
        self._last_link = 0
        self._committing = self._leaving = False
        self._term = 0
        self._tick_at: float | None = None
        self.fail_commits = 0
        """So many of the next commits fail, as on a full disk."""

    def start(self) -> None:
        """Starts over what the store has."""
        self.starts += 1
        opened = self._store.open()
        self._term = opened.term
        self._committing = self._leaving = False
        self._tick_at = None
        self.machine = Machine(self._policy, Identity(f"incarnation-{self.starts}", "0"), opened, WALL, self.world.now)
        self.world.tell(f"broker starts, term {opened.term}")
        self._after()

    def die(self) -> None:
        """Ends like a killed process: what was not committed is gone, and all connections."""
        self.world.tell("broker dies")
        self.machine = None
        links, self._links = self._links, {}
        for link in links.values():
            link.cut()

    def drain(self) -> None:
        """Is told to go, as SIGTERM does (DRN-1)."""
        if self.machine is not None:
            self.machine.drain(DRAIN_TIMEOUT, "told to", self.world.now)
            self._after()

    def accept(self, client: Client) -> Link | None:
        """Opens a connection; None while the broker is down."""
        machine = self.machine
        if machine is None:
            return None
        link = Link(self.world, client, self._hear, self._lose)
        self._last_link += 1
        link.id = self._last_link
        self._links[link.id] = link
        rng = self.world.rng
        machine.connect(link.id, f"peer-{link.id}", f"s{rng.getrandbits(64):x}", rng.randbytes(16), self.world.now)
        self._after()
        return link

    def tables(self) -> dict[str, int]:
        """Entries by table."""
        assert self.machine is not None
        return self.machine.tables()

    def state_of(self, agent: AgentId) -> bytes | None:
        """What the agent committed last, as it is in the store."""
        saved = self._store.read_state(agent)
        return None if saved is None else saved.data

    def dead_letters(self) -> set[str]:
        """The envelopes of the events that were given up, as texts."""
        entries = self._store.load(self._term).summary.dead_letters
        found = self._store.read_dead_letters([entry.id for entry in entries])
        return {dead.event.envelope.decode() for dead in found}

    def _hear(self, link: Link, frame: Frame) -> None:
        if self.machine is not None and link.id in self._links:
            self.machine.receive(link.id, frame, self.world.now)
            self._after()

    def _lose(self, link: Link, why: str) -> None:
        if self.machine is not None and self._links.pop(link.id, None) is not None:
            self.machine.disconnect(link.id, why, self.world.now)
            self._after()

    def _after(self) -> None:
        machine = self.machine
        assert machine is not None
        effects = machine.effects
        for entry in effects.logs:
            self.world.tell(f"broker: {entry.event} {entry.fields}")
        effects.logs.clear()
        if (effects.records or effects.reads) and not self._committing:
            self._begin_commit(machine)
        while effects.wake:
            connection = next(iter(effects.wake))
            del effects.wake[connection]
            if (link := self._links.get(connection)) and (frame := machine.take(connection, self.world.now)):
                link.send_down(frame)
        for close in effects.close:
            if link := self._links.get(close.connection):
                link.end_by_broker(f"{close.code.value}: {close.text}")
        effects.close.clear()
        if machine.drain_is_over(self.world.now) and not self._leaving:
            self._leaving = True
            machine.say_goodbye("drained")
            self._after()
            self.world.after(sum(COMMIT), self._only_if(machine, self._leave))
            return
        due = machine.next_due()
        if due is not None and (self._tick_at is None or due < self._tick_at):
            self._tick_at = due
            self.world.at(due, self._only_if(machine, self._tick))

    def _leave(self) -> None:
        self.world.tell("broker leaves")
        self.machine = None
        links, self._links = self._links, {}
        for link in links.values():
            link.end_by_broker("the broker has left")
        self.world.after(self.world.between(0.05, 0.5), self.start)

    def _tick(self) -> None:
        assert self.machine is not None
        self._tick_at = None
        self.machine.tick(self.world.now)
        self._after()

    def _begin_commit(self, machine: Machine) -> None:
        self._committing = True
        effects = machine.effects
        commit, records, reads = machine.seal(), effects.records.copy(), effects.reads.copy()
        effects.records.clear()
        effects.reads.clear()
        # The store changes at one moment, the core hears of it later: a death in between loses only the answer.
        delay = self.world.between(*COMMIT)
        self.world.after(delay / 2, self._only_if(machine, lambda: self._store_now(machine, commit, records, reads)))

    def _store_now(self, machine: Machine, commit: int, records: list[Record], reads: list[Read]) -> None:
        failure: StoreError | None = None
        if self.fail_commits and records:
            self.fail_commits -= 1
            failure = StoreError("the disk is full")
        elif records:
            self._store.commit(records, self._term)
        found = [] if failure else [(read, look_up(self._store, read)) for read in reads]
        self.world.after(
            self.world.between(*COMMIT) / 2,
            self._only_if(machine, lambda: self._end_commit(machine, commit, found, failure)),
        )

    def _end_commit(
        self, machine: Machine, commit: int, answers: list[tuple[Read, Found]], failure: StoreError | None
    ) -> None:
        self._committing = False
        now = self.world.now
        if failure is not None:
            machine.reload(self._store.load(self._term), str(failure), now)
        else:
            machine.committed(commit, now)
            for read, what in answers:
                machine.found(read, what, now)
        self._after()

    def _only_if(self, machine: Machine, do: Callable[[], None]) -> Callable[[], None]:
        def guarded() -> None:
            if self.machine is machine:
                do()

        return guarded
