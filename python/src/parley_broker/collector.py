"""When Python looks for cycles of objects: seldom, since the broker makes few, and does nothing else meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (10_000, 10, 10)
"""As `gc.set_threshold` has them. Ten thousand objects are some hundred messages under way."""


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Inside, cycles are looked for seldom, and never among what was there at the beginning."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def collecting_never() -> Iterator[None]:
    """Inside, cycles are not looked for: much is made, and all of it stays."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
