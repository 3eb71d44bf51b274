"""How many histories are played.

Environment variables say so, since pytest takes options only from the folder it was started for: SEEDS, how many of
each kind (25, with LENGTH=full 2,000), and SEED, the one to play alone.
"""

from __future__ import annotations

import os

import pytest

SEEDS = 2000 if os.environ.get("LENGTH") == "full" else 25


@pytest.fixture
def seeds() -> range:
    """The seeds to play."""
    one = os.environ.get("SEED")
    return range(int(os.environ.get("SEEDS", SEEDS))) if one is None else range(int(one), int(one) + 1)
