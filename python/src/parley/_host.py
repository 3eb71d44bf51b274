"""AgentHost: the agents of one process, and every handler that runs for them.

Work comes in by `submit`. A call goes to `_admit` at once, an event when its agent has room for it, in order; to an
effectively-once agent everything goes one at a time (SPEC AGT-3). `_admit` starts at most `max_concurrency` handlers;
calls that a handler waits for are never held up (SPEC RPC-15), and what nobody waits for any more holds up no other.
The only task per message is the handler's own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from ._agent import Agent
from ._constants import DEFAULT_EVENT_TIMEOUT, ROOT_LOGGER_NAME
from ._deadlines import Deadlines
from ._failures import handler_failure, is_unhandled, never_started, time_is_up, unhandled
from ._ids import AgentId
from ._intervention import DropMessage, InterventionHandler
from ._names import wire_name
from ._scope import HandlerScope, enter_scope
from ._slot import AgentSlot, Registration
from ._state import SavedState, StateKeeper
from ._work import Work
from .exceptions import (
    ActivationFailedError,
    MessageDroppedException,
    ParleyError,
    UnknownMessageTypeError,
)

if TYPE_CHECKING:
    from ._agent_runtime import AgentRuntime

_log = logging.getLogger(ROOT_LOGGER_NAME)

STOP_TIMEOUT = 5.0
"""Seconds that cancelled handlers have to end when a runtime stops."""

MAX_IDLE_STATELESS = 1000
"""Stateless agents that are kept for their next message; the one unused for longest goes first."""


class AgentHost:
    """Makes agents and runs their handlers.

    Attributes:
        registrations: What this process hosts, by agent type.
        slots: The agents in this process; of the stateless ones the unused for longest comes first.
        ignored_events: Events whose type their agent did not know or handle (SPEC DLV-8).
        may_start: Asked before a handler starts; while it is false, handlers wait for `release`.

    Args:
        runtime: The runtime that agents are told.
        max_concurrency: Handlers that run at once, nested calls not counted.
        intervention_handlers: They see the results of handlers.
    """

    def __init__(
        self,
        runtime: AgentRuntime,
        *,
        max_concurrency: int,
        intervention_handlers: Sequence[InterventionHandler] = (),
    ) -> None:
        self.registrations: dict[str, Registration] = {}
        self.slots: OrderedDict[AgentId, AgentSlot] = OrderedDict()
        self.ignored_events = 0
        self.may_start: Callable[[], bool] | None = None
        self._runtime = runtime
        self._max_concurrency = max_concurrency
        self._interventions = list(intervention_handlers)
        self._running: dict[Work, None] = {}
        self._nested: dict[Work, None] = {}
        self._overdue: dict[Work, None] = {}
        self._waiting: deque[Work] = deque()
        self._held: list[Work] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle: list[asyncio.Future[None]] = []
        self._stateless = 0
        self._deadlines: Deadlines | None = None

    # ---- agents

    @property
    def deadlines(self) -> Deadlines:
        """The deadlines of this process; made in the event loop that runs it."""
        if self._deadlines is None:
            self._deadlines = Deadlines()
        return self._deadlines

    def activate(
        self, id: AgentId, registration: Registration, epoch: int = 0, saved: SavedState | None = None
    ) -> AgentSlot:
        """Puts an agent in place; it is made in a task of its own, and messages may follow at once (SPEC AGT-6).

        Args:
            id: Who.
            registration: As what.
            epoch: The epoch of its placement; 0 without one.
            saved: What is kept of it; None: nothing is kept of agents of its type.
        """
        before = self.slots.get(id)
        if before is not None:
            self.drop(before)
        slot = self.slots[id] = AgentSlot(id, registration, epoch, None if saved is None else StateKeeper(saved))
        instance = registration.instances.get(id.key)
        if instance is not None and not (saved and saved.data):
            slot.agent = instance
        else:
            self._spawn(self._activate(slot))
        if registration.stateless:
            self._stateless += 1
            self._let_go_of_idle()
        return slot

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake_idle()

    async def _activate(self, slot: AgentSlot) -> None:
        try:
            await slot.make(self._runtime)
        except ActivationFailedError as error:
            if self.slots.get(slot.id) is slot:
                self._forget(slot)
            _log.error("%s", error.message, exc_info=error.__cause__)

    def _forget(self, slot: AgentSlot) -> None:
        del self.slots[slot.id]
        self._stateless -= slot.registration.stateless

    def _let_go_of_idle(self) -> None:
        if self._stateless <= MAX_IDLE_STATELESS:
            return
        unused = (slot for slot in self.slots.values() if slot.registration.stateless and slot.idle)
        slot = next((slot for slot in unused if slot.agent is not None), None)
        if slot is not None and slot.agent is not None:
            self._forget(slot)
            self._spawn(self._close(slot.agent))

    async def _close(self, agent: Agent) -> None:
        try:
            await agent.close()
        except Exception:
            _log.exception("close() of an agent raised")

    # ---- work

    def submit(self, slot: AgentSlot, work: Work) -> None:
        """Takes work for an agent that is here."""
        work.slot = slot
        work.when_ended = self._ended
        if slot.registration.stateless:
            self.slots.move_to_end(slot.id)
        if work.topic is None:
            work.watch_call(self.deadlines)
        if work.topic is None and not slot.alone:
            slot.calls += 1
            self._admit(work)
        else:
            slot.pending.append(work)
            self._next_events(slot)

    @property
    def busy(self) -> int:
        """Messages whose handler runs or waits to run."""
        pending = sum(len(slot.pending) for slot in self.slots.values())
        return len(self.running()) + len(self._waiting) + pending

    async def idle(self) -> None:
        """Returns once no handler runs or waits to run."""
        while self.busy or self._tasks:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle.append(waiter)
            await waiter

    def _next_events(self, slot: AgentSlot) -> None:
        while slot.pending and not slot.full:
            work = slot.pending.popleft()
            slot.running[work] = None
            self._admit(work)

    def _admit(self, work: Work) -> None:
        if work.chain:  # a handler waits for it: max_concurrency does not hold it up (SPEC RPC-15)
            self._nested[work] = None
        elif len(self._running) < self._max_concurrency:
            self._running[work] = None
        else:
            self._waiting.append(work)
            return
        self._start(work)

    def _start(self, work: Work) -> None:
        if self.may_start is not None and not self.may_start():
            self._held.append(work)
            return
        work.begun = True
        work.started()
        work.task = asyncio.get_running_loop().create_task(self._run(work))

    def withdraw(self, work: Work) -> None:
        """Forgets an event whose handler has not begun."""
        slot = work.slot
        assert slot is not None
        if not work.begun:
            work.withdrawn()
        if work in slot.pending:
            slot.pending.remove(work)
        elif work in slot.running and not work.begun:
            for queue in (self._waiting, self._held):
                if work in queue:
                    queue.remove(work)
            self._finished(work, slot)

    def drop(self, slot: AgentSlot) -> None:
        """Lets go of an agent that is no longer this process's: its handlers are cancelled, and it is closed."""
        slot.dropped = True
        self._forget(slot)
        for work in slot.pending:
            work.withdrawn()
        slot.pending.clear()
        for work in [*self._running, *self._nested, *self._waiting]:
            if work.slot is slot:
                work.end("cancel")
                if work.task is not None and work.task is not asyncio.current_task():
                    work.task.cancel()
        if slot.agent is not None and slot.agent is not slot.registration.instances.get(slot.id.key):
            self._spawn(self._close(slot.agent))
        self._wake_idle()

    def release(self) -> None:
        """Starts what `may_start` held back."""
        held, self._held = self._held, []
        for work in held:
            self._start(work)

    async def _run(self, work: Work) -> None:
        slot = work.slot
        assert slot is not None
        try:
            if slot.tainted:
                await self._make_anew(slot)
            agent = slot.agent or await slot.wait()
            if work.ended_by:
                work.failed(never_started(work))
            else:
                slot.tainted = slot.alone
                clean = await (self._run_call if work.topic is None else self._run_event)(work, slot, agent)
                if slot.tainted:
                    work.unwatch()  # no time is up while a commit awaits its answer: nothing else may start (STA-5)
                    if clean and await work.confirmed() is None:
                        slot.tainted = False
        except asyncio.CancelledError:  # before the handler began
            work.failed(never_started(work))
        except ParleyError as error:
            work.failed(error)
        except Exception as error:
            _log.exception("a message for %s could not be handled", work.recipient)
            work.failed(handler_failure(work, error))
        finally:
            self._finished(work, slot)

    async def _make_anew(self, slot: AgentSlot) -> None:
        """After a failed handler or commit an agent begins again from what was committed (SPEC STA-5).

        Raises:
            ActivationFailedError: It could not be made; it is tried again before the next message.
        """
        before = slot.agent
        try:
            await slot.make_anew(self._runtime)
        except ActivationFailedError as error:
            _log.error("%s", error.message, exc_info=error.__cause__)
            raise
        slot.tainted = False
        if before is not None and before is not slot.agent:
            await self._close(before)

    async def _give(self, work: Work, slot: AgentSlot, agent: Agent, result: Any, held: Sequence[Any]) -> bool:
        """Gives the result, and with it what is to be stored (SPEC STA-2, STA-4). False if it came too late."""
        keeper = slot.keeper
        if keeper is None or not work.commits:
            work.succeeded(result)
        elif slot.alone:
            state = await keeper.changed(agent) if slot.registration.keeps_state else None
            if work.ended_by == "limit":
                return False
            work.succeeded(result, keeper.commit(state, held))
        else:
            await keeper.in_step()
            async with keeper.lock:
                state = await keeper.changed(agent)
                if work.ended_by == "limit":
                    return False
                work.succeeded(result, None if state is None else keeper.commit(state))
        return True

    async def _run_call(self, work: Work, slot: AgentSlot, agent: Agent) -> bool:
        """True if what the handler did stands."""
        message = work.open()
        scope = HandlerScope(
            work.recipient,
            slot.epoch,
            (*work.chain, work.recipient),
            work.deadline,
            held=[] if slot.alone and work.commits else None,
        )
        enter_scope(scope)
        try:
            result = await agent.on_message(message, work.context())
            if self._interventions:
                result = await self._intervene(work, result)
            scope.active = False
            return await self._give(work, slot, agent, result, scope.held or ())
        except (Exception, asyncio.CancelledError) as error:
            scope.active = False
            if is_unhandled(error):
                work.failed(unhandled(work, agent, wire_name(type(message))))
            else:
                work.failed(handler_failure(work, error))
            return False

    async def _intervene(self, work: Work, result: Any) -> Any:
        for handler in self._interventions:
            result = await handler.on_response(result, sender=work.recipient, recipient=work.sender)
            if result is DropMessage or isinstance(result, DropMessage):
                raise MessageDroppedException(f"an intervention handler dropped the result of {work.recipient}")
        return result

    async def _run_event(self, work: Work, slot: AgentSlot, agent: Agent) -> bool:
        """True if what the handler did stands."""
        try:
            message = work.open()
        except UnknownMessageTypeError:
            hook = getattr(agent, "on_unhandled_message", None)
            if hook is not None:
                await hook(work.unknown(), work.context())
            self._ignore(work)
            return True
        held: list[Any] | None = [] if slot.alone and work.commits else None
        scope = HandlerScope(work.recipient, slot.epoch, (work.recipient,), None, held=held)
        enter_scope(scope)
        work.watch_event(self.deadlines, _event_limit(agent, type(message)))
        try:
            await agent.on_message(message, work.context())
            scope.active = False
            if work.ended_by != "limit":
                return await self._give(work, slot, agent, None, held or ())
        except (Exception, asyncio.CancelledError) as error:
            scope.active = False
            if work.ended_by != "limit":
                if is_unhandled(error):
                    self._ignore(work)
                    return True
                work.failed(handler_failure(work, error))
        return False

    def _ignore(self, work: Work) -> None:
        self.ignored_events += 1
        work.ignored()

    def _ended(self, work: Work) -> None:
        """The token has fired: nobody waits for the handler any more, so it keeps no other from starting.

        An event whose limit has passed fails now, whether its handler heeds that or not (SPEC DLV-9); its agent's next
        event waits until it does.
        """
        if work.ended_by == "limit":
            work.failed(time_is_up(work))
        if work in self._running:
            del self._running[work]
            self._overdue[work] = None
            self._start_waiting()

    def _finished(self, work: Work, slot: AgentSlot) -> None:
        work.unwatch()
        for works in (self._nested, self._running, self._overdue):
            works.pop(work, None)
        if work.topic is None and not slot.alone:
            slot.calls -= 1
        else:
            slot.running.pop(work, None)
            self._next_events(slot)
        if slot.waiters and slot.idle:
            _wake(slot.waiters)
        self._start_waiting()
        if self._idle:
            self._wake_idle()

    def _start_waiting(self) -> None:
        while self._waiting and len(self._running) < self._max_concurrency:
            waiting = self._waiting.popleft()
            self._running[waiting] = None
            self._start(waiting)

    def _wake_idle(self) -> None:
        _wake(self._idle)

    async def finish(self, slot: AgentSlot) -> None:
        """Returns once nothing runs or waits for this agent."""
        while not slot.idle:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            slot.waiters.append(waiter)
            await waiter

    def running(self) -> list[Work]:
        """What runs now, nested calls and what nobody waits for any more included."""
        return [*self._running, *self._nested, *self._overdue]

    async def stop(self) -> None:
        """Ends everything: what waits is dropped, tokens fire, handlers are cancelled, agents are closed."""
        self._waiting.clear()
        self._held.clear()
        for slot in self.slots.values():
            slot.dropped = True
            slot.pending.clear()
        works = self.running()
        for work in works:
            work.end("cancel")
            if work.task is not None and work.task is not asyncio.current_task():
                work.task.cancel()
        tasks = [work.task for work in works if work.task is not None and work.task is not asyncio.current_task()]
        tasks += self._tasks
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_TIMEOUT)
        slots, self.slots = self.slots, OrderedDict()
        self._stateless = 0
        for slot in slots.values():
            if slot.agent is not None:
                await self._close(slot.agent)


def _wake(waiters: list[asyncio.Future[None]]) -> None:
    woken = [*waiters]
    waiters.clear()
    for waiter in woken:
        if not waiter.done():
            waiter.set_result(None)


def _event_limit(agent: Agent, message_type: type[Any]) -> float:
    event_timeout = getattr(agent, "event_timeout", None)
    return DEFAULT_EVENT_TIMEOUT if event_timeout is None else event_timeout(message_type)
