"""One connection of a session: its one reader, its one writer, and its heartbeats."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from parley._constants import ROOT_LOGGER_NAME
from parley_wire.v1 import broker_service_pb2, session_pb2

from .connection import Connection, ConnectionLostError
from .frames import BrokenStreamError, Queued
from .session import Session, SessionOverError

_log = logging.getLogger(ROOT_LOGGER_NAME)

Message = broker_service_pb2.Message

SILENT_INTERVALS = 3
"""Heartbeat intervals without a word after which a session must be confirmed (SPEC SES-12, SES-16)."""

DEAD_INTERVALS = 6
"""Heartbeat intervals without a word, and without an answer to that, after which the connection is given up."""

SHORTEST_SILENCE = 5.0
"""Seconds without a word before a connection is given up, however short the interval is."""

LONGEST_GATHERING = 0.001
"""Seconds that a message waits at most for what follows it without a pause."""

CLOSE_TIMEOUT = 1.0
"""Seconds that Goodbye has to be written."""


class End(NamedTuple):
    """How a connection ended.

    Attributes:
        reason: For people.
        session_over: The session ended with it.
    """

    reason: str
    session_over: bool = False


class Line:
    """Reads and writes one connection until it ends.

    Attributes:
        ended: Its result says how the connection ended.

    Args:
        connection: The connection, on which Welcome came.
        session: Whose it is.
        first: The frame that carried Welcome.
        on_confirmed: Called when the broker has confirmed the session after a silence.
    """

    def __init__(
        self,
        connection: Connection,
        session: Session,
        first: broker_service_pb2.Frame,
        on_confirmed: Callable[[], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[End] = loop.create_future()
        self._connection = connection
        self._session = session
        self._on_confirmed = on_confirmed
        self._confirming = 0
        self._closing = False
        self._last_beat: Queued | None = None
        session.heard_at = time.monotonic()
        session.wake.set()
        self._beat_due = session.heard_at + session.interval / 2
        self._beat = loop.call_later(session.interval / 2, self._on_beat)
        self._reading = loop.create_task(self._read(first))
        self._writing = loop.create_task(self._write())

    async def _write(self) -> None:
        session, writer, connection = self._session, self._session.writer, self._connection
        try:
            while not self.ended.done():  # the cancellation may be lost in a write: grpcio 1.51 swallows it
                await session.wake.wait()
                await self._gather()
                session.wake.clear()
                full = True
                while full and writer.pending:
                    frame = writer.next_frame(time.monotonic())
                    full = writer.pending  # what is left over follows at once; what comes meanwhile gathers first
                    await connection.write(frame)
                if self._closing and not writer.pending:
                    return
        except ConnectionLostError as lost:
            self._end(str(lost))
        except Exception as error:
            _log.exception("a frame could not be written")
            self._end(f"{type(error).__name__}: {error}", session_over=True)  # it could not be written again either

    async def _gather(self) -> None:
        """Whatever is ready says what it has to say first, as long as each turn of the loop adds something.

        So events that an agent handles one after the other share a frame; nothing waits for what is not ready.
        """
        writer, until = self._session.writer, time.monotonic() + LONGEST_GATHERING
        said = -1
        while writer.unsaid > said and time.monotonic() < until:
            said = writer.unsaid
            await asyncio.sleep(0)

    async def _read(self, frame: broker_service_pb2.Frame) -> None:
        session, connection = self._session, self._connection
        size = 0
        try:
            while True:
                if self._is_silent:
                    self._confirm()  # before anything that ends the silence starts a handler
                await session.take_frame(frame, size)
                frame, size = await connection.read()
        except (ConnectionLostError, BrokenStreamError) as broken:
            self._end(str(broken))
        except SessionOverError as over:
            self._end(str(over), session_over=True)
        except Exception as error:
            _log.exception("a message of the broker could not be taken")
            self._end(f"{type(error).__name__}: {error}")

    # ---- liveness

    @property
    def _is_silent(self) -> bool:
        return time.monotonic() - self._session.heard_at > SILENT_INTERVALS * self._session.interval

    def may_start(self) -> bool:
        """True if a handler may start; False until the session is confirmed after a silence (SPEC SES-16)."""
        if self._confirming or self.ended.done():
            return False
        if self._is_silent:
            self._confirm()
            return False
        return True

    def _confirm(self) -> None:
        if not self._confirming:
            self._confirming = self._session.next_id()
            self._session.expect(self._confirming, self._confirmed)
            self._session.send(Message(id=self._confirming, heartbeat=session_pb2.Heartbeat()), numbered=False)

    def _confirmed(self, kind: str, message: Message) -> None:
        self._confirming = 0
        self._on_confirmed()

    def _on_beat(self) -> None:
        now = time.monotonic()
        interval = self._session.interval
        late = now - self._beat_due
        if late > interval:
            _log.warning(
                "the event loop was blocked for %.1f s, longer than a heartbeat interval (%.1f s): "
                "run blocking work in a thread",
                late,
                interval,
            )
        elif now - self._session.heard_at > max(DEAD_INTERVALS * interval, SHORTEST_SILENCE) and self._confirming:
            self._end(f"the broker has said nothing for {now - self._session.heard_at:.1f} s")
            return
        elif self._is_silent:
            self._confirm()
        if self._last_beat is None or self._last_beat.written:  # one that waits says as much as two
            self._last_beat = self._session.send(Message(heartbeat=session_pb2.Heartbeat()), numbered=False)
        self._beat_due = now + interval / 2
        self._beat = asyncio.get_running_loop().call_later(interval / 2, self._on_beat)

    # ---- the end

    def _end(self, reason: str, *, session_over: bool = False) -> None:
        self._beat.cancel()
        if self._confirming:
            self._session.forget(self._confirming)
        if not self.ended.done():
            self.ended.set_result(End(reason, session_over))

    def give_up(self, reason: str) -> None:
        """The session cannot go on."""
        self._end(reason, session_over=True)

    async def say_goodbye(self, reason: str) -> None:
        """Writes Goodbye after what is queued, and says that nothing more will follow (SPEC SES-13)."""
        if self.ended.done() or self._closing:
            return
        self._closing = True
        self._session.send(Message(goodbye=session_pb2.Goodbye(reason=reason)))
        await asyncio.wait({self._writing}, timeout=CLOSE_TIMEOUT)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._connection.finish()

    async def close(self) -> None:
        """Ends the connection at once."""
        self._end("closed")
        self._reading.cancel()
        self._writing.cancel()
        await asyncio.wait({self._reading, self._writing})
        await self._connection.close()
