"""What this process's agents save: commits on their way, Saves, and agents that are asked back (SPEC STA, AGT-8)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from parley._constants import JSON_DATA_CONTENT_TYPE, ROOT_LOGGER_NAME, TRACE_LOGGER_NAME
from parley._host import AgentHost
from parley._ids import AgentId
from parley._slot import AgentSlot
from parley._state import Commit, StateKeeper
from parley.exceptions import NotFoundError, ParleyError, StateConflictError
from parley_wire.v1 import broker_service_pb2, state_pb2

from .codec import agent_from_wire, agent_to_wire, error_to_wire
from .session import Session, SessionOverError
from .uplink import Uplink

_log = logging.getLogger(ROOT_LOGGER_NAME)
_trace = logging.getLogger(TRACE_LOGGER_NAME)

Message = broker_service_pb2.Message

SAVE_INTERVAL = 30.0
"""Seconds after which an agent whose state has changed by itself is saved."""


def commit_to_wire(slot: AgentSlot, commit: Commit, wire: state_pb2.Commit) -> None:
    """Fills in a commit of an agent."""
    wire.agent.CopyFrom(agent_to_wire(slot.id))
    wire.epoch = slot.epoch
    wire.expected_version = commit.expected_version
    if commit.state is not None:
        wire.state.data = commit.state
        wire.state.content_type = JSON_DATA_CONTENT_TYPE
    wire.publishes.extend(commit.publishes)


def lost_place(error: ParleyError | None, slot: AgentSlot, commit: Commit | None = None) -> bool:
    """True if a refusal says that the agent is no longer this process's (SPEC STA-5).

    A standard agent's versions are counted at least as far as the broker has stored them: a higher one says that
    another process had the agent since. What is in memory here must not replace what was saved there.
    """
    if error is None:
        return False
    if error.reason == "PERMISSION_DENIED":
        return "agent" in error.details
    if error.reason == "STATE_CONFLICT":
        return slot.registration.alone or (commit is not None and (_actual(error) or 0) > commit.expected_version)
    return error.reason == "STALE_EPOCH"


class Saver:
    """Saves agents when the broker asks for it, when they are asked back, and from time to time.

    Args:
        uplink: The way to the broker.
        host: The agents of this process.
        drop: Lets go of an agent that is no longer this process's.
    """

    def __init__(self, uplink: Uplink, host: AgentHost, drop: Callable[[AgentSlot], None]) -> None:
        self._uplink = uplink
        self._host = host
        self._drop = drop
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._saving: asyncio.Task[None] | None = None
        uplink.handlers.update(deactivate=self._on_deactivate, save_request=self._on_save_request)

    def watch(self) -> None:
        """There are agents that save state: looks after them from now on."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SAVE_INTERVAL, self._on_timer)

    def stop(self) -> None:
        """Looks after them no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for task in self._tasks:
            task.cancel()

    def session_began(self) -> None:
        """What the last session was told, and did not answer, may or may not have been stored."""
        for slot in self._host.slots.values():
            if slot.keeper is not None:
                slot.keeper.count_anew(slot.keeper.saved.version)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs something beside the reading."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # ---- commits

    def sent(self, slot: AgentSlot, commit: Commit) -> None:
        """A commit is on its way. A standard agent's counts at once, an effectively-once one's when it is stored."""
        keeper = slot.keeper
        if keeper is not None:
            keeper.sent()
            if not slot.registration.alone:
                keeper.said(commit)

    def answered(self, slot: AgentSlot, commit: Commit, error: ParleyError | None) -> None:
        """The broker's word on a commit."""
        keeper = slot.keeper
        if keeper is None:
            return
        keeper.answered(commit.counting)
        if error is None:
            if slot.registration.alone:
                keeper.said(commit)
        elif lost_place(error, slot, commit):
            self._drop(slot)
        elif not slot.registration.alone and keeper.refused(commit, _actual(error)):
            self.catch_up(slot, keeper)

    # ---- saves

    async def save(self, slot: AgentSlot, *, always: bool = False) -> None:
        """Saves a standard agent, if its state has changed since it was said last. Raises ParleyError.

        An effectively-once agent has nothing to save: its state changes by commits alone.
        """
        keeper = slot.keeper
        if keeper is None or slot.registration.alone or not slot.registration.keeps_state:
            return
        while self._host.slots.get(slot.id) is slot:
            session = await self._uplink.ready()
            agent = await slot.wait()
            async with keeper.lock:
                state = await keeper.changed(agent, always=always)
                if state is None:
                    return
                commit = keeper.commit(state)
                try:
                    saving = session.ask(_save_to_wire(slot, commit, state))
                except SessionOverError:
                    if self._uplink.is_ready and self._uplink.session is session:
                        raise  # the runtime has been stopped
                    continue  # it ended while the agent was asked
                keeper.sent()
                keeper.said(commit)
            try:
                await saving
                keeper.answered(commit.counting)
                return
            except SessionOverError as over:
                _trace.debug("the state of %s is said again: %s", slot.id, over)
                if commit.counting == keeper.counting:  # the session may go on after all, without this answer
                    keeper.count_anew(keeper.saved.version)
            except ParleyError as error:
                keeper.answered(commit.counting)
                if lost_place(error, slot, commit):
                    self._drop(slot)
                    raise
                keeper.refused(commit, _actual(error))
                if not isinstance(error, StateConflictError):
                    raise

    async def save_again(self, slot: AgentSlot) -> None:
        """As `save`; what fails is logged."""
        try:
            await self.save(slot)
        except Exception as error:
            _log.warning("the state of %s could not be saved: %s", slot.id, error)

    def catch_up(self, slot: AgentSlot, keeper: StateKeeper) -> None:
        """Saves an agent whose versions may have been counted wrong."""

        async def save() -> None:
            try:
                await self.save_again(slot)
            finally:
                keeper.caught_up()

        self.spawn(save())

    def _on_timer(self) -> None:
        self._timer = None
        self.watch()
        if self._saving is None or self._saving.done():
            self._saving = self.spawn(self._save_all())

    async def _save_all(self) -> None:
        for slot in list(self._host.slots.values()):
            if slot.keeper is not None and slot.agent is not None:
                await self.save_again(slot)

    # ---- what the broker asks for

    def _slot(self, agent: Any, epoch: int) -> AgentSlot:
        id: AgentId = agent_from_wire(agent)
        slot = self._host.slots.get(id)
        if slot is None or slot.epoch != epoch:
            raise NotFoundError(f"the agent {id} is not in this process under epoch {epoch}")
        return slot

    def _on_save_request(self, message: Message) -> None:
        self.spawn(self._answer(message, self._save_now(message)))

    async def _save_now(self, message: Message) -> None:
        await self.save(self._slot(message.save_request.agent, message.save_request.epoch), always=True)

    def _on_deactivate(self, message: Message) -> None:
        self.spawn(self._answer(message, self._give_back(message)))

    async def _give_back(self, message: Message) -> None:
        """Finishes what the agent was given, saves it and lets go of it (SPEC AGT-8)."""
        slot = self._slot(message.deactivate.agent, message.deactivate.epoch)
        try:
            async with asyncio.timeout(message.deactivate.timeout_ms / 1000):
                await self._host.finish(slot)
                if slot.keeper is not None:
                    await slot.keeper.quiet()
                await self.save(slot)
        except TimeoutError:
            _log.warning("the agent %s did not finish within the time that it was asked back in", slot.id)
        except Exception as error:
            _log.warning("the agent %s could not be saved when it was asked back: %s", slot.id, error)
        if self._host.slots.get(slot.id) is slot:
            self._drop(slot)

    async def _answer(self, message: Message, work: Coroutine[Any, Any, None]) -> None:
        session: Session = self._uplink.session
        answer = Message(re=message.id)
        try:
            await work
            answer.done.SetInParent()
        except ParleyError as error:
            answer.error.CopyFrom(error_to_wire(error))
        except Exception as error:
            _log.warning("an agent could not be saved: %s: %s", type(error).__name__, error)
            answer.error.CopyFrom(error_to_wire(ParleyError(f"{type(error).__name__}", reason="INTERNAL")))
        if message.id and session is self._uplink.session:
            session.send(answer)


def _save_to_wire(slot: AgentSlot, commit: Commit, state: bytes) -> Message:
    save = state_pb2.Save(agent=agent_to_wire(slot.id), epoch=slot.epoch, expected_version=commit.expected_version)
    save.state.data = state
    save.state.content_type = JSON_DATA_CONTENT_TYPE
    return Message(save=save)


def _actual(error: ParleyError) -> int | None:
    actual = error.details.get("actual", "") if isinstance(error, StateConflictError) else ""
    return int(actual) if actual.isdigit() else None
