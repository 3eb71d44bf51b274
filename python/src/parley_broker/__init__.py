"""The reference broker: one command, embedded storage."""

__version__ = "0.1.0"
