"""How many histories are played."""

from __future__ import annotations

import os

import pytest

SEEDS = 2000 if os.environ.get("LENGTH") == "full" else 25


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds --seeds and --seed."""
    parser.addoption("--seeds", type=int, default=SEEDS, help=f"histories of each kind ({SEEDS})")
    parser.addoption("--seed", type=int, help="the one history to play")


@pytest.fixture
def seeds(request: pytest.FixtureRequest) -> range:
    """The seeds to play."""
    one = request.config.getoption("--seed")
    return range(request.config.getoption("--seeds")) if one is None else range(one, one + 1)
