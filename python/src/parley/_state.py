"""What is saved of an agent: as bytes, with a version, and when it is said again (SPEC STA-1, STA-2, STA-3)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ._agent import Agent
from ._constants import JSON_DATA_CONTENT_TYPE


class SavedState(NamedTuple):
    """What a broker keeps of an agent.

    Attributes:
        data: The state; nothing: the agent never saved any.
        content_type: How it is to be read.
        version: Grows by 1 with every commit.
    """

    data: bytes = b""
    content_type: str = JSON_DATA_CONTENT_TYPE
    version: int = 0


class Commit(NamedTuple):
    """What is stored with a result, all or nothing (SPEC STA-4).

    Attributes:
        expected_version: The version that it replaces.
        state: The new state; None: it is as before.
        publishes: The events that the handler published, in order; what they are is the runtime's own affair.
        counting: Which way of counting versions it belongs to: a refusal of an older one says nothing any more.
    """

    expected_version: int
    state: bytes | None = None
    publishes: Sequence[Any] = ()
    counting: int = 0


def encode_state(state: Any) -> bytes:
    """The bytes of what `save_state` returned. Raises TypeError or ValueError for what is no JSON object."""
    if not isinstance(state, Mapping):
        raise TypeError(f"save_state must return a mapping, not {type(state).__name__}")
    return json.dumps(dict(state), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def decode_state(saved: SavedState) -> dict[str, Any]:
    """What `load_state` is given. Raises ValueError for what is no JSON object."""
    if saved.content_type != JSON_DATA_CONTENT_TYPE:
        raise ValueError(f"the saved state is {saved.content_type!r}, only {JSON_DATA_CONTENT_TYPE!r} can be loaded")
    state = json.loads(saved.data)
    if not isinstance(state, dict):
        raise ValueError(f"the saved state is a JSON {type(state).__name__}, not an object")
    return state


class StateKeeper:
    """Knows of one agent which state was said last, and which version the next commit replaces.

    A standard agent's versions are counted on without waiting for answers; a refusal corrects the count. Those of an
    effectively-once agent are counted on when a commit is confirmed: what was said last is then what is committed.

    Attributes:
        saved: What was said last.
        counting: Which way of counting this is, from 0.
        unanswered: Commits without an answer.
        lock: Held from asking the agent for its state until that has left, so that states leave in order.
        save: Saves the agent outside of a result, and calls `caught_up` when that is over; None: nothing can be lost.
    """

    def __init__(self, saved: SavedState) -> None:
        self.saved = saved
        self.counting = 0
        self.unanswered = 0
        self.lock = asyncio.Lock()
        self.save: Callable[[], None] | None = None
        self._known = True
        self._in_step = asyncio.Event()
        self._in_step.set()
        self._catching_up = False
        self._quiet: list[asyncio.Future[None]] = []

    async def changed(self, agent: Agent, *, always: bool = False) -> bytes | None:
        """The agent's state; None if it is what was said last, unless `always`. Raises what `save_state` raises."""
        data = encode_state(await agent.save_state())
        return None if self._known and not always and data == self.saved.data else data

    def commit(self, state: bytes | None, publishes: Sequence[Any] = ()) -> Commit:
        """What replaces the present version."""
        return Commit(self.saved.version, state, publishes, self.counting)

    def said(self, commit: Commit) -> None:
        """The commit counts from now on."""
        data = self.saved.data if commit.state is None else commit.state
        self.saved = SavedState(data, JSON_DATA_CONTENT_TYPE, commit.expected_version + 1)
        if commit.state is not None:
            self._known = True

    def sent(self) -> None:
        """A commit awaits its answer."""
        self.unanswered += 1

    def answered(self, counting: int) -> None:
        """A commit of this way of counting has its answer."""
        if counting == self.counting:
            self.unanswered -= 1
            self._wake()

    def refused(self, commit: Commit, actual: int | None) -> bool:
        """The broker has not stored it; its version is `actual`, if it said so. False if that is no news."""
        if commit.counting != self.counting:
            return False
        self.count_anew(self.saved.version if actual is None else actual)
        return True

    def count_anew(self, version: int) -> None:
        """Nothing is known of what was said: the next state is said in any case."""
        self.saved = self.saved._replace(version=version)
        self.counting += 1
        self.unanswered = 0
        self._known = False
        if self.save is not None:
            self._in_step.clear()
        self._wake()

    async def in_step(self) -> None:
        """Returns once the count is sure: no result should be refused for a version that was counted wrong."""
        if not self._in_step.is_set() and not self._catching_up and self.save is not None:
            self._catching_up = True
            self.save()
        await self._in_step.wait()

    def caught_up(self) -> None:
        """The agent was saved outside of a result, or that failed: the next result will tell."""
        self._catching_up = False
        self._in_step.set()

    def _wake(self) -> None:
        if not self.unanswered:
            quiet, self._quiet = self._quiet, []
            for waiter in quiet:
                if not waiter.done():
                    waiter.set_result(None)

    async def quiet(self) -> None:
        """Returns once no commit awaits its answer."""
        while self.unanswered:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._quiet.append(waiter)
            await waiter
