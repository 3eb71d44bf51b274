"""Signals: only over default handlers, only in the main thread."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

from parley._distributed.stop_signals import on_signals


async def test_a_signal_calls_and_the_handler_is_put_back() -> None:
    came: asyncio.Future[signal.Signals] = asyncio.get_running_loop().create_future()
    before = signal.getsignal(signal.SIGTERM)
    with on_signals([signal.SIGTERM], came.set_result):
        os.kill(os.getpid(), signal.SIGTERM)
        assert await asyncio.wait_for(came, 5) is signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


async def test_somebody_elses_handler_is_left_alone() -> None:
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        handler = signal.getsignal(signal.SIGTERM)
        with on_signals([signal.SIGTERM], lambda number: None):
            assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)

    async def inside() -> object:
        with on_signals([signal.SIGTERM], lambda number: None):
            return signal.getsignal(signal.SIGTERM)

    seen: list[object] = []
    thread = threading.Thread(target=lambda: seen.append(asyncio.run(inside())))
    thread.start()
    thread.join()
    assert seen == [before]
