"""A launcher with a broker that does sessions, registrations, calls and their answers, and nothing else.

Its argument before the settings says what else it gets wrong: `none`, or `callers-ids` (towards the worker it uses the
ids of the callers, against RPC-2).
"""

import asyncio
import itertools
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from parley_wire.v1 import broker_service_pb2 as pb
from parley_wire.v1 import errors_pb2, session_pb2, subscription_pb2

UNNUMBERED = {"hello", "welcome", "heartbeat"}
FLAW, SETTINGS = sys.argv[-2], json.loads(sys.argv[-1])
KINDS = [10, 11, 12, 13, 20, 21, 30, 32, 40, 41, 42, 52, 53]


class Session:
    """One connection and what goes out on it."""

    def __init__(self) -> None:
        self.out: asyncio.Queue[pb.Frame | None] = asyncio.Queue()
        self.sent = self.received = self.covered = 0
        self.types: set[str] = set()

    def say(self, **fields: Any) -> None:
        message = pb.Message(**fields)
        numbered = message.WhichOneof("kind") not in UNNUMBERED
        self.sent += numbered
        frame = pb.Frame(messages=[message], received=self.received, first_seq=self.sent if numbered else 0)
        frame.credit_messages, frame.credit_bytes = self.covered + 1_000, 1 << 40
        self.out.put_nowait(frame)

    def refuse(self, re: int, reason: str, text: str, **more: Any) -> None:
        self.say(re=re, error=errors_pb2.Error(reason=f"ERROR_REASON_{reason}", message=text, **more))


class Incomplete:
    """All that it knows: sessions, who hosts what, and the calls under way, by the worker and its id."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.calls: dict[tuple[int, int], tuple[Session, int]] = {}
        self.placed: set[tuple[int, str, str]] = set()
        self.ids = itertools.count(1_000_000)

    async def connect(self, frames: AsyncIterator[pb.Frame], context: Any) -> AsyncIterator[pb.Frame]:
        session = Session()
        self.sessions.append(session)
        reading = asyncio.create_task(self._read(session, frames))
        beating = asyncio.create_task(self._beat(session))
        try:
            while (frame := await session.out.get()) is not None:
                yield frame
        finally:
            self.sessions.remove(session)
            reading.cancel()
            beating.cancel()

    async def _beat(self, session: Session) -> None:
        while True:
            await asyncio.sleep(0.5)
            if session.received:
                session.say(heartbeat=session_pb2.Heartbeat())

    async def _read(self, session: Session, frames: AsyncIterator[pb.Frame]) -> None:
        async for frame in frames:
            for message in frame.messages:
                kind = message.WhichOneof("kind") or ""
                session.received += kind not in UNNUMBERED
                getattr(self, f"_{kind}", self._unknown)(session, message)
        session.out.put_nowait(None)

    def _unknown(self, session: Session, message: pb.Message) -> None:
        if message.id:
            session.refuse(message.id, "INVALID_ARGUMENT", "no such kind of message", details={"kind": "?"})

    def _hello(self, session: Session, message: pb.Message) -> None:
        limits = session_pb2.Limits(max_envelope_bytes=1 << 20, max_outstanding_calls=10_000)
        name = os.urandom(8).hex()
        welcome = session_pb2.Welcome(
            version=1, session_id=name, resume_token=os.urandom(16), incarnation="1", kinds=KINDS
        )
        welcome.heartbeat_interval_ms, welcome.suspect_limit_ms = 5_000, 60_000
        welcome.limits.CopyFrom(limits)
        session.say(re=message.id, welcome=welcome)

    def _heartbeat(self, session: Session, message: pb.Message) -> None:
        if message.id:
            session.say(re=message.id, heartbeat=session_pb2.Heartbeat())

    def _goodbye(self, session: Session, message: pb.Message) -> None:
        session.out.put_nowait(None)

    def _done(self, session: Session, message: pb.Message) -> None:
        """An agent was made."""

    def _register_agent_type(self, session: Session, message: pb.Message) -> None:
        session.types.add(message.register_agent_type.type)
        session.say(re=message.id, done=pb.Done())

    def _list_subscriptions(self, session: Session, message: pb.Message) -> None:
        session.say(re=message.id, subscription_list=subscription_pb2.SubscriptionList())

    def _request(self, session: Session, message: pb.Message) -> None:
        request = message.request
        session.covered += not request.call_chain
        worker = next((one for one in self.sessions if request.target.type in one.types), None)
        if worker is None:
            text = f"nobody hosts {request.target.type}"
            details = {"agent_type": request.target.type}
            session.refuse(message.id, "NO_RESPONDERS", text, retryable=True, details=details)
            return
        place = (id(worker), request.target.type, request.target.key)
        if place not in self.placed:
            self.placed.add(place)
            worker.say(id=next(self.ids), activate={"agent": request.target, "epoch": 1 << 32})
        request.epoch, request.attempt, request.timeout_ms = 1 << 32, 1, request.timeout_ms or 120_000
        identity = message.id if FLAW == "callers-ids" else next(self.ids)
        self.calls[id(worker), identity] = session, message.id
        worker.say(id=identity, request=request)

    def _reply(self, session: Session, message: pb.Message) -> None:
        caller, identity = self.calls.pop((id(session), message.re))
        caller.say(re=identity, reply=message.reply)

    def _error(self, session: Session, message: pb.Message) -> None:
        caller, identity = self.calls.pop((id(session), message.re))
        caller.say(re=identity, error=message.error)


async def main() -> None:
    if unknown := sorted(set(SETTINGS) - {"data_dir"}):
        told: dict[str, Any] = {"unsupported": f"no such setting: {', '.join(unknown)}"}
    else:
        server = grpc.aio.server()
        method = grpc.stream_stream_rpc_method_handler(
            Incomplete().connect, pb.Frame.FromString, pb.Frame.SerializeToString
        )
        handlers = grpc.method_handlers_generic_handler("parley.v1.BrokerService", {"Connect": method})
        server.add_generic_rpc_handlers((handlers,))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        told = {"address": f"grpc://127.0.0.1:{port}", "pid": os.getpid()}
    sys.stdout.write(json.dumps({**told, "profiles": ["core"]}) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)


asyncio.run(main())
