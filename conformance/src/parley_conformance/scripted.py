"""The scripted broker: a server made of gRPC and generated messages alone, for one client at a time.

It shares no code with the broker, so that it can also say what no broker says. What every broker has to do is done
unless a case switches it off: Hello is answered, sessions are resumed, commands are answered, agents activated before
their first message, messages numbered and kept until they are received. What the client writes is checked as it comes.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from parley_conformance import matching, wire
from parley_conformance.client_watch import ClientWatch, begins_wrongly
from parley_conformance.journal import Journal, shortened
from parley_conformance.labels import Labels
from parley_conformance.model import Failed
from parley_conformance.proxy import END_OF_STREAM, SERVER_OPTIONS, say_status
from parley_conformance.relay import DOWN, UP, Relay
from parley_conformance.watch import UNNUMBERED, kind_of
from parley_wire.v1 import broker_service_pb2 as pb

WITHIN_MS = 5_000
FIRST_EPOCH = (1 << 32) + 1
_ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "register_agent_type": {"done": {}},
    "unregister_agent_type": {"done": {}},
    "claim": {"claim_result": {}},
    "subscribe": {"done": {}},
    "unsubscribe": {"done": {}},
    "list_subscriptions": {"subscription_list": {}},
    "publish": {"published": {"recipients": 1}},
    "ack": {"done": {}},
    "nack": {"done": {}},
    "save": {"done": {}},
    "drain": {"done": {}},
    "reply": {"done": {}},
    "heartbeat": {"heartbeat": {}},
}
"""How each command is answered, unless the case does it."""
_ASKS = ("request", "activate", "deactivate", "save_request")
"""What the broker says to be answered."""


@dataclass
class Session:
    """What the broker keeps of a session."""

    id: str
    token: bytes
    watch: ClientWatch
    kept: dict[int, pb.Message] = field(default_factory=dict)


class Connection:
    """One stream of the client."""

    def __init__(self, number: int, address: str, context: Any) -> None:
        self.number = number
        self.address = address
        self.context = context
        self.hello: pb.Message | None = None
        self.open = True
        self.end: asyncio.Future[tuple[grpc.StatusCode, str]] = asyncio.get_running_loop().create_future()


class ScriptedBroker:
    """See the module. One client is expected; its newest connection is where it is spoken to.

    Attributes:
        manual: Kinds that the case answers itself; `hello` among them.
        welcome: Fields of Welcome that are not as usual.
        inbox: What came and was not taken yet: messages as plain data, with `seq`, `connection`, `address`, `label`,
            and `again` for what had been received before.
        silent: It says nothing by itself, heartbeats included.
        patient: It waits for the client without a limit.
        receipts: Its frames tell what was received.
    """

    def __init__(self, settings: Mapping[str, Any], journal: Journal, host: str = "127.0.0.1") -> None:
        self.manual: set[str] = set(settings.get("manual", ()))
        self.welcome: dict[str, Any] = dict(settings.get("welcome", {}))
        self.activates: bool = settings.get("activates", True)
        self.silent = False
        self.patient = False
        self.receipts: bool = settings.get("receipts", True)
        self.inbox: list[dict[str, Any]] = []
        self.arrived = asyncio.Event()
        self.connection: Connection | None = None
        self.session: Session | None = None
        self.relays: dict[str, Relay] = {}
        self.incarnation = 1
        self._credit = (settings.get("credit_messages", 1_000_000), settings.get("credit_bytes", 1 << 40))
        self._heartbeat_ms = int(self.welcome.get("heartbeat_interval_ms", 1_000))
        self._names: Sequence[str] = settings.get("addresses", ("a",))
        self._journal = journal
        self._host = host
        self._labels = Labels()
        self._ids = itertools.count(1_000)
        self._numbers = itertools.count(1)
        self._sessions = itertools.count(1)
        self._epochs = itertools.count(FIRST_EPOCH)
        self._positions: dict[str, int] = {}
        self._active: dict[str, int] = {}
        self._unseen: set[int] = set()
        self._past: list[Failed] = []
        self._connections: dict[int, Connection] = {}
        self._greeted: Connection | None = None
        self._writing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[grpc.aio.Server] = []

    async def start(self) -> None:
        """Begins to listen at all addresses."""
        for name in self._names:
            server = grpc.aio.server(options=SERVER_OPTIONS)
            service, method = wire.CONNECT[1:].split("/")
            handler = grpc.stream_stream_rpc_method_handler(self._serving(name))
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            self._servers.append(server)
            relay = self.relays[name] = Relay(
                lambda port=port: ("127.0.0.1", port),  # type: ignore[misc]
                host=self._host,
            )
            await relay.start()
        self._task(self._beat())

    def address(self, names: Sequence[str] = ()) -> str:
        """What a client dials: all addresses, or those named, in this order."""
        return ",".join(self.relays[name].address for name in names or self._names)

    @property
    def connected(self) -> bool:
        """True while a client that was welcomed is there."""
        return self.connection is not None and self.connection.open and self.session is not None

    @property
    def violations(self) -> list[Failed]:
        """The rules that the client broke, in all its sessions."""
        return [*self._past, *(self.session.watch.violations if self.session else ())]

    # -- saying ---------------------------------------------------------------------------------------------------

    async def say(self, plain: Mapping[str, Any]) -> int:
        """Says one thing, with an id if it is to be answered; returns the id. What is absent is filled in.

        A Request or Delivery gets the epoch of the agent's place, and an Activate before the first of them; a Delivery
        the next position of its recipient, round 1 and attempt 1.
        """
        ((kind, fields),) = ((k, v) for k, v in plain.items() if k not in ("id", "re"))
        fields = dict(fields or {})
        if kind in ("request", "delivery"):
            fields = await self._addressed(kind, fields)
        if kind in ("activate", "deactivate", "save_request"):
            agent = fields["agent"]
            place = next(self._epochs) if kind == "activate" else self._active[agent]
            fields.setdefault("epoch", place)
            self._active[agent] = fields["epoch"]
        identity = plain.get("id", next(self._ids) if kind in _ASKS else 0)
        await self.write({**plain, "id": identity, kind: fields})
        return int(identity)

    async def _addressed(self, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
        agent = fields["target" if kind == "request" else "recipient"]
        if self.activates and agent not in self._active:
            self._unseen.add(await self.say({"activate": {"agent": agent}}))
        if self.activates:
            fields.setdefault("epoch", self._active[agent])
        fields.setdefault("attempt", 1)
        if kind == "delivery":
            fields.setdefault("position", self._positions.get(agent, 0) + 1)
            fields.setdefault("round", 1)
            fields.setdefault("event_id", f"event {fields['position']}")
            self._positions[agent] = max(self._positions.get(agent, 0), fields["position"])
        return fields

    async def write(self, *plains: Mapping[str, Any], first_seq: int | None = None) -> None:
        """Writes messages as they stand, in one frame; they are kept until received.

        Args:
            plains: Messages as plain data.
            first_seq: Instead of the right number; then they are neither counted nor kept.
        """
        messages = [wire.message(plain) for plain in plains]
        for message in messages:
            for agent in message.claim_result.refused:
                self._active.pop(f"{agent.type}/{agent.key}", None)
        async with self._writing:
            first = first_seq or 0
            if self.session is None and first_seq is None and kind_of(messages[0]) not in UNNUMBERED:
                # The answer to a Hello that is refused.
                first = 1
            for message in messages:
                if self.session is None:
                    continue
                watch = self.session.watch
                watch.says(message, counted=first_seq is None)
                if kind_of(message) not in UNNUMBERED and first_seq is None:
                    self.session.kept[watch.sent] = message
                    first = first or watch.sent
            frame = pb.Frame(messages=messages, first_seq=first, received=self._received)
            self._tape("wrote", first_seq is None, frame=frame)
            await self._write(frame)

    async def repeat(self, number: int) -> None:
        """Writes what has this number once more, under the same number."""
        assert self.session is not None
        frame = pb.Frame(messages=[self.session.kept[number]], first_seq=number)
        async with self._writing:
            self._tape("again", frame=frame)
            await self._write(frame)

    def lose(self, number: int) -> None:
        """Goes on as if the client's last messages had never come; it must not have been told otherwise."""
        assert self.session is not None
        self._tape("forget", number)
        self.session.watch.forget(number)

    async def write_bytes(self, data: bytes) -> None:
        """Writes bytes where a frame belongs."""
        async with self._writing:
            await self._write(data)

    async def grant(self, messages: int, size: int) -> None:
        """Raises the credit of the client to these totals."""
        assert self.session is not None
        self._tape("credit", messages, size)
        self.session.watch.credit_messages, self.session.watch.credit_bytes = messages, size
        async with self._writing:
            await self._write(pb.Frame(credit_messages=messages, credit_bytes=size, received=self._received))

    async def greet(self, fields: Mapping[str, Any]) -> None:
        """Answers the Hello of the newest connection: resumes the session, or begins one.

        Args:
            fields: Of Welcome; `resumed` false begins a new session although the client wants its own back.
        """
        connection = self.connection
        assert connection is not None
        assert connection.hello is not None
        self._greeted = connection
        hello = connection.hello.hello
        told = {"version": 1, "heartbeat_interval_ms": self._heartbeat_ms, "session_grace_ms": 60_000, **fields}
        told = {"suspect_limit_ms": 60_000, "kinds": wire.ALL_KINDS, "broker_name": "scripted", **told}
        resumed = told.setdefault("resumed", self._knows(hello))
        if not resumed:
            self._begin()
        session = self.session
        assert session is not None
        told = {"session_id": session.id, "resume_token": session.token, **told}
        told.setdefault("incarnation", f"incarnation {self.incarnation}")
        told.setdefault("received", session.watch.received)
        self._tape("goes_on", told["received"])
        session.watch.goes_on(told["received"])
        again = sorted(number for number in session.kept if number > hello.resume.received) if resumed else []
        watch = session.watch
        frame = pb.Frame(credit_messages=watch.credit_messages, credit_bytes=watch.credit_bytes)
        frame.messages.append(wire.message({"re": connection.hello.id, "welcome": told}))
        frame.messages.extend(session.kept[number] for number in again)
        frame.first_seq = again[0] if again else 0
        async with self._writing:
            self._tape("again", frame=frame)
            await self._write(frame)

    def fresh(self) -> int:
        """An id that nothing has."""
        return next(self._ids)

    def end(self, code: str, text: str, number: int = 0) -> None:
        """Ends a connection with this gRPC status, unless the client has ended it before.

        Args:
            code: The status by its name.
            text: That goes with it.
            number: Of the connection; 0: the newest one.
        """
        connection = self._connections[number] if number else self.connection
        assert connection is not None
        connection.end.set_result((grpc.StatusCode[code], text))

    def forget(self) -> None:
        """Forgets the session, as a broker does that was started again."""
        self._retire()
        self.incarnation += 1

    # -- hearing --------------------------------------------------------------------------------------------------

    async def wait(self, ready: Callable[[], bool], within_ms: float) -> bool:
        """Waits until `ready()`, asked again whenever something came; false: not in time."""
        try:
            async with asyncio.timeout(None if self.patient else within_ms / 1000):
                while not ready():
                    self.arrived.clear()
                    await self.arrived.wait()
        except TimeoutError:
            return ready()
        return True

    async def get(self, expected: Mapping[str, Any], within_ms: float = WITHIN_MS) -> dict[str, Any]:
        """Takes the first message out of the inbox that has what is expected; waits for it.

        Raises:
            Failed: None came in time.
        """
        if not await self.wait(lambda: self.has(expected), within_ms):
            there = "; ".join(shortened(repr(one)) for one in self.inbox[:5]) or "nothing"
            near = matching.nearest(expected, self.inbox)
            raise Failed(
                f"expected {dict(expected)!r} within {within_ms:.0f} ms; there was {there}{near}", party="client"
            )
        found = next(one for one in self.inbox if matching.matches(expected, one))
        self.inbox.remove(found)
        return found

    async def next(self, expected: Sequence[Mapping[str, Any]], within_ms: float = WITHIN_MS) -> list[dict[str, Any]]:
        """Takes as many messages as are expected; they are the next ones, in this order.

        Raises:
            Failed: Others came, or too few.
        """
        enough = await self.wait(lambda: len(self.inbox) >= len(expected), within_ms)
        found, self.inbox = self.inbox[: len(expected)], self.inbox[len(expected) :]
        for number, (one, came) in enumerate(zip(expected, found, strict=False), 1):
            if wrong := matching.differences(one, came):
                raise Failed(f"message {number} of {len(expected)}: {'; '.join(wrong)}", party="client")
        if not enough:
            raise Failed(f"{len(found)} of {len(expected)} messages within {within_ms:.0f} ms", party="client")
        return found

    def has(self, expected: Mapping[str, Any]) -> bool:
        """True if such a message is in the inbox now."""
        return any(matching.matches(expected, one) for one in self.inbox)

    async def close(self) -> None:
        """Ends everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *(relay.close() for relay in self.relays.values()), return_exceptions=True)
        await asyncio.gather(*(server.stop(None) for server in self._servers))

    # -- inside ---------------------------------------------------------------------------------------------------

    @property
    def _received(self) -> int:
        return self.session.watch.received if self.session and self.receipts else 0

    def _knows(self, hello: Any) -> bool:
        session, resume = self.session, hello.resume
        return session is not None and (resume.session_id, resume.resume_token) == (session.id, session.token)

    def _begin(self) -> None:
        self._retire()
        number = next(self._sessions)
        self.session = Session(f"session {number}", f"token {number}".encode(), ClientWatch(*self._credit))
        self._tape("session", *self._credit)
        self._active, self._labels = {}, Labels()
        self._positions = {}

    def _retire(self) -> None:
        if self.session is not None:
            self._tape("retire")
            self._past += self.session.watch.violations
        self.session = None

    def _serving(self, address: str) -> Callable[[Any, Any], Any]:
        async def serve(_: Any, context: Any) -> None:
            connection = Connection(next(self._numbers), address, context)
            self.connection = self._connections[connection.number] = connection
            reading = asyncio.create_task(self._read(connection))
            try:
                either: set[asyncio.Future[Any]] = {reading, connection.end}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if connection.end.done():
                    await say_status(context, *connection.end.result())
            finally:
                connection.open = False
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                self._journal.note("client", "--", f"connection {connection.number} ended")
                self.arrived.set()

        return serve

    async def _read(self, connection: Connection) -> None:
        while (data := await connection.context.read()) is not END_OF_STREAM:
            frame = pb.Frame.FromString(data)
            if connection.hello is None:
                await self._first(connection, frame)
            elif self.session is not None and connection is self._greeted:
                # What an older connection still has to say is nobody's any more.
                self._tape("read", frame=frame)
                for message, number, again in self.session.watch.heard(frame):
                    await self._message(connection, message, number, again)
            self.arrived.set()

    async def _first(self, connection: Connection, frame: pb.Frame) -> None:
        self._tape("first", *self._credit, frame=frame)
        self._past += begins_wrongly(frame, *self._credit)
        if [kind_of(message) for message in frame.messages] != ["hello"]:
            return
        connection.hello = hello = frame.messages[0]
        if self.session is not None and self._knows(hello.hello):
            self._tape("wants_back", hello.hello.resume.received)
            self.session.watch.wants_back(hello.hello.resume.received)
        self._keep(connection, hello, 0, False)
        if "hello" not in self.manual:
            await self.greet(self.welcome)

    async def _message(self, connection: Connection, message: pb.Message, number: int, again: bool) -> None:
        kind = kind_of(message)
        if message.re in self._unseen and kind == "done":
            self._unseen.discard(message.re)
            return
        # A client that heard nothing for a while asks by heartbeat (SES-16), which a busy machine is enough for.
        if kind != "heartbeat" or message.re or "heartbeat" in self.manual:
            self._keep(connection, message, number, again)
        if kind == "claim":
            # What is not refused stays where it is.
            self._active |= {f"{one.agent.type}/{one.agent.key}": one.epoch for one in message.claim.agents}
        if message.id and kind not in self.manual and kind in _ANSWERS and not self.silent:
            await self.write({"re": message.id, **_ANSWERS[kind]})

    def _keep(self, connection: Connection, message: pb.Message, number: int, again: bool) -> None:
        label = self._labels.of(UP, message)
        about = {"seq": number, "connection": connection.number, "address": connection.address, "label": label}
        plain = {**wire.plain(message), **about, **({"again": True} if again else {})}
        self._journal.note("client", "=>", shortened(repr(plain)))
        self.inbox.append(plain)

    def _tape(self, op: str, *values: int, frame: pb.Frame | None = None) -> None:
        number = self.connection.number if self.connection else 0
        self._journal.tape.note("client", number, op, *values, frame=frame)

    async def _write(self, frame: pb.Frame | bytes) -> None:
        connection = self.connection
        if isinstance(frame, pb.Frame):
            for message in frame.messages:
                self._labels.of(DOWN, message)
                if kind_of(message) != "heartbeat" or message.id:
                    self._journal.note("client", "<=", shortened(repr(wire.plain(message))))
        if connection is None or not connection.open:
            return
        try:
            await connection.context.write(frame if isinstance(frame, bytes) else frame.SerializeToString())
        except (grpc.aio.BaseError, asyncio.InvalidStateError):
            self._journal.note("client", "--", "not written: the connection has ended")

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_ms / 2_000)
            if self.connected and not self.silent:
                await self.write({"heartbeat": {}})

    def _task(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
