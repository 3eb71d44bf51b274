"""What can be set, in one place: the TOML file, `PARLEY_BROKER_…` in the environment, and the flags have these names."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from parley_broker.core.policy import Policy

DEFAULT_LISTEN = "127.0.0.1:50051"
DEFAULT_DATA = Path("parley-data")


@dataclass(frozen=True, slots=True)
class Config:
    """A broker's settings, checked.

    Args:
        listen: `HOST:PORT`; port 0 picks one.
        data: The data directory; None: everything is kept in memory.
        ready_file: Where to write one JSON line when the broker serves.
    """

    listen: str = DEFAULT_LISTEN
    data: Path | None = DEFAULT_DATA
    ready_file: Path | None = None
    policy: Policy = field(default_factory=Policy)


def policy_fields() -> list[dataclasses.Field[object]]:
    """The settings of Policy, in order."""
    return list(dataclasses.fields(Policy))
