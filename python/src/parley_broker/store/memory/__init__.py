"""A store that forgets everything with the process."""

from parley_broker.store.memory.store import MemoryStore

__all__ = ["MemoryStore"]
