"""CancellationToken: says that a piece of work is no longer wanted."""

from __future__ import annotations

import logging
import threading
from asyncio import Future
from collections.abc import Callable
from typing import Any

from ._constants import ROOT_LOGGER_NAME

_lock = threading.Lock()  # one for all tokens: it is held for an instant, and tokens are made for every message
_log = logging.getLogger(ROOT_LOGGER_NAME)


class CancellationToken:
    """Cancels what is linked to it, once. Safe to cancel from another thread; callbacks then run in that thread."""

    __slots__ = ("_callbacks", "_cancelled")

    def __init__(self) -> None:
        self._cancelled = False
        self._callbacks: dict[Callable[[], None], None] | None = None

    def cancel(self) -> None:
        """Cancels what is linked and calls the callbacks in the order added. A second call does nothing.

        A callback that raises is logged and keeps no other from being called.
        """
        with _lock:
            if self._cancelled:
                return
            self._cancelled = True
            callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            try:
                callback()
            except Exception:
                _log.exception("a callback of a cancellation token raised")

    def is_cancelled(self) -> bool:
        """True once `cancel` was called."""
        return self._cancelled

    def add_callback(self, callback: Callable[[], None]) -> None:
        """Calls `callback` when the token is cancelled; at once if it is already."""
        with _lock:
            if not self._cancelled:
                if self._callbacks is None:
                    self._callbacks = {}
                self._callbacks[callback] = None
                return
        callback()

    def remove_callback(self, callback: Callable[[], None]) -> None:
        """Forgets `callback`; without effect if it was not added."""
        with _lock:
            if self._callbacks is not None:
                self._callbacks.pop(callback, None)

    def link_future(self, future: Future[Any]) -> Future[Any]:
        """Cancels `future` when the token is cancelled, at once if it is already; returns `future`."""

        def cancel() -> None:
            future.cancel()

        self.add_callback(cancel)
        future.add_done_callback(lambda _: self.remove_callback(cancel))
        return future
