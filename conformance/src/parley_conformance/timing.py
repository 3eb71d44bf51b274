"""Time windows, and how far the runner itself lagged while one was open."""

from __future__ import annotations

import asyncio

from parley_conformance.model import Failed, Inconclusive

SLACK_MS = 500.0
"""Upper bounds are judged with this much slack; lower ones with none."""
_TICK_S = 0.02


class LagMeter:
    """Notices when the runner's event loop, and so its clock, was late."""

    def __init__(self) -> None:
        self._late: list[tuple[float, float]] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to measure, in the running loop."""
        self._task = asyncio.create_task(self._measure(), name="lag meter")

    async def stop(self) -> None:
        """Ends measuring."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def worst_ms(self, since: float) -> float:
        """The largest lag seen since that moment of the loop's clock, in ms."""
        return max((lag for at, lag in self._late if at >= since), default=0.0)

    async def _measure(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _TICK_S
            await asyncio.sleep(_TICK_S)
            late = (loop.time() - due) * 1000
            if late > SLACK_MS / 10:
                self._late.append((loop.time(), late))


def check_window(what: str, elapsed_ms: float, *, at_least: float, at_most: float | None, lag_ms: float) -> None:
    """Judges a duration.

    Args:
        what: Names it in texts.
        elapsed_ms: Measured, by the kit's clock.
        at_least: Strict lower bound in ms.
        at_most: Upper bound in ms, without the slack; None: there is none.
        lag_ms: The runner's worst lag meanwhile.

    Raises:
        Failed: Outside of the window.
        Inconclusive: Too late, while the runner lagged by more than half of the slack.
    """
    if elapsed_ms < at_least:
        raise Failed(f"{what} after {elapsed_ms:.0f} ms, at least {at_least:.0f} ms were due")
    if at_most is not None and elapsed_ms > at_most + SLACK_MS:
        text = f"{what} after {elapsed_ms:.0f} ms, at most {at_most:.0f} + {SLACK_MS:.0f} ms were allowed"
        if lag_ms > SLACK_MS / 2:
            raise Inconclusive(f"{text}; the runner itself lagged by {lag_ms:.0f} ms")
        raise Failed(text)
