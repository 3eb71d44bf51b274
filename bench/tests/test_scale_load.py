import asyncio
from collections.abc import Callable

import pytest

from parley_bench.processes import BenchError
from parley_bench.scale.load import Load, flow
from parley_wire.v1 import broker_service_pb2 as wire


class Echo:
    """In place of a session: answers what is said, all at once, when the loop comes round."""

    def __init__(self, error: str = "") -> None:
        self.answered: Callable[[wire.Message], None] = lambda _message: None
        self.error = error
        self.waiting: list[wire.Message] = []
        self.most = 0
        self._ids = 0

    def next_id(self) -> int:
        self._ids += 1
        return self._ids

    def say(self, message: wire.Message, size: int = 0) -> None:
        if not self.waiting:
            asyncio.get_running_loop().call_soon(self._answer)
        self.waiting.append(message)
        self.most = max(self.most, len(self.waiting))

    def check(self) -> None:
        """It never ends."""

    def _answer(self) -> None:
        waiting, self.waiting = self.waiting, []
        for message in waiting:
            outcome = {"error": {"message": self.error}} if self.error else {"reply": {}}
            self.answered(wire.Message(re=message.id, **outcome))  # type: ignore[arg-type]


def made(number: int) -> wire.Message:
    return wire.Message(request={"target": {"type": "t", "key": str(number)}})


async def test_a_limited_load_sends_so_many_and_never_more_at_once() -> None:
    session = Echo()
    load = Load(session, made, in_flight=3, size=0, limit=10)  # type: ignore[arg-type]
    load.start()
    await load.drained()

    assert (load.count, len(load.times), session.most) == (10, 10, 3)


async def test_a_flow_counts_what_was_answered_in_its_time() -> None:
    measured = await flow([Load(Echo(), made, 2, 0), Load(Echo(), made, 2, 0)], 0.01, 0.02)  # type: ignore[arg-type]

    assert 0 < measured.count < measured.answered
    assert measured.seconds >= 0.02
    assert 0 < measured.p50_us <= measured.p99_us <= measured.worst_us
    assert measured.per_second == measured.count / measured.seconds


async def test_what_is_refused_ends_the_load_with_its_reason() -> None:
    load = Load(Echo("no room"), made, 3, 0)  # type: ignore[arg-type]
    load.start()

    with pytest.raises(BenchError, match="refused: no room"):
        await load.drained()
