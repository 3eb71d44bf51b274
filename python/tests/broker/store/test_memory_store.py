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


def test_the_first_term_is_given() -> None:
    store = MemoryStore(term=7)
    assert (store.open().term, store.open().term) == (7, 8)
