"""The composition root: the only place that knows concrete stores and front ends."""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from parley_broker import __version__
from parley_broker.collector import collecting_never, collecting_seldom
from parley_broker.config import Config
from parley_broker.core.gateway.lives import Identity
from parley_broker.core.records import Opened
from parley_broker.engine import Engine
from parley_broker.errors import StartupError
from parley_broker.frontends.grpc_v1.admin_client import TIMEOUT, AdminClient
from parley_broker.frontends.grpc_v1.server import GrpcServer
from parley_broker.store.base import Store
from parley_broker.store.memory import MemoryStore
from parley_broker.store.sqlite import SqliteStore

TERM_EPOCH = 1_577_836_800
"""The beginning of 2020, in seconds since that of 1970."""
TERMS_PER_SECOND = 4
"""So the 32 bits of a term last until 2054, and a broker takes longer than a term to start."""
DEFAULT_TIMEOUT = 0.0
"""A drain takes as long as the policy says."""
STOP_GRACE = 1.0
"""How long clients have to read the end of their streams, in seconds."""


def serve(config: Config) -> None:
    """Runs a broker until SIGTERM or SIGINT, which drain it; a second one ends it at once (DRN-1).

    Raises:
        BrokerError: It cannot start or go on; the text is one line for the operator.
    """
    faulthandler.enable()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(config))


def admin(address: str, timeout: float = TIMEOUT) -> AdminClient:
    """Asks the running broker at the address, `timeout` seconds long; to be closed."""
    return AdminClient(address, timeout)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Uvloop's where it is installed; None: asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _serve(config: Config) -> None:
    store = _open_store(config)
    log: Any = structlog.get_logger("parley.broker")
    with collecting_never():
        opened = store.open()
    if not opened.fresh:
        _tell(log, store, opened)
    stopped: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def stop(why: str) -> None:
        if not stopped.done():
            stopped.set_result(why)

    def fail(error: BaseException) -> None:
        if not stopped.done():
            stopped.set_exception(error)

    signals: list[str] = []

    def on_signal(name: str) -> None:
        signals.append(name)
        if len(signals) > 1:
            stop(f"{name} again")
        else:
            engine.drain(DEFAULT_TIMEOUT, name)

    identity = Identity(secrets.token_hex(8), __version__)
    with collecting_never():
        engine = Engine(config.policy, identity, store, opened, fail)
    server = GrpcServer(engine)
    try:
        address = await server.start(config.listen)
        loop = asyncio.get_running_loop()
        engine.drained.add_done_callback(lambda drained: stop(f"drained: {drained.result()}"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, on_signal, signal.Signals(number).name)
        if config.ready_file is not None:
            _say_ready(config.ready_file, address, identity)
        log.info("listening", address=address, store=store.name, incarnation=identity.incarnation)
        with collecting_seldom():
            why = await stopped
        log.info("stopping", why=why)
    finally:
        engine.say_goodbye("the broker is shutting down")
        await server.stop(STOP_GRACE)
        await engine.stop()
        store.close()
    log.info("stopped")


def _open_store(config: Config) -> Store:
    return MemoryStore(_term(time.time())) if config.data is None else SqliteStore(config.data)


def _term(now: float) -> int:
    """The term of a broker that starts at this moment and remembers none: above those of earlier ones (AGT-5)."""
    return int((now - TERM_EPOCH) * TERMS_PER_SECOND)


def _tell(log: Any, store: Store, opened: Opened) -> None:
    """What a store that was there before holds."""
    summary = opened.summary
    log.info(
        "store opened",
        store=store.name,
        term=opened.term,
        subscriptions=len(summary.subscriptions),
        events=sum(backlog.events for backlog in summary.backlogs),
        recipients=len(summary.backlogs),
        dead_letters=len(summary.dead_letters),
    )


def _say_ready(path: Path, address: str, identity: Identity) -> None:
    ready = {"address": address, "pid": os.getpid(), "incarnation": identity.incarnation, "version": identity.version}
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(ready) + "\n")
        draft.replace(path)
    except OSError as failure:
        raise StartupError(f"cannot write the ready file {path}: {failure.strerror}") from failure
