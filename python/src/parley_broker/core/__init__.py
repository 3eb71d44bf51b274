"""The broker's decisions: no I/O, no clock, no randomness, no asyncio."""
