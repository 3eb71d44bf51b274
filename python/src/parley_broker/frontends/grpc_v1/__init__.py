"""Parley's own protocol, version 1, over gRPC."""
