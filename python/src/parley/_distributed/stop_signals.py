"""Ending a program in order on SIGTERM and SIGINT."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any


def _is_default(handler: Any) -> bool:
    """True for Python's own handlers, and for the one that asyncio.run puts over that of SIGINT."""
    if handler in (signal.SIG_DFL, signal.default_int_handler):
        return True
    inner = getattr(handler, "func", None)
    return isinstance(getattr(inner, "__self__", None), asyncio.Runner)


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
            if _is_default(before):
                loop.add_signal_handler(number, call, number)
                taken[number] = before
    try:
        yield
    finally:
        for number, before in taken.items():
            loop.remove_signal_handler(number)
            signal.signal(number, before)
