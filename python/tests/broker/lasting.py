"""A client on the raw wire that goes on with its session whenever its connection breaks."""

from __future__ import annotations

import asyncio
from collections import deque

import grpc
import grpc.aio

from parley_wire.v1 import broker_service_pb2 as wire

from .peer import Ended, Peer, connected

UNNUMBERED = ("hello", "welcome", "heartbeat")
FRAME_MESSAGES = 100
RECEIPT_MESSAGES = 100
"""Receipts are sent on their own after so many messages."""


class Lasting:
    """Keeps what it said until the broker has it. What it hears is in `heard`, each message once.

    Args:
        address: Of the broker, or of a relay to it.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._kept: deque[wire.Message] = deque()
        self._confirmed = 0
        self._written = 0
        self._last: Peer | None = None
        self._wake = asyncio.Event()
        self._unsaid = 0
        self._next_id = 1
        self.heard: asyncio.Queue[wire.Message] = asyncio.Queue()
        self.connections = 0

    def say(self, re: int = 0, wants_answer: bool = True, **kind: object) -> int:
        """Says one message, now or when it can: its id."""
        self._next_id += wants_answer
        message_id = self._next_id if wants_answer else 0
        self._kept.append(wire.Message(id=message_id, re=re, **kind))  # type: ignore[arg-type]
        self._wake.set()
        return message_id

    async def run(self) -> None:
        """Connects, and connects again, until it is cancelled."""
        while True:
            async with connected(self._address) as open_peer:
                try:
                    await self._talk(open_peer())
                except (Ended, grpc.aio.AioRpcError):
                    continue

    async def _talk(self, peer: Peer) -> None:
        answer = await (peer.hello() if self._last is None else peer.resume(self._last))
        assert answer.welcome.resumed == (self._last is not None), answer
        self._last = peer
        self.connections += 1
        self._take_receipt(answer.welcome.received)
        self._written = self._confirmed
        self._wake.set()
        writer = asyncio.create_task(self._write(peer))
        try:
            while True:
                frame = await peer.read()
                self._take_receipt(frame.received)
                for message in peer.inbox:
                    if message.WhichOneof("kind") not in UNNUMBERED:
                        self.heard.put_nowait(message)
                        self._unsaid += 1
                peer.inbox.clear()
                if self._unsaid >= RECEIPT_MESSAGES:
                    self._wake.set()
        finally:
            writer.cancel()
            await asyncio.wait((writer,))

    def _take_receipt(self, received: int) -> None:
        while self._confirmed < received:
            self._kept.popleft()
            self._confirmed += 1

    async def _write(self, peer: Peer) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._written < self._confirmed + len(self._kept) or self._unsaid >= RECEIPT_MESSAGES:
                begin = self._written - self._confirmed
                messages = [self._kept[n] for n in range(begin, min(begin + FRAME_MESSAGES, len(self._kept)))]
                first = self._written + 1 if messages else 0
                self._written += len(messages)
                self._unsaid = 0
                await peer.say(*messages, first_seq=first)
