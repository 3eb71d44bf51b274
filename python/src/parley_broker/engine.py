"""The asynchronous shell around the core: inbox, group commit, sends, timer.

Everything that the core decides happens on the event loop. What needs the store goes to one thread: records that come
up while a commit is under way share the next one.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from parley_broker.core.deadlines import end_of_slot
from parley_broker.core.effects import Found, Read, ReadEpochs, ReadEvents, ReadState
from parley_broker.core.gateway.lives import Identity
from parley_broker.core.ids import AgentId
from parley_broker.core.machine import Machine
from parley_broker.core.messages import DeadLetterFilter, Error, Frame, Status
from parley_broker.core.policy import Policy
from parley_broker.core.records import DeadLetterShown, Opened, Record
from parley_broker.core.views import AgentView, SessionView
from parley_broker.errors import DEFECT, CommandError, EndCode, Reason, StaleTermError, StoreError
from parley_broker.store.base import Store

RESUME_TOKEN_BYTES = 32
SESSION_ID_BYTES = 12
PAGE_BYTES = 16 * 1024 * 1024
"""Envelopes of dead letters that are listed at once."""
RECOVERY_PAUSES = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds before a store that has failed so many times in a row is tried again; the last one from then on."""


class Link(Protocol):
    """The front end's side of one connection."""

    def wake(self) -> None:
        """There is something to write: `Engine.take` has it. Called again when that leaves something."""

    def close(self, code: EndCode, text: str) -> None:
        """The stream ends with this status, after what `Engine.take` still has was written."""


@dataclass(slots=True)
class _Batch:
    commit: int
    records: list[Record]
    reads: list[Read]


_Answer = tuple[Read, Found]
"""A read, and what it found."""


