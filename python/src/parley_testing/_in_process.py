"""A broker in the test's own event loop: no start-up time, memory store, gone with the test."""

from __future__ import annotations

import secrets
from types import TracebackType
from typing import Self

import parley_broker
from parley_broker.config import SETTINGS, make_policy
from parley_broker.core.gateway.lives import Identity
from parley_broker.engine import Engine
from parley_broker.frontends.grpc_v1.server import GrpcServer
from parley_broker.store.memory import MemoryStore


class InProcessBroker:
    """A broker that runs in the current event loop, as an async context manager.

    Args:
        settings: Numbers of the broker's policy by their names, e.g. `max_envelope_bytes=1000`; times in ms.

    Raises:
        TypeError: There is no setting of that name.

    Attributes:
        url: Where it is reached, `grpc://127.0.0.1:port`.
    """

    def __init__(self, **settings: int) -> None:
        defaults = {setting.name: setting.default for setting in SETTINGS}
        if unknown := settings.keys() - defaults.keys():
            raise TypeError(f"no such setting: {', '.join(sorted(unknown))}; there are {', '.join(defaults)}")
        self.url = ""
        self._policy = make_policy({**defaults, **settings})
        self._failures: list[BaseException] = []

    async def __aenter__(self) -> Self:
        identity = Identity(secrets.token_hex(8), parley_broker.__version__)
        self._store = MemoryStore()
        self._engine = Engine(self._policy, identity, self._store, self._store.open(), self._failures.append)
        self._server = GrpcServer(self._engine)
        self.url = f"grpc://{await self._server.start('127.0.0.1:0')}"
        return self

    async def __aexit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._server.stop(0)
        await self._engine.stop()
        self._store.close()
        if self._failures:
            raise self._failures[0]
