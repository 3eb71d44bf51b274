"""The memory store keeps the contract."""

from __future__ import annotations

import pytest

from parley_broker.store.base import Store
from parley_broker.store.memory import MemoryStore

from .contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()
