"""Hello and Welcome: how a connection becomes one of a session (SPEC SES-1, SES-3, SES-9)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import NamedTuple

from parley._constants import TRACE_LOGGER_NAME
from parley.exceptions import (
    DrainingError,
    ProtocolVersionUnsupportedError,
    UnavailableError,
)
from parley_wire.v1 import broker_service_pb2, session_pb2

from .backoff import Backoff
from .codec import error_from_wire
from .connection import Connection, ConnectionLostError, NoAnswerError, dial
from .frames import FrameWriter

_trace = logging.getLogger(TRACE_LOGGER_NAME)

Message = broker_service_pb2.Message

PROTOCOL_VERSION = 1
HELLO_ID = 1
HELLO_TIMEOUT = 5.0
"""Seconds that one address has to answer Hello; then the next one is tried."""

_FIRST_LONGEST_PAUSE = 1.0  # seconds: somebody waits for the program to start
_UNDERSTOOD = (
    *("welcome", "heartbeat", "goodbye", "drain", "done", "error"),
    *("activate", "deactivate", "claim_result", "save_request", "request", "reply", "cancel", "published", "delivery"),
)


class Opened(NamedTuple):
    """A connection on which Welcome came.

    Attributes:
        connection: The connection.
        frame: The frame that carried Welcome: it may hold more.
        welcome: What the broker said.
    """

    connection: Connection
    frame: broker_service_pb2.Frame
    welcome: session_pb2.Welcome


def introduce(hello: session_pb2.Hello) -> session_pb2.Hello:
    """Completes a Hello by what this version speaks and understands."""
    hello.min_version = hello.max_version = PROTOCOL_VERSION
    hello.kinds.extend(Message.DESCRIPTOR.fields_by_name[kind].number for kind in _UNDERSTOOD)
    return hello


async def greet(address: str, hello: session_pb2.Hello, writer: FrameWriter, timeout: float = HELLO_TIMEOUT) -> Opened:
    """Connects to an address and says Hello.

    Args:
        address: `host:port`.
        hello: Who is calling, and which session it wants back.
        writer: Whose credit the frame with Hello says.
        timeout: Seconds.

    Raises:
        ConnectionLostError: The address cannot be reached, did not answer in time, or is no broker.
        ParleyError: The broker refused, for instance PROTOCOL_VERSION_UNSUPPORTED.
    """
    connection, frame = await dial(address, writer.hello(Message(id=HELLO_ID, hello=hello)), timeout)
    answer = frame.messages[0] if frame.messages else Message()
    kind = answer.WhichOneof("kind")
    if kind == "welcome" and answer.welcome.version == PROTOCOL_VERSION:
        return Opened(connection, frame, answer.welcome)
    await connection.close()
    if kind == "welcome":
        raise ProtocolVersionUnsupportedError(
            f"{address} speaks version {answer.welcome.version}, this client {PROTOCOL_VERSION}"
        )
    if kind == "error":
        raise error_from_wire(answer.error)
    raise ConnectionLostError(f"it answered Hello with {kind or 'nothing'}: it is no broker")


async def greet_first(
    addresses: Sequence[str], hello: session_pb2.Hello, writer: FrameWriter, timeout: float
) -> Opened:
    """Connects to the first address that answers Hello, trying them in turn.

    Args:
        addresses: `host:port` of each.
        hello: Who is calling.
        writer: Whose credit the frame with Hello says.
        timeout: Seconds until the last attempt must have ended.

    Raises:
        UnavailableError: No address answered in time; the text says of each how it failed.
        ParleyError: A broker refused.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    backoff = Backoff(_FIRST_LONGEST_PAUSE)
    failures: dict[str, str] = {}
    while True:
        for address in addresses:
            left = max(0.0, deadline - loop.time())
            try:
                return await greet(address, hello, writer, min(HELLO_TIMEOUT, left))
            except NoAnswerError as silent:
                failures.setdefault(address, str(silent))
            except ConnectionLostError as lost:
                failures[address] = str(lost)
                _trace.debug("connecting to %s failed: %s", address, lost)
            except (DrainingError, UnavailableError) as error:
                failures[address] = str(error)
        pause = backoff.next()
        if loop.time() + pause >= deadline:
            tried = "; ".join(f"grpc://{address}: {failures.get(address, 'not tried')}" for address in addresses)
            raise UnavailableError(f"no broker answered within {timeout:g} s: {tried}")
        await asyncio.sleep(pause)
