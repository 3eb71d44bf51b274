"""What the bench compares: Parley and its alternatives, a module each, told apart by name."""

from collections.abc import Mapping

from parley_bench.systems.base import System
from parley_bench.systems.parley import PARLEY, PARLEY_IN_PROCESS

SYSTEMS: Mapping[str, System] = {system.name: system for system in (PARLEY, PARLEY_IN_PROCESS)}
"""Every system that a scenario may name."""
