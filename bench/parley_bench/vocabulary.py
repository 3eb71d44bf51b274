"""The words that scenarios, plans and results share; the schemas in bench/schema have the same."""

from typing import Literal

Language = Literal["python", "dotnet"]
Content = Literal["json", "protobuf"]
Storage = Literal["memory", "sqlite"]
Kind = Literal["call", "publish-ephemeral", "publish-stored", "effectively-once"]
Role = Literal["host", "caller", "in-process"]

LANGUAGES: tuple[Language, ...] = ("python", "dotnet")
CONTENTS: tuple[Content, ...] = ("json", "protobuf")
