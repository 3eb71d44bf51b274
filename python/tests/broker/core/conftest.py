"""What the core's tests share."""

from __future__ import annotations

import pytest

from .harness import Core


@pytest.fixture
def core() -> Core:
    """A core with the default policy and a memory store."""
    return Core()
