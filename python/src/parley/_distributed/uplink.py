"""Uplink: keeps a runtime in a session with a broker, whatever happens to connections, sessions and brokers.

        connection broke              the same session          Welcome: resumed
connected ───────────▶ reconnecting ─────────────────────▶ resumed
    ▲                       │ grace over, Goodbye, or Welcome: not resumed
    │ registered, claimed   ▼
    └───────────────────── lost          draining: the broker, or this program, is about to go; closed: by `close`
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from parley._constants import ROOT_LOGGER_NAME, TRACE_LOGGER_NAME
from parley.exceptions import OutcomeUnknownError, ParleyError, UnavailableError
from parley_wire.v1 import broker_service_pb2, session_pb2

from .backoff import Backoff
from .connection import ConnectionLostError
from .frames import BrokenStreamError, FrameWriter
from .hello import Opened, greet, greet_first, introduce
from .line import End, Line
from .session import Session, SessionOverError

_log = logging.getLogger(ROOT_LOGGER_NAME)
_trace = logging.getLogger(TRACE_LOGGER_NAME)

Message = broker_service_pb2.Message
State = Literal["connected", "reconnecting", "resumed", "lost", "draining", "closed"]

WINDOW_MESSAGES = 256
"""Covered messages that the broker may have sent and whose handlers have not started: several large frames."""
WINDOW_BYTES = 16 * 1024 * 1024

COMMAND_TIMEOUT = 30.0
"""Seconds that a registration or a subscription may take, the search for a session included."""

DEFECT_PAUSE = 0.5
"""Seconds before the next attempt when one has failed for a reason that nobody thought of."""


class Party(Protocol):
    """Whose uplink it is."""

    def state_is(self, state: State, reason: str) -> None:
        """The connection's state has changed."""

    def session_lost(self, reason: str) -> None:
        """The session is over for its users: what it left open ends (SPEC SES-15, SES-17)."""

    def session_began(self) -> None:
        """`Uplink.session` is a new one, in which nothing has been said yet."""

    def held(self) -> int:
        """How many agents would be claimed in a new session."""

    async def rejoin(self, session: Session) -> None:
        """Makes what this process hosts known in a new session (SPEC SES-14). Raises SessionOverError."""

    def ready(self) -> None:
        """Everything may be sent: the session is new and knows what this process hosts."""

    def session_confirmed(self) -> None:
        """After a silence the session is known to go on."""


