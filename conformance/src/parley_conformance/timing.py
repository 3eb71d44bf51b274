"""Time windows, and whether the machine was too slow to judge one."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path

from parley_conformance.model import Failed, Inconclusive

SLACK_MS = 500.0
"""Upper bounds are judged with this much slack; lower ones with none."""
STARVED_SHARE = 0.5
"""Above this share of a window in which some process waited for a processor, lateness says nothing."""
_TICK_S = 0.05
_KEPT = 2_400
_PRESSURE = Path("/proc/pressure/cpu")


class LagMeter:
    """Notices when the runner's event loop was late, and when processes had to wait for a processor."""

    def __init__(self) -> None:
        # When, how late the loop was in ms, and for how long processes have waited in all, in s.
        self._samples: deque[tuple[float, float, float]] = deque(maxlen=_KEPT)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to measure, in the running loop."""
        self._task = asyncio.create_task(self._measure(), name="lag meter")

    async def stop(self) -> None:
        """Ends measuring."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def sample(self, at: float, late_ms: float, waited_s: float) -> None:
        """Takes one measurement.

        Args:
            at: The loop's clock, in s.
            late_ms: How late the loop was just then.
            waited_s: How long processes have waited for a processor since the machine started.
        """
        self._samples.append((at, late_ms, waited_s))

    def excuse(self, since: float) -> str:
        """Why a duration since that moment of the loop's clock says nothing; empty: it does."""
        window = [s for s in self._samples if s[0] >= since]
        late = max((s[1] for s in window), default=0.0)
        if late > SLACK_MS / 2:
            return f"the runner itself was late by {late:.0f} ms"
        if len(window) > 1 and (window[-1][2] - window[0][2]) > STARVED_SHARE * (window[-1][0] - window[0][0]):
            return "processes had to wait for a processor most of the time"
        return ""

    async def _measure(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _TICK_S
            await asyncio.sleep(_TICK_S)
            self.sample(loop.time(), (loop.time() - due) * 1000, _waited_s())


def check_window(what: str, elapsed_ms: float, *, at_least: float, at_most: float | None, excuse: str) -> None:
    """Judges a duration.

    Args:
        what: Names it in texts.
        elapsed_ms: Measured, by the kit's clock.
        at_least: Strict lower bound in ms.
        at_most: Upper bound in ms, without the slack; None: there is none.
        excuse: Why lateness says nothing; empty: it does.

    Raises:
        Failed: Outside of the window.
        Inconclusive: Too late, with an excuse.
    """
    if elapsed_ms < at_least:
        raise Failed(f"{what} after {elapsed_ms:.0f} ms, at least {at_least:.0f} ms were due")
    if at_most is not None and elapsed_ms > at_most + SLACK_MS:
        text = f"{what} after {elapsed_ms:.0f} ms, at most {at_most:.0f} + {SLACK_MS:.0f} ms were allowed"
        if excuse:
            raise Inconclusive(f"{text}; {excuse}")
        raise Failed(text)


def _waited_s() -> float:
    """The kernel's sum of times in which some process waited for a processor; 0 where it does not tell."""
    try:
        first = _PRESSURE.read_text(encoding="ascii").splitlines()[0]
    except (OSError, IndexError):
        return 0.0
    return int(first.rpartition("total=")[2]) / 1e6
