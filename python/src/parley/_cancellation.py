"""CancellationToken: says that a piece of work is no longer wanted."""

from __future__ import annotations

import logging
import threading
from asyncio import Future
from collections.abc import Callable
from typing import Any

from ._constants import ROOT_LOGGER_NAME

_log = logging.getLogger(ROOT_LOGGER_NAME)


class CancellationToken:
    """Cancels what is linked to it, once. Safe to cancel from another thread; callbacks then run in that thread."""

    __slots__ = ("_callbacks", "_cancelled", "_lock")

    def __init__(self) -> None:
        self._cancelled = False
        self._lock = threading.Lock()
        self._callbacks: dict[Callable[[], None], None] = {}

    def cancel(self) -> None:
        """Cancels what is linked and calls the callbacks in the order added. A second call does nothing.

        A callback that raises is logged and keeps no other from being called.
        """
        with self._lock:
            if self._cancelled:
                return
            self._cancelled = True
            callbacks, self._callbacks = list(self._callbacks), {}
        for callback in callbacks:
            try:
                callback()
            except Exception:
                _log.exception("a callback of a cancellation token raised")

    def is_cancelled(self) -> bool:
        """True once `cancel` was called."""
        return self._cancelled

    def add_callback(self, callback: Callable[[], None]) -> None:
        """Calls `callback` when the token is cancelled; at once if it is already."""
        with self._lock:
            if not self._cancelled:
                self._callbacks[callback] = None
                return
        callback()

    def remove_callback(self, callback: Callable[[], None]) -> None:
        """Forgets `callback`; without effect if it was not added."""
        with self._lock:
            self._callbacks.pop(callback, None)

    def link_future(self, future: Future[Any]) -> Future[Any]:
        """Cancels `future` when the token is cancelled, at once if it is already; returns `future`."""

        def cancel() -> None:
            future.cancel()

        self.add_callback(cancel)
        future.add_done_callback(lambda _: self.remove_callback(cancel))
        return future
