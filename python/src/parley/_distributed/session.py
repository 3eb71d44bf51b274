"""The session with a broker: what outlives its connections. Ids and answers, numbers both ways, and what waits."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from parley._constants import TRACE_LOGGER_NAME
from parley.exceptions import InvalidArgumentError
from parley_wire.v1 import broker_service_pb2, session_pb2

from .codec import error_from_wire, error_to_wire
from .frames import FrameReader, FrameWriter, Queued
from .hello import HELLO_ID

_trace = logging.getLogger(TRACE_LOGGER_NAME)

Message = broker_service_pb2.Message
MESSAGES_IN_A_TURN = 32
"""Messages of a frame that are taken in one turn of the event loop."""

Answer = Callable[[str, Message], None]
"""Takes the kind of an answer and the answer."""

Handlers = Mapping[str, Callable[[Message], None]]
"""Who takes the messages of a kind that answer nothing."""


class SessionOverError(Exception):
    """The session has ended; the text says how."""


class Session:
    """One session, from its Welcome on, over all its connections.

    Attributes:
        session_id: Its id.
        resume_token: The secret that gets it back.
        incarnation: The broker's.
        max_envelope_bytes: The longest envelope that the broker takes; 0: any.
        max_call_seconds: The longest timeout of a call that it allows; infinity: any.
        grace: Seconds that it lives without a connection.
        interval: Seconds; each side sends a heartbeat at least this often.
        writer: What waits to be written, and what is kept.
        reader: What has been read.
        heard_at: The `time.monotonic()` of the broker's last word.
        wake: Set when there may be something to write.

    Args:
        welcome: What the broker said.
        writer: That of the frame with Hello.
        handlers: Who takes what the broker says of its own accord.
    """

    def __init__(self, welcome: session_pb2.Welcome, writer: FrameWriter, handlers: Handlers) -> None:
        self.session_id: str = welcome.session_id
        self.resume_token: bytes = welcome.resume_token
        self.incarnation: str = welcome.incarnation
        self.max_envelope_bytes: int = welcome.limits.max_envelope_bytes
        self.max_call_seconds: float = welcome.limits.max_call_timeout_ms / 1000 or math.inf
        self.grace: float = welcome.session_grace_ms / 1000
        self.interval: float = max(0.001, welcome.heartbeat_interval_ms / 1000)
        self.writer = writer
        self.reader = FrameReader()
        self.heard_at = time.monotonic()
        self.wake = asyncio.Event()
        self._handlers = handlers
        self._kinds = frozenset(welcome.kinds)
        self._answers: dict[int, Answer] = {}
        self._commands: dict[asyncio.Future[tuple[str, Message]], None] = {}
        self._last_id = HELLO_ID
        self._over = ""

    def resume_of(self) -> session_pb2.Resume:
        """What Hello says to get this session back (SPEC SES-9)."""
        return session_pb2.Resume(
            session_id=self.session_id, resume_token=self.resume_token, received=self.reader.received
        )

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
        stored: bool = False,
    ) -> Queued:
        """Queues a message; it leaves with whatever else is queued. Arguments as of Queued."""
        item = Queued(message, numbered, covered_bytes, deadline, stored)
        self.writer.push(item)
        self.wake.set()
        return item

    def grant(self, bytes: int) -> None:
        """The handler of a covered message with an envelope of `bytes` has started (SPEC FLOW-3)."""
        if self.writer.grant(bytes):
            self.wake.set()

    def speaks(self, kind: str) -> bool:
        """True if the broker understands messages of this kind (SPEC SES-4)."""
        return Message.DESCRIPTOR.fields_by_name[kind].number in self._kinds

    async def command(self, message: Message) -> Message:
        """Sends a message and returns its answer, however many connections that takes.

        Raises:
            ParleyError: The answer is an error.
            SessionOverError: The session ended before there was one.
        """
        return await self.ask(message)

    def ask(self, message: Message) -> Coroutine[Any, Any, Message]:
        """As `command`, but the message is queued now, before anybody waits for the answer."""
        if self._over:
            raise SessionOverError(self._over)
        message.id = self.next_id()
        future: asyncio.Future[tuple[str, Message]] = asyncio.get_running_loop().create_future()

        def answer(kind: str, message: Message) -> None:
            if not future.done():
                future.set_result((kind, message))

        self.expect(message.id, answer)
        self.send(message)
        self._commands[future] = None
        return self._answer_to(message.id, future)

    async def _answer_to(self, id: int, future: asyncio.Future[tuple[str, Message]]) -> Message:
        try:
            kind, answered = await future
        finally:
            self._commands.pop(future, None)
            self.forget(id)
        if kind == "error":
            raise error_from_wire(answered.error)
        return answered

    def end(self, reason: str) -> None:
        """The session is over: every `command` that waits for its answer ends with SessionOverError."""
        self._over = self._over or reason or "it is over"
        commands, self._commands = self._commands, {}
        for future in commands:
            if not future.done():
                future.set_exception(SessionOverError(self._over))

    def go_on(self) -> None:
        """The session was thought to be over, and is not."""
        self._over = ""

    # ---- what comes in

    async def take_frame(self, frame: broker_service_pb2.Frame, size: int) -> None:
        """Takes what is new in a frame of `size` bytes.

        What a part of a large frame has started runs, and is written, before the next part is taken: so the broker has
        work again while this process still has some. If this is cancelled, what has been taken counts as received.

        Raises:
            BrokenStreamError: A rule was broken that the connection cannot survive.
            SessionOverError: The broker said Goodbye.
        """
        self.heard_at = time.monotonic()
        if frame.credit_messages or frame.credit_bytes:
            self.writer.raise_credit(frame.credit_messages, frame.credit_bytes)
            self.wake.set()
        if frame.received:
            self.writer.confirmed(frame.received)
        take = self._take
        for count, (kind, message) in enumerate(self.reader.messages(frame), 1):
            take(kind, message)
            if not count % MESSAGES_IN_A_TURN:
                await asyncio.sleep(0)
        self.writer.took(self.reader.received, size)
        if self.writer.pending:
            self.wake.set()

    def _take(self, kind: str | None, message: Message) -> None:
        answered = message.re
        if answered:
            answer = self._answers.pop(answered, None)
            if answer is not None:
                answer(kind or "unknown", message)
            elif kind != "welcome":
                _trace.debug("an answer came too late: %s", kind)
            return
        handler = self._handlers.get(kind or "")
        if handler is not None:
            handler(message)
        elif kind == "heartbeat":
            if message.id:
                self.send(Message(re=message.id, heartbeat=session_pb2.Heartbeat()), numbered=False)
        elif kind == "goodbye":
            raise SessionOverError(f"the broker said goodbye: {message.goodbye.reason}")
        elif message.id:
            error = InvalidArgumentError(
                f"this client does not take messages of the kind {kind or 'unknown'}",
                details={"kind": kind or "unknown"},
            )
            self.send(Message(re=message.id, error=error_to_wire(error)))
