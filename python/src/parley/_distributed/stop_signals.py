"""Ending a program in order on SIGTERM and SIGINT."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_DEFAULTS = (signal.SIG_DFL, signal.default_int_handler)


@contextmanager
def on_signals(signals: Sequence[signal.Signals], call: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Calls `call` in the event loop when one of the signals comes, for the block.

    Only in the main thread, and only for signals that nobody else handles; for the others it does nothing.
    """
    loop = asyncio.get_running_loop()
    taken: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in signals:
            before = signal.getsignal(number)
            if before in _DEFAULTS:
                loop.add_signal_handler(number, call, number)
                taken[number] = before
    try:
        yield
    finally:
        for number, before in taken.items():
            loop.remove_signal_handler(number)
            signal.signal(number, before)
