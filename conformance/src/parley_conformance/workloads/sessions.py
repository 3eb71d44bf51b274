"""Broker workloads about what keeps a session: receipts and heartbeats."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from parley_conformance.broker_case import Table
from parley_conformance.inbox import WITHIN_MS
from parley_conformance.model import Failed
from parley_conformance.peer import Peer
from parley_conformance.timing import check_window


async def receipts(table: Table, commands: int) -> None:
    """What a peer sends is acknowledged within a heartbeat interval, though nothing is to be answered."""
    peer = await table.seat("a")
    interval = _interval(peer)
    for _ in range(commands):
        since = asyncio.get_running_loop().time()
        await peer.send({"cancel": {"request_id": 999_999}})
        if not await peer.wait(lambda: peer.acknowledged >= peer.sent, interval + WITHIN_MS):
            text = f"{peer.acknowledged} of {peer.sent} messages are acknowledged {interval + WITHIN_MS} ms later"
            raise Failed(text, rule="SES-8", party="broker")
        _in_time(table, "the receipt came", since, interval)
    if peer.acknowledged != peer.sent:
        raise Failed(f"{peer.acknowledged} of {peer.sent} messages are acknowledged", rule="SES-8", party="broker")


async def heartbeats(table: Table, intervals: int) -> None:
    """The broker beats once per interval, and answers a heartbeat that has an id at once."""
    peer = await table.seat("a")
    interval = _interval(peer)
    for number in range(peer.heartbeats, peer.heartbeats + intervals):
        since = asyncio.get_running_loop().time()
        if not await peer.wait(partial(_beaten, peer, number), interval + WITHIN_MS):
            raise Failed(f"no heartbeat came for {interval + WITHIN_MS} ms", rule="SES-11", party="broker")
        _in_time(table, "the next heartbeat came", since, interval)
    since = asyncio.get_running_loop().time()
    answer = await peer.ask({"heartbeat": {}})
    if "heartbeat" not in answer:
        raise Failed(f"a heartbeat with an id was answered with {answer}", rule="SES-11", party="broker")
    _in_time(table, "the answer to a heartbeat came", since, 0)


def _beaten(peer: Peer, number: int) -> bool:
    return peer.heartbeats > number


def _interval(peer: Peer) -> int:
    """The heartbeat interval in ms, as Welcome has it."""
    interval = int(peer.welcome.get("heartbeat_interval_ms", 0))
    if not interval:
        raise Failed("Welcome has no heartbeat_interval_ms", rule="SES-11", party="broker")
    return interval


def _in_time(table: Table, what: str, since: float, at_most: int) -> None:
    elapsed = (asyncio.get_running_loop().time() - since) * 1000
    check_window(what, elapsed, at_least=0, at_most=at_most, excuse=table.lag.excuse(since))


WORKLOADS: Mapping[str, Callable[..., Awaitable[None]]] = {"receipts": receipts, "heartbeats": heartbeats}
