"""A case's own corner of a broker that is there already: names of its own, and nothing left behind.

A proxy before the broker marks the case's names (`renaming.py`). When the case is over, its sessions are ended, its
durable subscriptions removed, what waits for its agents taken, and its dead letters purged, as far as the broker can.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from dataclasses import dataclass
from typing import Any

import grpc.aio

from parley_conformance import admin, wire
from parley_conformance.model import Failed, Unsupported
from parley_conformance.proxy import END_OF_STREAM, ENDED, OPTIONS, Proxy
from parley_conformance.relay import DOWN, UP
from parley_conformance.renaming import Names
from parley_conformance.watch import UNNUMBERED, kind_of
from parley_wire.v1 import admin_service_pb2
from parley_wire.v1 import broker_service_pb2 as pb

SWEEP_LIMIT_S = 5.0
_AT_ONCE = 20
_EVENTS_AT_ONCE = 1000
_QUIET_S = 0.2
"""What waits for an agent comes this soon after the last of it was taken."""
_CREDIT = 1 << 40
_ADMIN = "/parley.v1.AdminService/"


@dataclass
class _Session:
    """A session that the case began: what is needed to end it."""

    id: str
    token: bytes
    received: int = 0


class Aside:
    """One case's corner. `address` is what its parties dial."""

    def __init__(self, broker: str) -> None:
        self._broker = broker.removeprefix("grpc://")
        self._names = Names(f"{secrets.token_hex(4)}.")
        self._sessions: dict[str, _Session] = {}
        self._subscriptions: dict[bytes, Any] = {}
        self._proxy = Proxy(broker, self._stream)

    @property
    def address(self) -> str:
        """Where it serves, `grpc://HOST:PORT`."""
        return self._proxy.address

    async def open(self) -> None:
        """Serves."""
        await self._proxy.open()

    async def close(self) -> None:
        """Ends what is connected, and takes away what the case left; what cannot be taken away in 5 s stays."""
        await self._proxy.close()
        with contextlib.suppress(TimeoutError, _Over, *ENDED):
            async with asyncio.timeout(SWEEP_LIMIT_S):
                await self._sweep()

    async def _sweep(self) -> None:
        async with grpc.aio.insecure_channel(self._broker, options=OPTIONS) as channel:
            slots = asyncio.Semaphore(_AT_ONCE)

            async def end(session: _Session) -> None:
                async with slots:
                    visit = _Visit(channel)
                    await visit.greet(session)
                    await visit.leave()

            await asyncio.gather(*(end(session) for session in self._sessions.values()), return_exceptions=True)
            if self._subscriptions:
                await _unsubscribe(channel, list(self._subscriptions.values()))
        for agent_type in sorted(self._names.agent_types):
            with contextlib.suppress(Unsupported, Failed):
                await admin.call(f"grpc://{self._broker}", "PurgeDeadLetters", {"filter": {"agent_type": agent_type}})

    def _stream(self, method: str) -> _Talk | _Asked | None:
        if method == wire.CONNECT:
            return _Talk(self._names, self._sessions, self._subscriptions)
        return _Asked(self._names, method.removeprefix(_ADMIN)) if method.startswith(_ADMIN) else None


class _Talk:
    """One connection."""

    def __init__(self, names: Names, sessions: dict[str, _Session], subscriptions: dict[bytes, Any]) -> None:
        self._names = names
        self._sessions = sessions
        self._subscriptions = subscriptions
        self._session: _Session | None = None

    def pass_on(self, direction: str, data: bytes) -> list[bytes]:
        try:
            frame = pb.Frame.FromString(data)
        except Exception:
            # A case says what is no frame.
            return [data]
        rename = self._names.away if direction == UP else self._names.back
        changed = [rename(message) for message in frame.messages]
        (self._told if direction == DOWN else self._said)(frame)
        return [frame.SerializeToString() if any(changed) else data]

    def _said(self, frame: pb.Frame) -> None:
        for message in frame.messages:
            kind = kind_of(message)
            if kind == "subscribe":
                self._subscriptions[message.subscribe.SerializeToString()] = message.subscribe.subscription
            elif kind == "goodbye" and self._session is not None:
                self._sessions.pop(self._session.id, None)

    def _told(self, frame: pb.Frame) -> None:
        number = frame.first_seq
        for message in frame.messages:
            kind = kind_of(message)
            if kind == "welcome":
                told = message.welcome
                known = self._sessions.setdefault(told.session_id, _Session(told.session_id, told.resume_token))
                self._session = known
            elif kind not in UNNUMBERED and self._session is not None:
                self._session.received = max(self._session.received, number)
                number += 1


