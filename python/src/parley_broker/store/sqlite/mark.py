"""How many commits were answered, outside of the database.

SQLite takes a damaged end of its write-ahead log for an unfinished one and drops it without a word, answered commits
included. So the number of the last commit is in the database and, once it is durable there, in a file of its own. The
file is synchronised once per second only: it may lag behind after a power failure, but is never ahead. What it cannot
tell then is a damaged last transaction from one that the failure has cut off, which look the same.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from parley_broker.errors import StoreUnusableError

DIGITS = 20
SYNC_INTERVAL = 1.0
"""Seconds."""


class Mark:
    """The file.

    Args:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        self._synced = 0.0

    def read(self) -> int | None:
        """The number; None: there is no file, or nothing was ever written to it.

        Raises:
            StoreUnusableError: It cannot be read, or holds no number.
        """
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as failure:
            raise StoreUnusableError(f"cannot read {self.path}: {failure.strerror}") from failure
        if not text:
            return None
        if len(text) != DIGITS + 1 or not text[:-1].isdigit():
            raise StoreUnusableError(
                f"{self.path} is damaged: it says how many commits {self.path.parent} holds;"
                " delete it to go on without the check that none is lost"
            )
        return int(text)

    def open(self) -> None:
        """It is written from now on.

        Raises:
            StoreUnusableError: It cannot be.
        """
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as failure:
            raise StoreUnusableError(f"cannot write {self.path}: {failure.strerror}") from failure

    def write(self, number: int) -> None:
        """So many commits are durable. What cannot be written is written with the next one."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            os.pwrite(self._file, b"%0*d\n" % (DIGITS, number), 0)
            now = time.monotonic()
            if now - self._synced >= SYNC_INTERVAL:
                os.fsync(self._file)
                self._synced = now

    def close(self) -> None:
        """It is synchronised, and not written any more."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.fsync(self._file)
            os.close(self._file)
            self._file = None