class Uplink:
    """One session at a time, one connection at a time.

    Attributes:
        session: The present session; its queue takes messages while there is no connection.
        state: See the picture above.
        draining: The broker is about to go.
        handlers: Who takes what the broker says of its own accord, by kind.

    Args:
        addresses: `host:port` of each broker.
        hello: Who is calling.
    """

    session: Session

    def __init__(self, addresses: Sequence[str], hello: session_pb2.Hello) -> None:
        self.state: State = "connected"
        self.draining = False
        self.handlers: dict[str, Callable[[Message], None]] = {}
        self._addresses = deque(addresses)
        self._hello = introduce(hello)
        self._publish_numbers = itertools.count(1)
        self._party: Party | None = None
        self._line: Line | None = None
        self._ready = asyncio.Event()
        self._lost = asyncio.Event()
        self._closed = ""
        self._joined = True
        self._keeping: asyncio.Task[None] | None = None
        self._rejoining: asyncio.Task[None] | None = None
        self._opened: Opened | None = None

    # ---- the first session

    async def open(self, timeout: float) -> None:
        """Connects, within `timeout` seconds. Raises UnavailableError, or what the broker refused with."""
        writer = self._new_writer()
        self._opened = await greet_first(self._addresses, self._hello, writer, timeout)
        self._address_is(self._opened.connection.address)
        self.session = Session(self._opened.welcome, writer, self.handlers)

    def serve(self, party: Party) -> None:
        """Begins to read and write for `party`, and to keep it connected."""
        assert self._opened is not None
        self._party = party
        self._line = self._new_line(self._opened)
        self._opened = None
        self._ready.set()
        self._keeping = asyncio.get_running_loop().create_task(self._keep(party))

    def _new_writer(self) -> FrameWriter:
        return FrameWriter(
            window_messages=WINDOW_MESSAGES, window_bytes=WINDOW_BYTES, publish_numbers=self._publish_numbers
        )

    def _new_line(self, opened: Opened) -> Line:
        return Line(opened.connection, self.session, opened.frame, self._on_confirmed)

    def _on_confirmed(self) -> None:
        if self._party is not None:
            self._party.session_confirmed()

    @property
    def address(self) -> str:
        """The broker that was reached last, as `host:port`."""
        return self._addresses[0]

    def _address_is(self, address: str) -> None:
        while self._addresses[0] != address:
            self._addresses.rotate(-1)

    # ---- what its users ask

    @property
    def connected(self) -> bool:
        """True while there is a connection."""
        return self._line is not None and not self._line.ended.done()

    @property
    def is_ready(self) -> bool:
        """True if the session takes what is new, be it once it has a connection again."""
        return self._ready.is_set()

    def may_start(self) -> bool:
        """True if a handler may start now (SPEC SES-16)."""
        return self._line is not None and self._line.may_start()

    async def ready(self) -> Session:
        """The present session, once it takes what is new."""
        await self._ready.wait()
        return self.session

    async def lost(self) -> None:
        """Returns once the present session is lost."""
        await self._lost.wait()

    async def command(self, message: Message) -> Message:
        """Sends a message and returns its answer; if its session is lost, in the next one.

        Raises:
            ParleyError: The answer is an error.
            UnavailableError: The runtime was stopped, or there was no session in time.
            OutcomeUnknownError: There was no answer in time.
        """
        sent = False
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT):
                while True:
                    await self._ready.wait()
                    if self._closed:
                        raise UnavailableError(self._closed)
                    try:
                        sent = True
                        return await self.session.command(message)
                    except SessionOverError as over:
                        _trace.debug("a command is sent again: %s", over)
        except TimeoutError:
            if not sent:
                raise UnavailableError(f"there was no session with a broker within {COMMAND_TIMEOUT:g} s") from None
            what = message.WhichOneof("kind")
            raise OutcomeUnknownError(f"the broker did not answer {what} within {COMMAND_TIMEOUT:g} s") from None

    def broker_drains(self, reason: str) -> None:
        """The broker has said that it is about to go."""
        self.draining = True
        self.tell("draining", reason)

    # ---- keeping it up

    def tell(self, state: State, reason: str) -> None:
        """Says what the state is, if that is new."""
        if self.state != state and self._party is not None:
            self.state = state
            self._party.state_is(state, reason)

    async def _keep(self, party: Party) -> None:
        while True:
            assert self._line is not None
            end = await asyncio.shield(self._line.ended)
            _log.warning("the connection to the broker at %s was lost: %s", self.address, end.reason)
            await self._line.close()
            if end.session_over:
                self._addresses.rotate(-1)
                self._lose(party, end.reason)
            else:
                self.tell("reconnecting", end.reason)
            while not await self._go_on(party, end):
                end = End("the session cannot go on", session_over=True)

    async def _go_on(self, party: Party, end: End) -> bool:
        """Finds a broker, and takes up a session with it. False if that cannot be: the next attempt may do better."""
        opened: Opened | None = None
        try:
            opened, writer = await self._find(party, end)
            return await self._take_up(party, opened, writer)
        except Exception:  # a defect must not be the end
            _log.exception("the session could not be taken up")
            if opened is not None:
                await opened.connection.close()
            await asyncio.sleep(DEFECT_PAUSE)
            return False

    async def _find(self, party: Party, end: End) -> tuple[Opened, FrameWriter]:
        """Tries all addresses in turn until one answers (SPEC SES-18); tells when the grace is over."""
        session = self.session
        hello = session_pb2.Hello()
        hello.CopyFrom(self._hello)
        if not end.session_over:
            hello.resume.CopyFrom(session.resume_of())
        if held := party.held():
            hello.resume.agents = held
        loop = asyncio.get_running_loop()
        over = loop.call_later(session.grace, self._lose, party, f"{end.reason}; the session's grace is over")
        backoff = Backoff()
        try:
            while True:
                await asyncio.sleep(backoff.next())
                for address in list(self._addresses):
                    writer = self._new_writer()
                    try:
                        opened = await greet(address, hello, writer)
                    except (ConnectionLostError, ParleyError) as error:
                        _trace.debug("connecting to %s failed: %s", address, error)
                        continue
                    self._address_is(address)
                    return opened, writer
        finally:
            over.cancel()

    async def _take_up(self, party: Party, opened: Opened, writer: FrameWriter) -> bool:
        """Goes on with the session that Welcome names. False if that cannot be."""
        welcome = opened.welcome
        resumed = welcome.resumed and welcome.session_id == self.session.session_id
        if resumed:
            try:
                self.session.writer.resume(welcome.received)
            except BrokenStreamError as broken:
                self._lose(party, str(broken))
                await opened.connection.close()
                return False
            self._line = self._new_line(opened)
            self.tell("resumed", "")
            if self._lost.is_set():
                self._lost.clear()
                self.session.go_on()
                self._join(party)
        else:
            self._lose(party, "the broker does not know the session any more")
            self.draining = False
            self.session = Session(welcome, writer, self.handlers)
            party.session_began()
            self._line = self._new_line(opened)
            self._lost.clear()
            self._joined = False
            self._join(party)
        party.session_confirmed()
        _log.info("connected address=%s session=%s resumed=%s", self.address, welcome.session_id, resumed)
        return True

    def _join(self, party: Party) -> None:
        if self._rejoining is not None:
            self._rejoining.cancel()
        self._rejoining = asyncio.get_running_loop().create_task(self._rejoin(party, self.session))

    async def _rejoin(self, party: Party, session: Session) -> None:
        try:
            if not self._joined:
                await party.rejoin(session)
        except SessionOverError as over:
            _trace.debug("the session ended before it was joined: %s", over)
            return
        except Exception as error:  # a defect must not be the end
            _log.exception("what this process hosts could not be said in the new session")
            if self._line is not None and session is self.session:
                self._line.give_up(f"{type(error).__name__}: {error}")
            return
        self._joined = True
        if self._lost.is_set():
            return  # it ended meanwhile
        self._ready.set()
        self.tell("connected", "")
        party.ready()

    def _lose(self, party: Party, reason: str) -> None:
        """The session is over, as far as this side can tell; told once."""
        if self._lost.is_set():
            return
        self._lost.set()
        self._ready.clear()
        self.session.end(reason)
        _log.error("the session is over: %s", reason)
        self.tell("lost", reason)
        party.session_lost(reason)

    async def close(self, reason: str) -> None:
        """Says Goodbye if it can, and ends for good."""
        self._closed = "the runtime has been stopped"
        for task in (self._keeping, self._rejoining):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        if self._line is not None:
            await self._line.say_goodbye(reason)
            await self._line.close()
        if self._opened is not None:
            await self._opened.connection.close()
        self.session.end(self._closed)
        self._ready.set()
