"""Parley's bench: latency and throughput of calls and events, JSON against protobuf, over every pair of languages."""
