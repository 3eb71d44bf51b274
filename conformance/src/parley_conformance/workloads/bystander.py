"""Somebody else: a caller and a worker that go on calling while a workload misbehaves."""

from __future__ import annotations

import asyncio
from types import TracebackType

from parley_conformance.broker_case import Table
from parley_conformance.model import Failed

PAUSE_S = 0.02
EACH_MS = 5_000


class Bystander:
    """Calls all the time; use as an async context manager around what misbehaves.

    Each call must end well within 5 s, and there must have been several, else the case fails.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self.calls = 0
        self._leaving = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Bystander:
        self._worker = await self._table.seat("bystander-worker", {"hosts": {"bystander": {}}})
        self._caller = await self._table.seat("bystander-caller")
        self._task = asyncio.create_task(self._go_on(), name="bystander")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        went_on = False
        if kind is None:
            more = self.calls + 3
            went_on = await self._caller.wait(lambda: self.calls >= more or self._done, 3 * EACH_MS)
        self._leaving = True
        if kind is not None:
            # Only then: who is cancelled in the middle of a write loses the connection, which is still to be judged.
            self._task.cancel()
        (result,) = await asyncio.gather(self._task, return_exceptions=True)
        if kind is None and not went_on:
            raise Failed(f"somebody else noticed: after {self.calls} calls no more came through", party="broker")
        if isinstance(result, Failed) and kind is None:
            raise Failed(f"somebody else noticed: {result}", rule=result.rule, party="broker")

    @property
    def _done(self) -> bool:
        return self._task is None or self._task.done()

    async def _go_on(self) -> None:
        while not self._leaving:
            identity = await self._caller.start({"request": {"target": "bystander/k", "envelope": "hello"}})
            request = await self._worker.get({"request": {}}, EACH_MS)
            await self._worker.send({"re": request["id"], "reply": {"envelope": "hello"}})
            answer = await self._caller.answer_to(identity, EACH_MS)
            if "reply" not in answer:
                raise Failed(f"a call ended with {answer}")
            self.calls += 1
            await asyncio.sleep(PAUSE_S)
