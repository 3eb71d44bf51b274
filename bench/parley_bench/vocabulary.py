"""The words that scenarios, plans and results share; the schemas in bench/schema have the same."""

from typing import Literal

Language = Literal["python", "dotnet"]
Content = Literal["json", "protobuf"]
Storage = Literal["memory", "sqlite", "own"]
"""`own`: the system has one way only."""
Kind = Literal["call", "publish-ephemeral", "publish-stored", "effectively-once"]
Role = Literal["host", "caller", "in-process"]
Length = Literal["quick", "short", "full", "alternatives", "compare"]
Value = Literal["per_second", "p50_us", "p99_us", "cpu_us"]

LANGUAGES: tuple[Language, ...] = ("python", "dotnet")
CONTENTS: tuple[Content, ...] = ("json", "protobuf")
LENGTHS: tuple[Length, ...] = ("quick", "short", "full", "alternatives", "compare")