class Engine:
    """Runs a core over a store for any number of front ends.

    Args:
        policy: Every number that the core goes by.
        identity: What Welcome says of the broker.
        store: Is opened already.
        opened: What opening it returned.
        on_defect: Called with an error that nothing accounts for; the broker cannot go on.
    """

    def __init__(
        self,
        policy: Policy,
        identity: Identity,
        store: Store,
        opened: Opened,
        on_defect: Callable[[BaseException], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._machine = Machine(policy, identity, opened, time.time() - self._since, self._since)
        self._policy = policy
        self._store = store
        self._term = opened.term
        self._on_defect = on_defect
        self._identity = identity
        self._is_draining = False
        self.drained: asyncio.Future[str] = self._loop.create_future()
        """Why the drain is over, once it is."""
        self._links: dict[int, Link] = {}
        self._last_connection = 0
        self._asked: dict[int, asyncio.Future[int | Error]] = {}
        self._last_ask = 0
        self._log: Any = structlog.get_logger("parley.broker")
        self._look: asyncio.TimerHandle | None = None
        """When the timer is set anew; None: nothing has happened since it was."""
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._work = asyncio.Event()
        self._stopping = False
        self._failures = 0
        """Of the store, in a row."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._committer = self._loop.create_task(self._commit_loop(), name="committer")
        self._committer.add_done_callback(self._committer_done)

    # Front ends

    def connect(self, peer: str, link: Link) -> int:
        """A client opened a connection: the id that it has from now on."""
        self._last_connection += 1
        connection = self._last_connection
        self._links[connection] = link
        session_id = secrets.token_hex(SESSION_ID_BYTES)
        self._machine.connect(connection, peer, session_id, secrets.token_bytes(RESUME_TOKEN_BYTES), self._loop.time())
        self._after()
        return connection

    def receive(self, connection: int, frame: Frame) -> None:
        """The connection said this."""
        try:
            self._machine.receive(connection, frame, self._loop.time())
        except Exception:
            self._log.exception("defect", connection=connection)
            self._machine.fail(connection, DEFECT, self._loop.time())
        self._after()

    def reject(self, connection: int, why: str) -> None:
        """The connection said something that is no frame (MSG-7)."""
        self._machine.reject(connection, why, self._loop.time())
        self._after()

    def fail(self, connection: int, why: str) -> None:
        """What the connection said, or is told, met a defect: it cannot go on, others can."""
        self._machine.fail(connection, why, self._loop.time())
        self._after()

    def disconnect(self, connection: int, why: str) -> None:
        """The connection is gone; nothing is sent to its link any more."""
        self._links.pop(connection, None)
        self._guarded(self._machine.disconnect, connection, why)

    def take(self, connection: int) -> Frame | None:
        """The next frame to write to the connection; None when there is nothing to say."""
        frame = self._machine.take(connection, self._loop.time())
        if self._machine.effects.wake:
            self._after()
        return frame

    def now(self) -> float:
        """The moment that deadlines are counted from, in seconds."""
        return self._loop.time()

    def status(self) -> Status:
        """How the broker is now."""
        identity = self._identity
        return Status(identity.version, identity.incarnation, self._loop.time() - self._since, self._machine.tables())

    # Operators

    def sessions(self, after: str, limit: int) -> list[SessionView]:
        """The sessions above this id in their order, at most `limit`."""
        return self._machine.sessions(after, limit)

    def agents(self, after: AgentId | None, agent_type: str, limit: int) -> list[AgentView]:
        """The placed agents above this one in their order, at most `limit`; `agent_type` empty: of all types."""
        return self._machine.agents(after, agent_type, limit)

    async def list_dead_letters(
        self, wanted: DeadLetterFilter, after: int, count: int
    ) -> tuple[list[DeadLetterShown], bool]:
        """Dead letters with ids above `after`, oldest first, and whether there are more.

        At most `count`, and fewer if they are large.

        Raises:
            StoreError: They cannot be read.
        """
        found, more = self._machine.dead_letters(wanted, after, count, PAGE_BYTES)
        read, ids = self._store.read_dead_letters, tuple(found)
        letters = await self._loop.run_in_executor(self._thread, read, ids) if self._store.waits else read(ids)
        wall = time.time()
        return [DeadLetterShown(letter, wall - letter.died, found[letter.id]) for letter in letters], more

    async def replay_dead_letters(self, wanted: DeadLetterFilter) -> int:
        """Puts dead letters back into their recipients' queues, as far as these have room: how many (DLV-6).

        Raises:
            CommandError: UNAVAILABLE: it could not be stored.
        """
        return await self._ask(self._machine.replay_dead_letters, wanted)

    async def purge_dead_letters(self, wanted: DeadLetterFilter) -> int:
        """Deletes dead letters: how many (DLV-6).

        Raises:
            CommandError: UNAVAILABLE: it could not be stored.
        """
        return await self._ask(self._machine.purge_dead_letters, wanted)

    async def _ask(self, step: Callable[[int, DeadLetterFilter, float], None], wanted: DeadLetterFilter) -> int:
        self._last_ask += 1
        ask = self._last_ask
        answer = self._asked[ask] = self._loop.create_future()
        try:
            step(ask, wanted, self._loop.time())
            self._after()
            result: int | Error = await answer
        finally:
            del self._asked[ask]
        if isinstance(result, Error):
            raise CommandError(Reason(result.reason), result.message)
        return result

    # Life

    def drain(self, timeout: float, reason: str) -> None:
        """Takes no new work (DRN-1). `drained` says when what is under way has ended, or `timeout` seconds are over.

        0: the broker's default.
        """
        self._is_draining = True
        self._guarded(self._machine.drain, timeout or self._policy.drain_timeout, reason)

    def say_goodbye(self, reason: str) -> None:
        """Ends the sessions and their connections."""
        self._machine.say_goodbye(reason)
        self._after()
        for link in list(self._links.values()):
            link.close(EndCode.UNAVAILABLE, reason)

    async def stop(self) -> None:
        """Ends when everything that can be committed is; nothing is called afterwards."""
        for timer in (self._look, self._timer):
            if timer is not None:
                timer.cancel()
        self._stopping = True
        self._work.set()
        await self._committer
        self._thread.shutdown()

    # Inside

    def _after(self) -> None:
        """Does what the core has decided, as far as it needs no waiting."""
        effects = self._machine.effects
        while (effects.records or effects.reads) and not self._store.waits:
            self._commit_here()
        if effects.records or effects.reads:
            self._work.set()
        if effects.logs:
            for entry in effects.logs:
                getattr(self._log, entry.level)(entry.event, **entry.fields)
            effects.logs.clear()
        if effects.wake:
            for connection in effects.wake:
                if (link := self._links.get(connection)) is not None:
                    link.wake()
            effects.wake.clear()
        if effects.told:
            for told in effects.told:
                answer = self._asked.get(told.ask)
                if answer is not None and not answer.done():
                    answer.set_result(told.result)
            effects.told.clear()
        if effects.close:
            for close in effects.close:
                if (link := self._links.get(close.connection)) is not None:
                    link.close(close.code, close.text)
            effects.close.clear()
        if self._is_draining and not self.drained.done():
            over = self._machine.drain_is_over(self._loop.time())
            if over:
                self.drained.set_result(over)
        if self._look is None and not self._stopping:
            # What is due is not asked after each step: nothing that is decided now is due before this slot ends.
            self._look = self._loop.call_at(end_of_slot(self._loop.time()), self._look_ahead)

    def _look_ahead(self) -> None:
        """Sets the timer by what is due next."""
        self._look = None
        due = self._machine.next_due()
        if due is not None and (self._due is None or due < self._due):
            if self._timer is not None:
                self._timer.cancel()
            self._due = due
            self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._due = self._timer = None
        self._guarded(self._machine.tick)

    def _guarded(self, step: Callable[..., None], *arguments: object) -> None:
        """Takes a step of the core. A defect in it is logged; what else is due must not suffer from it."""
        try:
            step(*arguments, self._loop.time())
        except Exception:
            self._log.exception("defect")
        self._after()

    def _seal(self) -> _Batch:
        effects = self._machine.effects
        batch = _Batch(self._machine.seal(), effects.records.copy(), effects.reads.copy())
        effects.records.clear()
        effects.reads.clear()
        return batch

    def _commit_here(self) -> None:
        batch = self._seal()
        answers, _ = self._store_batch(batch)
        self._take_in(batch, answers)

    async def _commit_loop(self) -> None:
        effects = self._machine.effects
        while True:
            await self._work.wait()
            self._work.clear()
            while effects.records or effects.reads:
                batch = self._seal()
                try:
                    answers, failure = await self._loop.run_in_executor(self._thread, self._store_batch, batch)
                except StaleTermError:
                    raise
                except StoreError as refusal:
                    await self._recover(refusal)
                else:
                    if batch.records:
                        self._failures = 0
                    self._take_in(batch, answers)
                    self._after()
                    if failure is not None:
                        await self._recover(failure)
            if self._stopping:
                return

    def _store_batch(self, batch: _Batch) -> tuple[list[_Answer], StoreError | None]:
        """Commits, then reads: what is found holds whatever was decided before it was asked for.

        Returns:
            What was found, and the failure that kept the rest from being read: what was committed is committed.
        """
        store = self._store
        if batch.records:
            store.commit(batch.records, self._term)
        answers: list[_Answer] = []
        try:
            answers.extend((read, look_up(store, read)) for read in batch.reads)
        except StoreError as failure:
            return answers, failure
        return answers, None

    def _take_in(self, batch: _Batch, answers: list[_Answer]) -> None:
        now = self._loop.time()
        self._machine.committed(batch.commit, now)
        for read, found in answers:
            self._machine.found(read, found, now)

    async def _recover(self, failure: StoreError) -> None:
        """Answers what cannot be stored, until the store can be read again; then the shard begins anew from it."""
        why = str(failure)
        self._log.error("store failed", store=self._store.name, error=why)
        while not self._stopping:
            self._machine.refuse_held(why, self._loop.time())
            self._after()
            # What is redelivered now would be settled at once, and fail again: a full disk must not cost a processor.
            await asyncio.sleep(RECOVERY_PAUSES[min(self._failures, len(RECOVERY_PAUSES) - 1)])
            self._failures += 1
            try:
                opened = await self._loop.run_in_executor(self._thread, self._store.load, self._term)
            except StoreError as again:
                why = str(again)
                continue
            self._machine.reload(opened, why, self._loop.time())
            self._log.info("store read again", store=self._store.name)
            self._after()
            return

    def _committer_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_defect(error)


def look_up(store: Store, read: Read) -> Found:
    """What the store has of what is wanted.

    Raises:
        StoreError: It cannot be read.
    """
    if isinstance(read, ReadEvents):
        return store.read(read.recipient, read.after, read.max_events, read.max_bytes)
    if isinstance(read, ReadState):
        return store.read_state(read.agent)
    if isinstance(read, ReadEpochs):
        return store.read_epochs(read.agents)
    return store.read_reply(read.target, read.key)