class _Asked:
    """One call of a method of the AdminService."""

    def __init__(self, names: Names, method: str) -> None:
        self._names = names
        self._kinds = {
            UP: getattr(admin_service_pb2, f"{method}Request", None),
            DOWN: getattr(admin_service_pb2, f"{method}Response", None),
        }

    def pass_on(self, direction: str, data: bytes) -> list[bytes]:
        kind = self._kinds[direction]
        if kind is None:
            return [data]
        message = kind.FromString(data)
        (self._names.away if direction == UP else self._names.back)(message)
        return [message.SerializeToString()]


class _Over(Exception):
    """The broker ended a connection of the sweep."""


class _Visit:
    """A connection of the sweep's own."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        connect: Any = channel.stream_stream(
            wire.CONNECT, request_serializer=pb.Frame.SerializeToString, response_deserializer=pb.Frame.FromString
        )
        self._call = connect()
        self._heard: deque[pb.Message] = deque()
        self._reading: asyncio.Future[Any] | None = None
        self._sent = 0
        self._id = 1

    async def greet(self, session: _Session | None = None) -> None:
        """Greets; takes a session up, if there is one and it is still there."""
        members: dict[str, Any] = {"min_version": 1, "max_version": 1, "producer_id": secrets.token_hex(8)}
        if session is not None:
            resume = {"session_id": session.id, "resume_token": session.token, "received": session.received}
            members["resume"] = resume
        hello = wire.message({"id": 1, "hello": members})
        credit = {"credit_messages": _CREDIT, "credit_bytes": _CREDIT}
        await self._call.write(pb.Frame(messages=[hello], **credit))
        self._sent = (await self._answer("welcome")).welcome.received

    async def say(self, kind: str, members: dict[str, Any]) -> None:
        """Says something that wants no answer, or one that nobody waits for."""
        self._id += 1
        self._sent += 1
        message = wire.message({"id": self._id, kind: members})
        await self._call.write(pb.Frame(messages=[message], first_seq=self._sent))

    async def leave(self) -> None:
        """Ends the session; returns when the broker has ended the connection."""
        await self.say("goodbye", {"reason": "the case is over"})
        with contextlib.suppress(_Over):
            while True:
                await self._hear()

    async def take_all(self) -> None:
        """Acknowledges what comes, until nothing comes any more."""
        while self._heard or await self._hear(_QUIET_S):
            delivery = self._heard.popleft().delivery
            if delivery.position:
                settled = {name: getattr(delivery, name) for name in ("epoch", "position", "round")}
                await self.say("ack", settled | {"recipient": f"{delivery.recipient.type}/{delivery.recipient.key}"})

    async def _answer(self, kind: str) -> pb.Message:
        while True:
            if not self._heard:
                await self._hear()
            message = self._heard.popleft()
            if kind_of(message) == kind:
                return message

    async def _hear(self, within_s: float | None = None) -> bool:
        """Takes what comes next; false: nothing came in time.

        Raises:
            _Over: The broker ended the connection.
        """
        # A read that is cancelled would end the call.
        self._reading = self._reading or asyncio.ensure_future(self._call.read())
        if not (await asyncio.wait({self._reading}, timeout=within_s))[0]:
            return False
        frame, self._reading = self._reading.result(), None
        if frame is END_OF_STREAM:
            raise _Over
        self._heard.extend(frame.messages)
        return True


async def _unsubscribe(channel: grpc.aio.Channel, subscriptions: list[Any]) -> None:
    """Takes what still waits because of subscriptions, and removes them."""
    visit = _Visit(channel)
    await visit.greet()
    for agent_type in dict.fromkeys(one.agent_type for one in subscriptions):
        host = {"type": agent_type, "mode": "STANDARD", "concurrency": _EVENTS_AT_ONCE}
        await visit.say("register_agent_type", host)
    await visit.take_all()
    for one in subscriptions:
        members = {"topic_type": one.topic_type, "match": one.match, "agent_type": one.agent_type}
        await visit.say("unsubscribe", {"subscription": members})
    await visit.leave()
