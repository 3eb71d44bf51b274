"""Bugs of sessions: Hello, frames, numbers, receipts, heartbeats, resuming."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mark import wrap

from parley_broker import config
from parley_broker.core.gateway import lives, session
from parley_broker.core.gateway.commands import Commands
from parley_broker.core.gateway.gateway import Gateway
from parley_broker.core.gateway.outgoing import Outgoing
from parley_broker.core.gateway.sessions import Sessions
from parley_broker.core.messages import Heartbeat, Hello
from parley_broker.errors import EndCode, ProtocolViolation
from parley_broker.frontends.grpc_v1 import codec, servicer
from parley_wire.v1 import broker_service_pb2


def any_version_accepted() -> None:
    """Hello is answered by Welcome whatever versions it names."""
    wrap(lives, "agree", lambda _: lambda hello: hello.max_version)


def one_message_per_frame() -> None:
    """Of a frame only the first message is read."""

    def make(decode: Any) -> Any:
        def wrong(data: bytes, now: float) -> Any:
            frame = decode(data, now)
            del frame.messages[1:]
            return frame

        return wrong

    wrap(servicer, "decode_frame", make)


def receipts_withheld() -> None:
    """What the client sends is never acknowledged."""

    def make(take: Any) -> Any:
        def wrong(self: Any, connection_id: int, now: float) -> Any:
            frame = take(self, connection_id, now)
            return None if frame is None else replace(frame, received=0)

        return wrong

    wrap(Gateway, "take", make)


def heartbeats_on_demand() -> None:
    """A heartbeat is sent only to answer one."""

    def make(push: Any) -> Any:
        def wrong(self: Any, session: Any, message: Any) -> None:
            if not isinstance(message.body, Heartbeat) or message.re:
                push(self, session, message)

        return wrong

    wrap(Sessions, "push", make)


def no_frames_are_empty() -> None:
    """Bytes that are no frame are taken for one with nothing in it."""

    def make(decode: Any) -> Any:
        def wrong(data: bytes, now: float) -> Any:
            try:
                return decode(data, now)
            except codec.NotAFrame:
                return decode(b"", now)

        return wrong

    wrap(servicer, "decode_frame", make)


def gaps_taken() -> None:
    """A number may be above the next one."""

    def make(number: Any) -> Any:
        def wrong(self: Any, frame: Any) -> Any:
            if frame.first_seq:
                self.received = max(self.received, frame.first_seq - 1)
            return number(self, frame)

        return wrong

    wrap(session.Session, "number", make)


def hello_not_awaited() -> None:
    """A connection may say nothing for as long as it likes."""

    def make(connect: Any) -> Any:
        def wrong(self: Any, connection: Any, now: float) -> None:
            connect(self, connection, now)
            self._hellos.drop(connection.id)

        return wrong

    wrap(lives.Lives, "connect", make)


def anything_greets() -> None:
    """Whatever comes first on a connection is taken for a Hello."""

    def make(greet: Any) -> Any:
        def wrong(self: Any, connection: Any, message: Any, now: float) -> Any:
            if not isinstance(message.body, Hello):
                message = replace(message, body=Hello(1, 1, "nobody"))
            return greet(self, connection, message, now)

        return wrong

    wrap(lives.Lives, "greet", make)


def second_hello_ignored() -> None:
    """A second Hello on a connection is ignored."""

    def make(carry_out: Any) -> Any:
        def wrong(self: Any, session: Any, message: Any, now: float) -> None:
            if not isinstance(message.body, Hello):
                carry_out(self, session, message, now)

        return wrong

    wrap(Commands, "carry_out", make)


def instances_are_one() -> None:
    """A session ends when another one with its instance id begins."""

    def make(begin: Any) -> Any:
        def wrong(self: Any, connection: Any, hello: Any, now: float) -> Any:
            for older in [one for one in self._sessions.by_id.values() if one.hello.instance_id == hello.instance_id]:
                self._lose(older, "there is another one of its instance", now)
            return begin(self, connection, hello, now)

        return wrong

    wrap(lives.Lives, "_begin", make)


def grace_forgotten() -> None:
    """A session is lost with its connection."""
    wrap(lives.Lives, "_part", lambda _: lambda self, session, why, now: self._lose(session, why, now))


def nothing_sent_again() -> None:
    """What was written into a connection that broke is thought to have arrived."""
    wrap(Outgoing, "resume", lambda resume: lambda self, received: resume(self, self.sent))


def repeats_taken() -> None:
    """A number that was received before is taken again."""

    def make(number: Any) -> Any:
        def wrong(self: Any, frame: Any) -> Any:
            if frame.first_seq:
                self.received = min(self.received, frame.first_seq - 1)
            return number(self, frame)

        return wrong

    wrap(session.Session, "number", make)


def any_token_accepted() -> None:
    """A session is given to whoever names it."""
    wrap(lives, "compare_digest", lambda _: lambda one, other: True)


def older_connection_kept() -> None:
    """The connection that a session had before goes on, too."""

    def make(resume: Any) -> Any:
        def wrong(self: Any, session: Any, received: int, connection: Any, now: float) -> None:
            older = self._sessions.connections.pop(session.connection, None)
            resume(self, session, received, connection, now)
            if older is not None:
                self._sessions.connections[older.id] = older

        return wrong

    wrap(lives.Lives, "_resume", make)


def silence_forgiven() -> None:
    """A client that is connected is never lost, however long nothing is heard of it."""
    wrap(config, "make_policy", lambda policy: lambda values: replace(policy(values), suspect_limit=3600.0))


def unknown_kinds_end_the_connection() -> None:
    """A message of an unknown kind ends the connection."""

    def wrong(self: Any, session: Any, message: Any, now: float) -> None:
        raise ProtocolViolation(EndCode.INVALID_ARGUMENT, "nobody knows this kind")

    wrap(Commands, "_unknown", lambda _: wrong)


def unknown_fields_refused() -> None:
    """A frame with a field of a later version is none."""

    def make(decode: Any) -> Any:
        def wrong(data: bytes, now: float) -> Any:
            known = broker_service_pb2.Frame.FromString(data)
            known.DiscardUnknownFields()
            if known.ByteSize() != len(data):
                raise codec.NotAFrame("there is an unknown field")
            return decode(data, now)

        return wrong

    wrap(servicer, "decode_frame", make)


def bad_frames_are_defects() -> None:
    """A frame that is refused ends the connection with INTERNAL."""

    def make(decode: Any) -> Any:
        def wrong(data: bytes, now: float) -> Any:
            try:
                return decode(data, now)
            except codec.NotAFrame as failure:
                raise RuntimeError(str(failure)) from failure

        return wrong

    wrap(servicer, "decode_frame", make)


def silence_unnoticed() -> None:
    """A client that is connected and silent is dispatched to as any other."""
    wrap(lives, "SUSPECT_AFTER_INTERVALS", lambda _: 1000)


def suspects_are_lost() -> None:
    """A client of which nothing was heard for three intervals is lost at once."""
    wrap(config, "make_policy", lambda policy: lambda values: replace(policy(values), suspect_limit=0.0))


BUGS: tuple[Callable[[], None], ...] = (
    any_version_accepted,
    one_message_per_frame,
    receipts_withheld,
    heartbeats_on_demand,
    no_frames_are_empty,
    gaps_taken,
    hello_not_awaited,
    anything_greets,
    second_hello_ignored,
    instances_are_one,
    grace_forgotten,
    nothing_sent_again,
    repeats_taken,
    any_token_accepted,
    older_connection_kept,
    silence_forgiven,
    unknown_kinds_end_the_connection,
    unknown_fields_refused,
    bad_frames_are_defects,
    silence_unnoticed,
    suspects_are_lost,
)
