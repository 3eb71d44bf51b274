"""The session with a broker: ids and their answers, the one reader, the one writer, heartbeats, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress

from parley._constants import ROOT_LOGGER_NAME, TRACE_LOGGER_NAME
from parley.exceptions import (
    InvalidArgumentError,
    OutcomeUnknownError,
    ParleyError,
    ProtocolVersionUnsupportedError,
    UnavailableError,
)
from parley_wire.v1 import broker_service_pb2, session_pb2

from .codec import error_from_wire, error_to_wire
from .connection import Connection, ConnectionLostError, connect
from .frames import BrokenStreamError, FrameReader, FrameWriter, Queued

_log = logging.getLogger(ROOT_LOGGER_NAME)
_trace = logging.getLogger(TRACE_LOGGER_NAME)

Message = broker_service_pb2.Message
Answer = Callable[[str, Message], None]
"""Takes the kind of an answer and the answer."""

PROTOCOL_VERSION = 1
WINDOW_MESSAGES = 100
WINDOW_BYTES = 16 * 1024 * 1024
SILENT_INTERVALS = 3
"""Heartbeat intervals without a word after which a session must be confirmed (SPEC SES-12, SES-16)."""

COMMAND_TIMEOUT = 30.0
"""Seconds that the broker has to answer a registration or a subscription."""

CLOSE_TIMEOUT = 1.0
"""Seconds that Goodbye has to be written."""

_UNDERSTOOD = (
    *("welcome", "heartbeat", "goodbye", "drain", "done", "error"),
    *("activate", "request", "reply", "cancel", "published", "delivery"),
)
_KINDS = [Message.DESCRIPTOR.fields_by_name[kind].number for kind in _UNDERSTOOD]


class Session:
    """One session, for as long as its connection lasts.

    Attributes:
        limits: What the broker enforces.
        on_lost: Called once with the reason when the session ends without `close`.
        on_silence_over: Called when the broker has confirmed the session after a silence.
    """

    def __init__(
        self,
        connection: Connection,
        writer: FrameWriter,
        reader: FrameReader,
        welcome: session_pb2.Welcome,
        first: list[tuple[str | None, Message]],
    ) -> None:
        self.limits: session_pb2.Limits = welcome.limits
        self.session_id: str = welcome.session_id
        self.address = connection.address
        self.handlers: dict[str, Callable[[Message], None]] = {}
        self.on_lost: Callable[[str], None] = lambda reason: None
        self.on_silence_over: Callable[[], None] = lambda: None
        self._connection = connection
        self._writer = writer
        self._reader = reader
        self._answers: dict[int, Answer] = {}
        self._commands: dict[asyncio.Future[tuple[str, Message]], None] = {}
        self._last_id = 1  # Hello had the first one
        self._kinds = frozenset(welcome.kinds)
        self._interval = max(0.001, welcome.heartbeat_interval_ms / 1000)
        self._heard_at = time.monotonic()
        self._confirming = False
        self._closing = False
        self._wake = asyncio.Event()
        self._last_beat: Queued | None = None
        loop = asyncio.get_running_loop()
        self._beat_due = time.monotonic() + self._interval / 2
        self._beat = loop.call_later(self._interval / 2, self._on_beat)
        self._reading = loop.create_task(self._read(first))
        self._writing = loop.create_task(self._write())

    # ---- what goes out

    def next_id(self) -> int:
        """An id for a message that wants an answer (SPEC MSG-3)."""
        self._last_id += 1
        return self._last_id

    def expect(self, id: int, answer: Answer) -> None:
        """Gives the answer to message `id` to `answer`."""
        self._answers[id] = answer

    def forget(self, id: int) -> bool:
        """Nobody wants the answer to `id` any more. True if it had not come."""
        return self._answers.pop(id, None) is not None

    def send(
        self,
        message: Message,
        *,
        numbered: bool = True,
        covered_bytes: int | None = None,
        deadline: float | None = None,
    ) -> Queued:
        """Queues a message; it leaves with whatever else is queued. Arguments as of Queued."""
        item = Queued(message, numbered, covered_bytes, deadline)
        self._writer.push(item)
        self._wake.set()
        return item

    def grant(self, bytes: int) -> None:
        """The handler of a covered message with an envelope of `bytes` has started (SPEC FLOW-3)."""
        self._writer.grant(bytes)
        if self._writer.pending:
            self._wake.set()

    def speaks(self, kind: str) -> bool:
        """True if the broker understands messages of this kind (SPEC SES-4)."""
        return Message.DESCRIPTOR.fields_by_name[kind].number in self._kinds

    async def command(self, message: Message) -> Message:
        """Sends a message and returns its answer.

        Raises:
            ParleyError: The answer is an error.
            UnavailableError: The session is over.
            OutcomeUnknownError: There was no answer in time.
        """
        if self._closing:
            raise UnavailableError("the session is over")
        message.id = self.next_id()
        future: asyncio.Future[tuple[str, Message]] = asyncio.get_running_loop().create_future()

        def answer(kind: str, message: Message) -> None:
            if not future.done():
                future.set_result((kind, message))

        self.expect(message.id, answer)
        self.send(message)
        self._commands[future] = None
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT):
                kind, answered = await future
        except TimeoutError:
            what = message.WhichOneof("kind")
            raise OutcomeUnknownError(f"the broker did not answer {what} within {COMMAND_TIMEOUT:g} s") from None
        finally:
            self._commands.pop(future, None)
            self.forget(message.id)
        if kind == "error":
            raise error_from_wire(answered.error)
        return answered

    async def _write(self) -> None:
        try:
            while True:
                await self._wake.wait()
                await asyncio.sleep(0)  # whatever is ready now says what it has to say first: fewer, fuller frames
                self._wake.clear()
                while self._writer.pending:
                    await self._connection.write(self._writer.next_frame(time.monotonic(), self._reader.received))
                if self._closing:
                    return
        except ConnectionLostError as lost:
            self._end(str(lost))
        except Exception as error:
            _log.exception("a frame could not be written")
            self._end(f"{type(error).__name__}: {error}")

    # ---- what comes in

    async def _read(self, first: list[tuple[str | None, Message]]) -> None:
        try:
            for kind, message in first:
                self._take(kind, message)
            while True:
                frame = await self._connection.read()
                self._heard(time.monotonic())
                if frame.credit_messages or frame.credit_bytes:
                    self._writer.raise_credit(frame.credit_messages, frame.credit_bytes)
                    self._wake.set()
                for kind, message in self._reader.messages(frame):
                    self._take(kind, message)
        except ConnectionLostError as lost:
            self._end(str(lost))
        except BrokenStreamError as broken:
            self._end(str(broken))
        except Exception as error:
            _log.exception("a message of the broker could not be taken")
            self._end(f"{type(error).__name__}: {error}")

    def _take(self, kind: str | None, message: Message) -> None:
        if message.re:
            answer = self._answers.pop(message.re, None)
            if answer is not None:
                answer(kind or "unknown", message)
            else:
                _trace.debug("an answer came too late: %s", kind)
            return
        handler = self.handlers.get(kind or "")
        if handler is not None:
            handler(message)
        elif kind == "heartbeat":
            if message.id:
                self.send(Message(re=message.id, heartbeat=session_pb2.Heartbeat()), numbered=False)
        elif kind == "goodbye":
            self._end(f"the broker said goodbye: {message.goodbye.reason}")
        elif message.id:
            error = InvalidArgumentError(
                f"this client does not take messages of the kind {kind or 'unknown'}",
                details={"kind": kind or "unknown"},
            )
            self.send(Message(re=message.id, error=error_to_wire(error)))

    # ---- liveness

    def _heard(self, now: float) -> None:
        silent = now - self._heard_at > SILENT_INTERVALS * self._interval
        self._heard_at = now
        if silent:
            self._confirm()

    def may_start(self) -> bool:
        """True if a handler may start; False until the session is confirmed after a silence (SPEC SES-16)."""
        if self._confirming:
            return False
        if time.monotonic() - self._heard_at <= SILENT_INTERVALS * self._interval:
            return True
        self._confirm()
        return False

    def _confirm(self) -> None:
        if not self._confirming:
            self._confirming = True
            id = self.next_id()
            self.expect(id, self._confirmed)
            self.send(Message(id=id, heartbeat=session_pb2.Heartbeat()), numbered=False)

    def _confirmed(self, kind: str, message: Message) -> None:
        self._confirming = False
        self.on_silence_over()

    def _on_beat(self) -> None:
        now = time.monotonic()
        if now - self._beat_due > self._interval:
            _log.warning(
                "the event loop was blocked for %.1f s, longer than a heartbeat interval (%.1f s): "
                "run blocking work in a thread",
                now - self._beat_due,
                self._interval,
            )
        if self._last_beat is None or self._last_beat.written:  # one that waits says as much as two
            self._last_beat = self.send(Message(heartbeat=session_pb2.Heartbeat()), numbered=False)
        self._beat_due = now + self._interval / 2
        self._beat = asyncio.get_running_loop().call_later(self._interval / 2, self._on_beat)

    # ---- the end

    def _end(self, reason: str) -> None:
        """The session is over, unless it is being closed."""
        self._beat.cancel()
        for task in (self._reading, self._writing):
            if task is not asyncio.current_task():
                task.cancel()
        if not self._closing:
            self._closing = True
            self.on_lost(reason)

    def fail_commands(self, error: ParleyError) -> None:
        """Ends every `command` that waits for its answer with `error`."""
        commands, self._commands = self._commands, {}
        for future in commands:
            if not future.done():
                future.set_exception(error)

    async def close(self, reason: str) -> None:
        """Says Goodbye, writes what is queued, and ends the connection (SPEC SES-13)."""
        if not self._closing:
            self._closing = True
            self.send(Message(goodbye=session_pb2.Goodbye(reason=reason)))
            await asyncio.wait({self._writing}, timeout=CLOSE_TIMEOUT)
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self._connection.finish()
        self._beat.cancel()
        self._reading.cancel()
        self._writing.cancel()
        await asyncio.wait({self._reading, self._writing})
        await self._connection.close()


async def open_session(addresses: list[str], hello: session_pb2.Hello, connect_timeout: float) -> Session:
    """Connects and says Hello.

    Args:
        addresses: `host:port`, tried in turn.
        hello: Who is calling; versions, kinds and the rest are filled in here.
        connect_timeout: Seconds.

    Raises:
        UnavailableError: No address answered in time; the text says of each how it failed.
        ParleyError: The broker refused, for instance PROTOCOL_VERSION_UNSUPPORTED.
    """
    hello.min_version = hello.max_version = PROTOCOL_VERSION
    hello.kinds.extend(_KINDS)
    writer = FrameWriter(window_messages=WINDOW_MESSAGES, window_bytes=WINDOW_BYTES)
    writer.push(Queued(Message(id=1, hello=hello), numbered=False))
    connection, frame = await connect(addresses, writer.next_frame(time.monotonic(), 0), connect_timeout)
    reader = FrameReader()
    try:
        (kind, answer), *first = list(reader.messages(frame)) or [(None, Message())]
        if kind == "error":
            raise error_from_wire(answer.error)
        if kind != "welcome":
            raise UnavailableError(f"{connection.address} answered Hello with {kind or 'nothing'}: it is no broker")
        if answer.welcome.version != PROTOCOL_VERSION:
            raise ProtocolVersionUnsupportedError(
                f"{connection.address} speaks version {answer.welcome.version}, this client {PROTOCOL_VERSION}"
            )
    except ParleyError:
        await connection.close()
        raise
    except BrokenStreamError as broken:
        await connection.close()
        raise UnavailableError(f"{connection.address} is no broker: {broken}") from broken
    writer.raise_credit(frame.credit_messages, frame.credit_bytes)
    return Session(connection, writer, reader, answer.welcome, first)
